"""How long a call waits between two attempts."""

from __future__ import annotations

import random

import pytest
import tenacity
from hypothesis import given
from hypothesis import strategies as st

from resilience import conn_retry, create_retry_decorator, wait_equal_jitter

BOUNDS = [(1, 2), (2, 4), (4, 8), (8, 16), (15, 30), (15, 30), (15, 30)]


@pytest.fixture
def mode(repeated_mode):
    """Call each function for the first time and after a success: there, a call takes a shorter way."""
    return repeated_mode


@pytest.mark.parametrize(
    "decorator", [create_retry_decorator(8), conn_retry("Redis", "connect", max_retry=7)], ids=["retry", "connection"]
)
def test_each_wait_is_within_half_the_ceiling_and_the_ceiling(mode, decorator):
    """The wait after attempt n is in [c/2, c] with c = min(2^n, 30), and there is none after the last attempt."""
    fetch = decorator(mode.function(ConnectionError))
    waits = mode.waits_of(fetch)
    for _ in range(10):
        mode.fails(fetch, ConnectionError)
        assert len(waits) == len(BOUNDS)
        for wait, (shortest, longest) in zip(waits, BOUNDS, strict=True):
            assert shortest <= wait <= longest
        waits.clear()


def test_waits_differ_from_call_to_call_at_every_attempt(sync_mode):
    """The waits of a hundred calls cover both halves of the range of each attempt, also at the cap."""
    fetch = create_retry_decorator(8)(sync_mode.function(ConnectionError))
    waits = sync_mode.waits_of(fetch)
    for _ in range(100):
        sync_mode.fails(fetch, ConnectionError)
    for number, (shortest, longest) in enumerate(BOUNDS):
        drawn = waits[number :: len(BOUNDS)]
        middle = (shortest + longest) / 2
        assert len(set(drawn)) > 75
        assert 15 < sum(wait < middle for wait in drawn) < 85


def test_waits_are_still_jittered_after_a_thousand_attempts(sync_mode):
    """Nothing overflows in a thousand attempts, and the last waits differ as the first at the cap do."""
    fetch = create_retry_decorator(1100)(sync_mode.function(ConnectionError))
    waits = sync_mode.waits_of(fetch)
    sync_mode.fails(fetch, ConnectionError)
    assert sync_mode.attempts == 1100
    assert len(set(waits[1000:])) > 90
    assert all(15 <= wait <= 30 for wait in waits[4:])


@pytest.mark.parametrize(("cap", "bounds"), [(1.0, (0.5, 1.0)), (0.25, (0.125, 0.25)), (2, (1.0, 2.0))])
def test_a_low_cap_binds_from_the_first_wait_on(mode, cap, bounds):
    """A ``max_wait`` below two seconds is the ceiling of every wait, the first one included."""
    fetch = create_retry_decorator(40, max_wait=cap)(mode.function(ConnectionError))
    waits = mode.waits_of(fetch)
    mode.fails(fetch, ConnectionError)
    assert all(bounds[0] <= wait <= bounds[1] for wait in waits)
    assert len(set(waits)) > 30


def test_a_cap_of_zero_means_no_wait(mode):
    """``max_wait=0`` retries at once."""
    fetch = create_retry_decorator(3, max_wait=0)(mode.function(ConnectionError))
    waits = mode.waits_of(fetch)
    mode.fails(fetch, ConnectionError)
    assert waits == [0.0, 0.0]


@given(attempt=st.integers(1, 10**9), cap=st.floats(0, 9e9))
def test_the_wait_is_in_bounds_for_every_attempt_and_every_cap(attempt, cap):
    """Whatever the attempt and the cap are, the wait is in [c/2, c] with c = min(2^n, cap)."""
    state = tenacity.RetryCallState(tenacity.Retrying(), None, (), {})
    state.attempt_number = attempt
    ceiling = min(2.0 ** min(attempt, 1023), cap)
    assert ceiling / 2 <= wait_equal_jitter(cap)(state) <= ceiling


def test_the_draw_is_that_of_the_random_module(sync_mode):
    """A seeded random module gives the same waits again."""
    fetch = create_retry_decorator(8)(sync_mode.function(ConnectionError))
    waits = sync_mode.waits_of(fetch)
    state = random.getstate()
    try:
        for _ in range(2):
            random.seed(4711)
            sync_mode.fails(fetch, ConnectionError)
    finally:
        random.setstate(state)
    assert waits[:7] == waits[7:]


def test_the_wait_is_a_wait_of_tenacity():
    """It can be added to other waits, and tenacity takes it."""
    wait = wait_equal_jitter(max_wait=1.0)
    assert isinstance(wait, tenacity.wait.wait_base)
    state = tenacity.RetryCallState(tenacity.Retrying(), None, (), {})
    assert 10.5 <= (wait + tenacity.wait_fixed(10))(state) <= 11.0
    assert wait_equal_jitter().max_wait == 30.0


def test_the_default_wait_is_on_the_controller():
    """``.retry.wait`` is the wait of the decorator, with its cap."""
    fetch = create_retry_decorator(max_wait=12.0)(len)
    assert isinstance(fetch.retry.wait, wait_equal_jitter)
    assert fetch.retry.wait.max_wait == 12.0


@pytest.mark.parametrize(
    ("wait", "waited"),
    [
        (tenacity.wait_fixed(7), [7.0, 7.0, 7.0]),
        (tenacity.wait_exponential(multiplier=3), [3.0, 6.0, 12.0]),
        (tenacity.wait_chain(tenacity.wait_fixed(1), tenacity.wait_fixed(2)), [1.0, 2.0, 2.0]),
        (tenacity.wait_fixed(1) + tenacity.wait_incrementing(start=1, increment=1), [2.0, 3.0, 4.0]),
        (lambda state: state.attempt_number * 10.0, [10.0, 20.0, 30.0]),
    ],
    ids=["fixed", "exponential", "chain", "sum", "function"],
)
@pytest.mark.parametrize("kind", ["retry", "connection"])
def test_any_wait_of_tenacity_may_be_given(mode, kind, wait, waited):
    """``wait=`` replaces the backoff, by any of tenacity's strategies or a function of the state."""
    make = create_retry_decorator(4, wait=wait) if kind == "retry" else conn_retry("Redis", "connect", 3, wait=wait)
    fetch = make(mode.function(ConnectionError))
    waits = mode.waits_of(fetch)
    mode.fails(fetch, ConnectionError)
    assert waits == waited


def test_a_wait_of_ones_own_knows_function_and_error(mode):
    """A wait strategy sees in tenacity's state what it needs: function, arguments, error, attempt, time waited."""
    seen = []
    error = ConnectionError("refused")

    def wait(state):
        assert state.outcome is not None
        seen.append(
            (state.fn, state.args, state.kwargs, state.outcome.exception(), state.attempt_number, state.idle_for)
        )
        return 2.0

    function = mode.function(error, error, "stock")
    fetch = create_retry_decorator(wait=wait)(function)
    mode.waits_of(fetch)
    mode.run(fetch, "sku", count=2)
    assert seen == [
        (function, ("sku",), {"count": 2}, error, 1, 0.0),
        (function, ("sku",), {"count": 2}, error, 2, 2.0),
    ]
