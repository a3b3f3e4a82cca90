"""Texts that are no script: what is said of them, and where."""

from __future__ import annotations

import pickle

import pytest

from resilience._failpoints.script.error import ScriptError
from resilience.testing import (
    Script,
)


class NotAnException:
    pass


class PickyError(Exception):
    def __new__(cls):
        return "no exception"


HERE = __name__

NAMES = "an exception class: a builtin such as ConnectionError, or one with its module such as httpx.ConnectTimeout"
ACTIONS = (
    "an action: off, raise, return, sleep, hang, pause, crash, status, truncate, garbage, reset, refuse, latency, "
    "bandwidth, slice, limit, corrupt, slow_close"
)
MODIFIER = f"a modifier, such as 3* (a count), 25% (a chance), @2, /2, +2, [10s..1m] or after, or {ACTIONS}"
THERE = f"{ACTIONS}; this modifier is there already"
WINDOW = "a window since the script was armed, such as [10s..1m], [10s..] or [..1m]"
BYTES = "a number of bytes, such as 100, 64KB (1000) or 1KiB (1024)"
STATUS = "2*status(503)->1*status(429, retry_after=2)"
LITERAL = "a Python literal, such as 500, 'text', None, [1, 2] or {'ok': True}"
UNITS = "seconds, such as 1.5, or a duration of the units d, h, m, s, ms, us and ns, such as 1h30m or 250ms"
RAISE = "3*raise(ConnectionError('refused'))->off"
RETURN = "2*return({'ok': False})->off"
SLEEP = "1*sleep(250ms)->off"
OFF = "2*off->1*raise(TimeoutError)"


@pytest.mark.parametrize(
    ("text", "column", "found", "expected", "example"),
    [
        ("", 1, "the end of the script", ACTIONS, RAISE),
        ("->off", 1, "'->'", ACTIONS, RAISE),
        ("3*off->", 8, "the end of the script", ACTIONS, OFF),
        ("3*rase(OSError)->off", 3, "'rase'", f"{ACTIONS} (did you mean 'raise', 'reset' or 'pause'?)", RAISE),
        ("pausee", 1, "'pausee'", f"{ACTIONS} (did you mean 'pause'?)", RAISE),
        ("1*fail(OSError)", 3, "'fail'", f"{ACTIONS} (in text it is 'raise')", RAISE),
        ("2*passthrough", 3, "'passthrough'", f"{ACTIONS} (in text it is 'off')", RAISE),
        ("off off", 5, "'off'", "'->' and what follows, or the end of the script", OFF),
        ("1*off;1*off", 6, "';'", "'->' and what follows, or the end of the script", OFF),
        ("0*off", 1, "'0*'", "a count from 1 to 1000000000, or none for every call", RAISE),
        ("1000000001*off", 1, "'1000000001*'", "a count from 1 to 1000000000, or none for every call", RAISE),
        ("1.5*off", 1, "'1.5*'", MODIFIER, RAISE),
        ("-1*off", 1, "'-1*'", MODIFIER, RAISE),
        ("3 off", 1, "'3'", MODIFIER, RAISE),
        ("2*3*off", 3, "'3*'", THERE, RAISE),
        ("after after off", 7, "'after'", THERE, RAISE),
        ("@1 @2 off", 4, "'@2'", THERE, RAISE),
        ("0%off", 1, "'0%'", "a chance above 0% and up to 100%", RAISE),
        ("100.5% off", 1, "'100.5%'", "a chance above 0% and up to 100%", RAISE),
        ("@0 off", 1, "'@0'", "a call from 1 to 1000000000", RAISE),
        ("+0 off", 1, "'+0'", "a call from 1 to 1000000000", RAISE),
        ("@off", 1, "'@'", MODIFIER, RAISE),
        ("@-1 off", 1, "'@'", MODIFIER, RAISE),
        ("[..] off", 1, "'[..]'", WINDOW, RAISE),
        ("[10s] off", 1, "'[10s]'", WINDOW, RAISE),
        ("[10s..1m off", 1, "'[' without its end", WINDOW, RAISE),
        ("[5s..5s]off", 1, "'[5s..5s]'", "a window that ends after its start", RAISE),
        ("[5s..1x]off", 6, "'1x'", UNITS, RAISE),
        ("2*@3 off", 1, "'2*@3 off'", "a term that can strike: @3 is a single call, which can't be struck 2 times", OFF),
        ("@2+5 off", 1, "'@2+5 off'",
         "a term that can strike: call 2 is among the first 5, which +5 leaves alone", OFF),
        ("@3/2 off", 1, "'@3/2 off'", "a term that can strike: call 3 is not one of every 2", OFF),
        ("status", 7, "the end of the script", f"'(' and an HTTP status from 200 to 599, as in {STATUS}", STATUS),
        ("status()", 8, "')'", f"an HTTP status from 200 to 599, as in {STATUS}", STATUS),
        ("status(99)", 8, "'99'", "an HTTP status from 200 to 599", STATUS),
        ("status(503, retry=1)", 13, "'retry'",
         "status=, body=, retry_after=, json=, headers= in status(...) (did you mean 'retry_after'?)", STATUS),
        ("status(503, 'a', 'b')", 18, "'b'", "')': status takes no more values", STATUS),
        ("status(503, 'x', json=1)", 18, "'json'", "')': status takes body or json, and body is given already", STATUS),
        ("status(503, json=1, body='x')", 21, "'body'", "')': status takes json or body, and json is given already", STATUS),
        ("status(503, status=503)", 13, "'status'", "another name: status is given already", STATUS),
        ("latency(0)", 9, "'0'", "seconds, such as 1.5, or a duration, such as 250ms, above 0",
         "latency(100ms, jitter=20ms)"),
        ("bandwidth(0KB)", 11, "'0KB'", f"{BYTES}, above 0", "bandwidth(64KB)"),
        ("bandwidth(1XB)", 11, "'1XB'", f"{BYTES}, above 0", "bandwidth(64KB)"),
        ("slice(10, pause=x)", 17, "'x'", UNITS, "slice(10, pause=5ms)"),
        ("limit(1, reset=1)", 16, "'1'", "True or False", "1*limit(1KB, reset=True)->off"),
        ("truncate(100%)", 10, "'100%'", "a number of bytes, such as 100, or a share below 100%, such as 50%", "1*truncate(50%)->off"),
        ("reset(1)", 6, "'('", "'->' or the end of the script: reset takes no value", "1*reset->off"),
        ("1*sleep(5..3)", 12, "'3'", "a duration of at least '5'", SLEEP),
        ("hang->off", 1, "'hang'",
         "a count before it: without one it is for every call, and what follows '->' is never reached", "1*hang->off"),
        ("after hang->off", 1, "'after'",
         "a count before it: without one it is for every call, and what follows '->' is never reached",
         "1*after hang->off"),
        ("1*off->raise(OSError)->off", 8, "'raise'",
         "a count before it: without one it is for every call, and what follows '->' is never reached",
         "1*raise(OSError)->off"),
        ("off(1)", 4, "'('", "'->' or the end of the script: off takes no value", OFF),
        ("raise", 6, "the end of the script", "'(' and an exception, such as raise(ConnectionError('refused'))", RAISE),
        ("raise()", 7, "')'", "an exception, such as OSError('lost') or httpx.ConnectTimeout('slow')", RAISE),
        ("raise('x')", 7, "'x'", "an exception, such as OSError('lost') or httpx.ConnectTimeout('slow')", RAISE),
        ("raise(ConectionError)", 7, "'ConectionError'",
         f"{NAMES} (did you mean 'ConnectionError', 'ConnectionResetError' or 'ConnectionRefusedError'?)", RAISE),
        ("raise(Zzz('x'))", 7, "'Zzz'", NAMES, RAISE),
        ("raise(httpx.ConnectTimout('x'))", 13, "'ConnectTimout'",
         "an exception class of 'httpx' (did you mean 'ConnectTimeout' or 'ConnectError'?)", RAISE),
        ("raise(httpx:ConnectTimout)", 13, "'ConnectTimout'",
         "an exception class of 'httpx' (did you mean 'ConnectTimeout' or 'ConnectError'?)", RAISE),
        ("raise(no_such_module_zzz.Error)", 7, "'no_such_module_zzz'", "a module that can be imported", RAISE),
        ("raise(int)", 7, "'int', which is no exception class", NAMES, RAISE),
        (f"raise({HERE}.NotAnException)", 7, f"'{HERE}.NotAnException', which is no exception class", NAMES, RAISE),
        (f"raise({HERE}.HERE.Error)", 12 + len(HERE) + 1, "'Error', in something that is neither a module nor a class",
         NAMES, RAISE),
        (f"raise({HERE}.PickyError)", 7, f"{HERE}.PickyError(...), which made no exception",
         "a class that makes exceptions", RAISE),
        ("raise(UnicodeDecodeError('x'))", 7,
         "UnicodeDecodeError(...), which raised TypeError: function takes exactly 5 arguments (1 given)",
         "arguments that the class takes", RAISE),
        ("raise(OSError('a') 3)", 20, "'3'", "')' after the exception", RAISE),
        ("raise(OSError 'a')", 15, "'a'", "'(' and the arguments of the exception, or ')'", RAISE),
        ("raise(OSError(lost))", 15, "'lost'", LITERAL, RAISE),
        ("raise(OSError('a', x.y))", 20, "'x'", LITERAL, RAISE),
        ("raise(OSError(*[1]))", 15, "'*'", LITERAL, RAISE),
        ("raise(OSError(**{'a': 1}))", 15, "'*'", "keyword arguments, each of its own name", RAISE),
        ("raise(OSError(len('x')))", 15, "'len', which is no exception class", NAMES, RAISE),
        ("raise(OSError([len][0]('x')))", 15, "'['", LITERAL, RAISE),
        ("raise(<httpx.HTTPStatusError: bad>)", 7, "'<'",
         "a value: <...> stands for an object that was made in code and has no text form", RAISE),
        ("raise(<pkg.Error: it's)>)", 7, "'<'",
         "a value: <...> stands for an object that was made in code and has no text form", RAISE),
        ("return(<object object>)", 8, "'<'",
         "a value: <...> stands for an object that was made in code and has no text form", RETURN),
        ("return()", 8, "')'", f"{LITERAL}; or return alone for None, return(()) for an empty tuple", RETURN),
        ("return(1, 2)", 11, "'2'", "')': it takes one value, and a tuple is written return((1, 2))", RETURN),
        ("return(status=1)", 8, "'status'", "a literal without a name", RETURN),
        ("return(true)", 8, "'true'", f"{LITERAL} (did you mean 'True'?)", RETURN),
        ("return([1, 2, three])", 15, "'three'", f"{LITERAL} (did you mean 'True'?)", RETURN),
        ("return({'é': x})", 14, "'x'", LITERAL, RETURN),
        ("return({**{}})", 11, "'{'", LITERAL, RETURN),
        ("return({[1]})", 9, "'['", "something hashable, as members of a set and keys of a dict are", RETURN),
        ("return(f'x')", 8, "'f'", LITERAL, RETURN),
        ("return(1 + 1)", 8, "'1'", LITERAL, RETURN),
        ("return('\\d')", 8, "'\\d'", LITERAL, RETURN),
        ("return(open('x'))", 8, "'open'", LITERAL, RETURN),
        ("return('a)", 8, "a quote without its end", "the same quote where the text ends", RETURN),
        ("return((1)", 7, "'(' without its end", "')' where what is inside ends", RETURN),
        ("return(\0)", 8, "'\\x00'", LITERAL, RETURN),
        ("return('a\ud800')", 10, "'\\ud800'", "text that can be encoded", RETURN),
        ("sleep", 6, "the end of the script",
         "'(' and seconds, such as 1.5, or a duration, such as 250ms, or a range such as 5s..30s, "
         "as in 1*sleep(250ms)->off", SLEEP),
        ("sleep()", 7, "')'",
         "seconds, such as 1.5, or a duration, such as 250ms, or a range such as 5s..30s, as in 1*sleep(250ms)->off",
         SLEEP),
        ("sleep(1h30x)", 9, "'30x'", UNITS, SLEEP),
        ("sleep(0.5ns)", 7, "'0.5ns'", "a whole number of nanoseconds", SLEEP),
        ("sleep(-1)", 7, "'-1'", UNITS, SLEEP),
    ],
)  # fmt: skip
def test_text_that_is_no_script_is_refused_at_its_column(text, column, found, expected, example):
    """The message shows the column, what was found, the script with a caret, what was expected, and an example."""
    with pytest.raises(ScriptError) as caught:
        Script.parse(text)

    shown = text.replace("\0", "\\x00").replace("\ud800", "\\ud800")
    assert str(caught.value) == (
        f"can't read the fault script at column {column}: found {found}\n"
        f"    {shown}\n"
        f"    {' ' * (column - 1)}^\n"
        f"Expected {expected}.\n"
        f"Example: {example}"
    )
    assert caught.value.column == column
    Script.parse(example)


def test_error_reads_as_prose():
    """The whole message of the most usual mistake, a mistyped exception."""
    with pytest.raises(ScriptError) as caught:
        Script.parse("2*off->3*raise(httpx.ConnectTimout('slow'))->off")

    assert str(caught.value) == (
        "can't read the fault script at column 22: found 'ConnectTimout'\n"
        "    2*off->3*raise(httpx.ConnectTimout('slow'))->off\n"
        "                         ^\n"
        "Expected an exception class of 'httpx' (did you mean 'ConnectTimeout' or 'ConnectError'?).\n"
        "Example: 3*raise(ConnectionError('refused'))->off"
    )


def test_caret_stands_under_its_column_in_a_terminal():
    """Wide characters take two columns, combining ones none, and escaped ones as many as their escape has."""
    with pytest.raises(ScriptError) as caught:
        Script.parse("1*return('日本e\u0301')\n -> bad")

    lines = str(caught.value).splitlines()
    assert lines[1] == "    1*return('日本e\u0301')\\n -> bad"
    assert lines[2] == "    " + " " * len("1*return('....e')\\n -> ") + "^"
    assert caught.value.column == 22


def test_long_script_is_cut_around_the_column():
    """Of a long script the message shows what is near the mistake."""
    with pytest.raises(ScriptError) as caught:
        Script.parse(f"1*return('{'x' * 500}')->bad->1*return('{'y' * 500}')")

    lines = str(caught.value).splitlines()
    assert lines[1] == f"    ...{'x' * 56}')->bad->1*return('{'y' * 45}..."
    assert lines[2] == "    " + " " * 63 + "^"


def test_error_survives_pickling():
    """The error travels between processes with its message, as it does under xdist."""
    with pytest.raises(ScriptError) as caught:
        Script.parse("bad")

    assert str(pickle.loads(pickle.dumps(caught.value))) == str(caught.value)


def test_nothing_but_the_exception_class_is_called():
    """A text can't call a function, read an attribute of an object, or run an operator."""
    for text in (
        "return(__import__('os'))",
        "return(().__class__)",
        "return([x for x in (1,)])",
        "return('a' * 10)",
        "return((lambda: 1)())",
        "return(x := 1)",
        "raise(os.system('true'))",
        "raise(os.path.join('a', 'b'))",
        "raise(builtins.exec('1'))",
    ):
        with pytest.raises(ScriptError):
            Script.parse(text)


@pytest.mark.parametrize("text", [f"return({'(' * 5000}{')' * 5000})", f"return({'-' * 100_000}1)", "1*" * 5000])
def test_very_deep_text_is_refused(text):
    """Nesting beyond what the interpreter reads is a ScriptError like any other."""
    with pytest.raises(ScriptError):
        Script.parse(text)
