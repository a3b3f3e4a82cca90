"""The text form of scripts, tried on generated scripts and texts."""

from __future__ import annotations

import asyncio

import httpx
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
from tests.resilience.script.errors import Outer

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
        headers=st.none() | st.dictionaries(st.text(), st.text()),
    ),
    st.builds(status, st.integers(200, 599), json=LITERALS),
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
@settings(deadline=None, max_examples=100)
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
