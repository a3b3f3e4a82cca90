"""Scripts made in code."""

from __future__ import annotations

import asyncio
import copy
import pickle
from dataclasses import FrozenInstanceError

import httpx
import pytest

from resilience._failpoints.script.actions.functions import Off, Raise, Return, Sleep
from resilience._failpoints.script.quantities import Span
from resilience.testing import Script, answer, as_script, delay, fail, passthrough, status


def _status_error():
    request = httpx.Request("GET", "http://example.org")
    return httpx.HTTPStatusError("bad", request=request, response=httpx.Response(500, request=request))


class Reprless:
    def __repr__(self):
        raise RuntimeError("no repr")


class TokenError(Exception):
    def __init__(self, message):
        super().__init__(message)
        self.token = object()


def test_code_and_text_make_the_same_script():
    """A script made by the builders equals the one parsed from its text, and prints as that text."""
    script = fail(ConnectionError("refused")).times(3).then(passthrough())

    assert str(script) == "3*raise(ConnectionError('refused'))->off"
    assert script == Script.parse("3*raise(ConnectionError('refused'))->off")
    assert repr(script) == "<Script 3*raise(ConnectionError('refused'))->off>"


@pytest.mark.parametrize(
    ("script", "text"),
    [
        (fail(TimeoutError), "raise(TimeoutError)"),
        (fail(TimeoutError()), "raise(TimeoutError)"),
        (fail(KeyboardInterrupt), "raise(KeyboardInterrupt)"),
        (fail(asyncio.CancelledError("stop")), "raise(asyncio.CancelledError('stop'))"),
        (fail(httpx.ConnectTimeout("it's -> slow)")), 'raise(httpx.ConnectTimeout("it\'s -> slow)"))'),
        (fail(OSError(2, "gone", "/data")), "raise(FileNotFoundError(2, 'gone', '/data'))"),
        (fail(ImportError("no", name="numpy")), "raise(ImportError('no', name='numpy'))"),
        (
            fail(ExceptionGroup("many", (ValueError(1), KeyError()))),
            "raise(ExceptionGroup('many', [ValueError(1), KeyError()]))",
        ),
        (answer(), "return(None)"),
        (answer({"ok": [True, (1,)], "ids": {2, 1}}), "return({'ok': [True, (1,)], 'ids': {1, 2}})"),
        (answer(float("inf")), "return(1e999)"),
        (answer(-2j + 0), "return((0.0-2.0j))"),
        (delay(1.5), "sleep(1.5)"),
        (delay(90), "sleep(90)"),
        (delay("1h30m"), "sleep(5400)"),
        (passthrough().times(2).then(fail(OSError).times(1)), "2*off->1*raise(OSError)"),
    ],
)
def test_script_has_a_text_that_gives_it_back(script, text):
    """str() is the exact text form, and parsing it gives an equal script."""
    assert str(script) == text
    assert Script.parse(text) == script


@pytest.mark.parametrize(
    ("script", "text"),
    [
        (fail(_status_error()).times(2), "2*raise(<httpx.HTTPStatusError: bad>)"),
        (fail(TokenError("odd\nly")), "raise(<"),
        (answer(object()), "return(<object object>)"),
        (answer(Reprless()), "return(<Reprless>)"),
        (answer(float("nan")), "return(<nan>)"),
        (answer(-2j), "return(<(-0-2j)>)"),
        (answer("x" * 3), "return('xxx')"),
        (answer(httpx.Response(500)), "return(<Response [500 Internal Server Error]>)"),
        (answer(httpx.codes.OK), "return(<codes.OK: 200>)"),
        (answer(frozenset({1})), "return(<frozenset({1})>)"),
    ],
)
def test_script_without_a_text_form_prints_a_stand_in(script, text):
    """What no literal makes is shown on one line between angle brackets, without addresses."""
    assert str(script).startswith(text)
    assert "\n" not in str(script)


def test_long_stand_in_is_cut():
    """A stand-in shows the first hundred characters of what it stands for."""
    assert str(answer(frozenset(["x" * 1000]))) == f"return(<frozenset({{'{'x' * 88}...>)"


def test_scripts_are_compared_and_hashed_by_value():
    """Equal scripts have equal hashes, also with an exception whose args can't be hashed."""
    same = {fail(ValueError(["a"])).times(2), Script.parse("2*raise(ValueError(['a']))")}

    assert len(same) == 1
    assert fail(ValueError("a")) != fail(ValueError("b"))
    assert fail(ValueError("a")) != fail(TypeError("a"))
    assert fail(ValueError("a")) != fail(ValueError("a")).times(1)
    assert answer(1) != answer(True)
    assert fail(ValueError) != answer(ValueError)


def test_exceptions_without_a_text_are_compared_by_what_they_hold():
    """Two scripts of one odd exception are equal; those of two that differ in an attribute are not."""
    error = _status_error()

    assert fail(error) == fail(error)
    assert fail(error) != fail(_status_error())


def test_script_is_immutable():
    """Neither a script nor its parts can be changed, and the builders leave the script they start from alone."""
    script = fail(OSError)
    script.times(3)

    assert str(script) == "raise(OSError)"
    with pytest.raises(FrozenInstanceError):
        script.terms = ()
    with pytest.raises(FrozenInstanceError):
        script.terms[0].count = 1


def test_exception_changed_after_fail_does_not_change_the_script():
    """fail() takes a copy: what happens to the exception it was given stays outside."""
    error = TokenError("x")
    script = fail(error)
    error.add_note("later")
    error.args = ("y",)
    action = script.terms[0].action

    assert isinstance(action, Raise)
    assert action.error.args == ("x",)
    assert not hasattr(action.error, "__notes__")


def test_scripts_can_be_copied_and_pickled():
    """Scripts travel to other processes, as they do under xdist."""
    script = Script.parse("3*raise(ConnectionError('refused'))->1*sleep(1)->return([1])")

    assert pickle.loads(pickle.dumps(script)) == script
    assert copy.deepcopy(script) == script


def test_actions_know_their_text_and_whether_it_replays():
    """Each action has a text; replayable tells whether parsing it gives the action back."""
    actions = [Raise(OSError("x")), Raise(_status_error()), Return(1), Return(object()), Sleep(Span(1, 1)), Off()]

    assert [(str(action), action.replayable) for action in actions] == [
        ("raise(OSError('x'))", True),
        ("raise(<httpx.HTTPStatusError: bad>)", False),
        ("return(1)", True),
        ("return(<object object>)", False),
        ("sleep(0.000000001)", True),
        ("off", True),
    ]
    assert Sleep(Span(1_500_000_000, 1_500_000_000)).seconds == 1.5


def test_as_script_takes_a_script_or_its_text():
    """A script comes back as it is, a text is parsed."""
    script = fail(OSError)

    assert as_script(script) is script
    assert as_script("raise(OSError)") == script


UNREACHABLE = (
    "raise(OSError) has no count, so it is for every call and off after it is never reached: "
    "write .times(n) before .then(...)"
)
WITHOUT_ARGUMENTS = (
    "TokenError can't be made without arguments (TypeError: TokenError.__init__() missing 1 required positional "
    "argument: 'message'): write fail(TokenError(...))"
)
UNITS = "seconds, such as 1.5, or a duration of the units d, h, m, s, ms, us and ns, such as 1h30m or 250ms"
EXAMPLES = """fail(ConnectionError('refused')).times(3) or "3*raise(ConnectionError('refused'))\""""


@pytest.mark.parametrize(
    ("mistake", "kind", "message"),
    [
        (lambda: fail(OSError).then(passthrough()), ValueError, UNREACHABLE),
        (
            lambda: fail(OSError).times(0),
            ValueError,
            ".times(): expected a whole number of calls from 1 to 1000000000; got 0 (int)",
        ),
        (
            lambda: fail(OSError).times(10**10),
            ValueError,
            ".times(): expected a whole number of calls from 1 to 1000000000; got 10000000000 (int)",
        ),
        (
            lambda: fail(OSError).times(True),
            TypeError,
            ".times(): expected a whole number of calls from 1 to 1000000000; got True (bool)",
        ),
        (
            lambda: fail(OSError).times("3"),
            TypeError,
            ".times(): expected a whole number of calls from 1 to 1000000000; got '3' (str)",
        ),
        (
            lambda: fail(OSError).times(1).times(2),
            ValueError,
            "1*raise(OSError) has this modifier already: call .times() once for each term",
        ),
        (
            lambda: fail(OSError).times(1).then("off"),
            TypeError,
            ".then() takes a script, such as passthrough(); got 'off' (str)",
        ),
        (
            lambda: fail("refused"),
            TypeError,
            "fail() takes an exception or its class, such as ConnectionError('refused'); got 'refused' (str)",
        ),
        (
            lambda: fail(int),
            TypeError,
            "fail() takes an exception or its class, such as ConnectionError('refused'); got <class 'int'> (type)",
        ),
        (
            lambda: fail(TokenError),
            TypeError,
            WITHOUT_ARGUMENTS,
        ),
        (lambda: status(503, "x", json=1), ValueError, "status takes body or json, and here are both"),
        (lambda: delay(-1), ValueError, "a duration is from 0 to 9223372036 seconds; got -1"),
        (lambda: delay("1m2h"), ValueError, f"not a duration: found '2h', expected {UNITS}"),
        (
            lambda: delay(None),
            TypeError,
            "delay() takes seconds, such as 1.5, or a duration, such as '250ms'; got None (NoneType)",
        ),
        (
            lambda: delay(True),
            TypeError,
            "delay() takes seconds, such as 1.5, or a duration, such as '250ms'; got True (bool)",
        ),
        (
            lambda: Script.parse(3),
            TypeError,
            "Script.parse() takes a text, such as '3*return(500)->off'; got 3 (int)",
        ),
        (
            lambda: as_script(OSError("x")),
            TypeError,
            f"expected a script, such as {EXAMPLES}; got OSError('x') (OSError)",
        ),
        (lambda: Script(()), ValueError, "a script needs at least one term; passthrough() lets every call through"),
    ],
)
def test_mistake_in_code_says_what_to_write(mistake, kind, message):
    """A wrong type is a TypeError, a wrong value a ValueError; each tells what came and what to write."""
    assert callable(mistake)
    with pytest.raises(kind) as caught:
        mistake()

    assert str(caught.value) == message
    assert caught.type is kind
