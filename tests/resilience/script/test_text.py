"""The text form of scripts: what it means."""

from __future__ import annotations

import asyncio

import httpx
import pytest

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
from tests.resilience.script.errors import Outer

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
        (f"raise({Outer.__module__}:Outer.InnerError('x', 3))", None),
        (f"raise({Outer.__module__}.Outer.InnerError('x', 3, key=1))", None),
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
        ("3*raise(OSError)", fail(OSError) * 3),
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
    text = f"raise({Outer.__module__}.Outer.InnerError('x', 3, key=1))"

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


def test_very_large_numbers_round_trip():
    """An int beyond the interpreter's limit on decimal digits is written in hexadecimal."""
    script = answer(10**6000)

    assert Script.parse(str(script)) == script
