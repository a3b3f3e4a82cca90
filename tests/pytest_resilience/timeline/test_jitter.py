"""What is asserted of the waits of several calls: that these do not retry in step."""

from __future__ import annotations

import re

import pytest
import tenacity

from resilience import create_retry_decorator
from tests.pytest_resilience.timeline.recorded_calls import calls_under, failure_of, fetch_it


def capped(wait=None, attempts=10):
    """Return a function that fails as often as that, so that its waits reach the cap: of 30 s in ten attempts."""

    @create_retry_decorator(max_attempts=attempts, wait=wait)
    def failing():
        raise OSError

    return failing


def test_the_kit_s_waits_are_jittered_also_at_the_cap():
    """Twenty calls that reach the cap have waits that differ at each attempt."""
    function = capped()
    calls_under("off", function, 20, lambda retries: retries.assert_jittered(function))


@pytest.mark.parametrize(
    ("wait", "attempt"),
    [
        (tenacity.wait_exponential_jitter(max=30), 6),
        (tenacity.wait_exponential(max=30), 1),
        (tenacity.wait_fixed(5), 1),
        (tenacity.wait_fixed(5) + tenacity.wait_random(0, 0), 1),
    ],
)
def test_waits_that_are_the_same_are_caught(wait, attempt):
    """Strategies that are not jittered, or not at the cap as tenacity's own, fail at the first attempt in step."""
    function = capped(wait, attempts=attempt + 1)

    text = failure_of(lambda retries: retries.assert_jittered(function), function=function, times=20)

    assert re.fullmatch(
        rf"{re.escape(function.failpoint)} is not jittered: after attempt {attempt}, 20 of 20 calls waited exactly "
        r"(30|1|5) s, so they would retry in step",
        text,
    )


@pytest.mark.slow
def test_a_wait_that_is_at_the_cap_in_half_of_the_calls_is_caught():
    """Where a good part of the calls wait exactly the cap, they retry in step, though others do not."""
    function = capped(tenacity.wait_exponential_jitter(max=1.5), attempts=2)

    # Of 200 calls a hundred are likely to wait that, and 67 are enough: fewer calls would miss that now and then.
    text = failure_of(lambda retries: retries.assert_jittered(function), function=function, times=200)

    assert "after attempt 1" in text


def test_two_calls_suffice_to_compare():
    """Two calls that wait the same are in step; two that don't are not."""
    function = capped()
    calls_under("off", function, 2, lambda retries: retries.assert_jittered(function))
    fixed = capped(tenacity.wait_fixed(1))
    assert "2 of 2 calls" in failure_of(lambda retries: retries.assert_jittered(fixed), function=fixed, times=2)


@pytest.mark.parametrize(("script", "times"), [("raise(OSError)", 1), ("off", 10), ("off", 0)])
def test_jitter_needs_two_calls_that_waited(script, times):
    """With fewer than two calls to compare, the assertion fails and says what to do."""
    assert failure_of(lambda retries: retries.assert_jittered(fetch_it), script, fetch_it, times) == (
        f"the jitter of {fetch_it.failpoint} shows in the waits of several calls, and there are not two of them to "
        "compare: make the call fail a few times in the same test"
    )
