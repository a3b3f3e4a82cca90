"""The text form of scripts: what it means, and what is said about a text that means nothing."""

from __future__ import annotations

import asyncio
import pickle

import httpx
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from resilience._failpoints.script.error import ScriptError
from resilience.testing import (
    Script,
    answer,
    bandwidth,
    corrupt,
    crash,
    delay,
    fail,
    garbage,
    hang,
    latency,
    limit,
    passthrough,
    pause,
    refuse,
    reset,
    slices,
    slow_close,
    status,
    truncate,
)


class Outer:
    class InnerError(Exception):
        """Hides what it was made with."""

        def __init__(self, message, number=0, *, key=0):
            super().__init__(message)
            self.hidden = (number, key)


class NotAnException:
    pass


class PickyError(Exception):
    def __new__(cls):
        return "no exception"


HERE = __name__
REFUSED = fail(ConnectionError("refused"))


@pytest.mark.parametrize(
    ("text", "script"),
    [
        ("3*raise(ConnectionError('refused'))->off", REFUSED.times(3).then(passthrough())),
        (" 3 * raise ( ConnectionError ( 'refused' ) )\n ->\toff ", REFUSED.times(3).then(passthrough())),
        ("raise(ConnectionError)", fail(ConnectionError)),
        ("raise(ConnectionError())", fail(ConnectionError())),
        ("raise(ConnectionError('a->b) \"c\\''))", fail(ConnectionError("a->b) \"c'"))),
        ("raise(httpx.ConnectTimeout('x'))", fail(httpx.ConnectTimeout("x"))),
        ("raise(asyncio.exceptions:CancelledError)", fail(asyncio.CancelledError)),
        (f"raise({HERE}:Outer.InnerError('x', 3))", None),
        (f"raise({HERE}.Outer.InnerError('x', 3, key=1))", None),
        ("raise(ExceptionGroup('g', [OSError('a'), httpx.ReadError('b')]))",
         fail(ExceptionGroup("g", [OSError("a"), httpx.ReadError("b")]))),
        ("raise(ValueError([1, {'a': (2,)}], b'x', ...))", fail(ValueError([1, {"a": (2,)}], b"x", ...))),
        ("return", answer(None)),
        ("return(None)", answer(None)),
        ("return(-1.5)", answer(-1.5)),
        ("return({'ok': False, 'ids': {1, 2}, 'none': set()})", answer({"ok": False, "ids": {1, 2}, "none": set()})),
        ("return('->)')", answer("->)")),
        ("return((1, 2))", answer((1, 2))),
        ("return(0x10)", answer(16)),
        ("sleep(1.5)", delay(1.5)),
        ("sleep( 1h30m )", delay(5400)),
        ("sleep(250ms)", delay(0.25)),
        ("2*off->1*raise(TimeoutError)", passthrough().times(2).then(fail(TimeoutError).times(1))),
        ("0003*off", passthrough().times(3)),
        ("25%raise(OSError)", fail(OSError).chance(25)),
        ("3*0.5% off", passthrough().chance(0.5).times(3)),
        ("@3 raise(OSError)->/2 off", fail(OSError).only(3).then(passthrough().every(2))),
        ("+5 2*off", passthrough().skip(5).times(2)),
        ("[10s..1m]off", passthrough().between(10, "1m")),
        ("[10s..]off->[..1m]hang", passthrough().between("10s").then(hang().between(None, 60))),
        ("1*after raise(OSError)", fail(OSError).after_effect().times(1)),
        ("after 1*raise(OSError)", fail(OSError).times(1).after_effect()),
        ("3*raise(OSError)", 3 * fail(OSError)),
        ("sleep(5s..30s)", delay(5, "30s")),
        ("1*pause->1*crash->hang", pause().times(1).then(crash().times(1)).then(hang())),
        ("status(503)", status(503)),
        ("status(429, retry_after=2)", status(429, retry_after="2s")),
        ("status(200, json={'a': [1, 2]}, headers={'X': 'y'})", status(200, json={"a": [1, 2]}, headers={"X": "y"})),
        ("status(500, 'a, b)')", status(500, "a, b)")),
        ("1*truncate(50%)->truncate(1KB)", truncate("50%").times(1).then(truncate(1000))),
        ("1*garbage->1*reset->refuse", garbage().times(1).then(reset().times(1)).then(refuse())),
        ("latency(100ms, jitter=20ms)", latency(0.1, jitter="20ms")),
        ("bandwidth(64KiB)", bandwidth(65536)),
        ("slice(10, pause=5ms)", slices(10, pause=0.005)),
        ("limit(1.5KB, reset=True)", limit(1500, reset=True)),
        ("limit(1KB, reset=False)", limit("1KB")),
        ("corrupt(0)", corrupt(0)),
        ("slow_close(5s)", slow_close(5)),
    ],
)  # fmt: skip
def test_text_means_what_the_builders_make(text, script):
    """A text parses to the script that the builders make, and its own canonical text parses to that again."""
    parsed = Script.parse(text)

    assert script is None or parsed == script
    assert Script.parse(str(parsed)) == parsed


def test_call_that_cannot_be_found_again_is_kept_as_it_was_written():
    """Arguments that the exception doesn't show any more stay in the text of the script that they were parsed from."""
    text = f"raise({HERE}.Outer.InnerError('x', 3, key=1))"

    assert str(Script.parse(text)) == text


class CountedError(Exception):
    made = 0

    def __init__(self, *args, code=0):
        super().__init__(*args)
        self.code = code
        type(self).made += 1


@pytest.mark.parametrize("inside", ["{}(7, 'no')", "{}(code=7)", "ExceptionGroup('g', [{}(1)])", "ValueError({}())"])
def test_parsing_makes_each_exception_once(inside):
    """A constructor with side effects is called once for each time that it is written."""
    before = CountedError.made

    script = Script.parse(f"3*raise({inside.format(f'{HERE}.CountedError')})")

    assert CountedError.made == before + 1
    assert Script.parse(str(script)) == script


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
        ("status(503, status=503)", 13, "'status'", "another name: status is given already", STATUS),
        ("latency(0)", 9, "'0'", "seconds, such as 1.5, or a duration, such as 250ms, above 0",
         "latency(100ms, jitter=20ms)"),
        ("bandwidth(0KB)", 11, "'0KB'", f"{BYTES}, above 0", "bandwidth(64KB)"),
        ("bandwidth(1XB)", 11, "'1XB'", BYTES, "bandwidth(64KB)"),
        ("slice(10, pause=x)", 17, "'x'", UNITS, "slice(10, pause=5ms)"),
        ("limit(1, reset=1)", 16, "'1'", "True or False", "1*limit(1KB, reset=True)->off"),
        ("truncate(100%)", 10, "'100%'", "a share below 100%", "1*truncate(50%)->off"),
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


def test_very_large_numbers_round_trip():
    """An int beyond the interpreter's limit on decimal digits is written in hexadecimal."""
    script = answer(10**6000)

    assert Script.parse(str(script)) == script


LEAVES = (
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats(allow_nan=False)
    | st.complex_numbers(allow_nan=False, allow_infinity=False).map(lambda value: value + 0)  # no negative zeros
    | st.text()
    | st.binary()
    | st.just(...)
)
LITERALS = st.recursive(
    LEAVES,
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.lists(inner, max_size=3).map(tuple)
        | st.dictionaries(st.text() | st.integers(), inner, max_size=3)
        | st.sets(st.text() | st.integers(), max_size=3)
    ),
    max_leaves=8,
)
ERRORS = st.one_of(
    st.sampled_from([OSError, KeyboardInterrupt, httpx.ReadTimeout("x"), asyncio.CancelledError]),
    st.builds(lambda cls, args: cls(*args), st.sampled_from([ValueError, KeyError, ConnectionError]),
              st.lists(LITERALS, min_size=1, max_size=2)),
    st.builds(Outer.InnerError, LITERALS),
    st.builds(OSError, st.integers(1, 200), st.text(), st.text(min_size=1)),
)  # fmt: skip
ACTION_SCRIPTS = st.one_of(
    st.builds(fail, ERRORS),
    st.builds(answer, LITERALS),
    st.builds(delay, st.floats(0, 1e9)),
    st.builds(lambda low, more: delay(low, low + more), st.floats(0, 1e6), st.floats(0, 1e6)),
    st.sampled_from([passthrough(), hang(), pause(), crash(), garbage(), reset(), refuse()]),
    st.builds(
        status,
        st.integers(200, 599),
        st.none() | st.text(),
        retry_after=st.none() | st.floats(0, 1e6),
        json=LITERALS,
        headers=st.none() | st.dictionaries(st.text(), st.text()),
    ),
    st.builds(truncate, st.integers(0, 10**9) | st.floats(0.1, 99.9).map(lambda share: f"{share:.3f}%")),
    st.builds(latency, st.floats(0.001, 1e6), jitter=st.none() | st.floats(0, 1e3)),
    st.builds(bandwidth, st.integers(1, 10**12)),
    st.builds(slices, st.integers(1, 10**6), pause=st.none() | st.floats(0, 1e3)),
    st.builds(limit, st.integers(1, 10**9), reset=st.none() | st.booleans()),
    st.builds(corrupt, st.integers(0, 10**9)),
    st.builds(slow_close, st.floats(0.001, 1e6)),
)
NUMBERS = st.integers(1, 10**9)
MODIFIERS = st.fixed_dictionaries(
    {},
    optional={
        "times": st.tuples(NUMBERS),
        "chance": st.tuples(st.floats(1e-9, 100)),
        "every": st.tuples(NUMBERS),
        "skip": st.tuples(NUMBERS),
        "between": st.tuples(st.none() | st.floats(0, 1e6), st.floats(1e6 + 1, 2e6)),
        "after_effect": st.just(()),
    },
)


def modified(script, modifiers):
    """Apply modifiers by the names of their methods."""
    for name, arguments in modifiers.items():
        script = getattr(script, name)(*arguments)
    return script


@st.composite
def scripts(draw):
    """Scripts of all actions and modifiers, whose last term may have none."""
    drawn = draw(st.lists(st.tuples(ACTION_SCRIPTS, MODIFIERS), max_size=4))
    parts = [modified(script, modifiers) for script, modifiers in drawn if modifiers.keys() - {"after_effect"}]
    if not parts or draw(st.booleans()):
        parts.append(draw(ACTION_SCRIPTS))
    whole = parts[0]
    for part in parts[1:]:
        whole = whole.then(part)
    return whole


@given(scripts())
@settings(deadline=None)
def test_every_script_survives_the_way_through_its_text(script):
    """A script made in code, printed and parsed, is equal to what it was, and prints the same."""
    parsed = Script.parse(str(script))

    assert parsed == script
    assert str(parsed) == str(script)


TOKENS = ["raise", "return", "sleep", "off", "after", "hang", "status", "latency", "slice", "..", "+", "/", "jitter=", "(", ")", "->", "*", "3", "0", "1.5", "50%", "@", "OSError", "ValueError",
          "'a'", "'", '"', "\\", ",", ".", ":", "[", "]", "{", "}", "None", "1h", " ", "\n", "=", "x", "é", "<", "#",
          "\0",
          "set()", "-", "f'{1}'", "lambda: 0", "**", "\ud800", "httpx.", "ReadError"]  # fmt: skip


@given(st.text() | st.lists(st.sampled_from(TOKENS), max_size=12).map("".join))
@settings(deadline=None, max_examples=500)
def test_any_text_is_a_script_or_a_script_error(text):
    """No text makes the parser raise anything else, and what it accepts round-trips."""
    problem, script = None, None
    try:
        script = Script.parse(text)
    except ScriptError as error:
        problem = error

    if problem is None:
        assert Script.parse(str(script)) == script
    else:
        assert 1 <= problem.column <= len(text) + 1
        assert len(str(problem).splitlines()) == 5
