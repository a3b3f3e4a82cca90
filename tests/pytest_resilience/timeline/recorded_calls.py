"""Calls of a decorated function under a script, and what an assertion about them says."""

from __future__ import annotations

import contextlib

import pytest

from pytest_resilience import Faults, Retries, VirtualClock
from resilience import create_retry_decorator


@create_retry_decorator(max_attempts=4)
def fetch_it():
    """Do it."""
    return "it"


class RateLimitedError(Exception):
    def __init__(self, retry_after):
        super().__init__("slow down")
        self.retry_after = retry_after


def calls_under(script, function, times, check):
    """Call a function some times under a script, each time from its beginning, and check what was recorded."""
    with VirtualClock(), Retries() as retries:
        for _ in range(times):
            with Faults() as faults:
                faults.inject(function, script, strict=False)
                with contextlib.suppress(OSError, KeyError, RateLimitedError):
                    function()
        check(retries)


def failure_of(check, script="off", function=fetch_it, times=1):
    """Return the text with which a check fails, without the timeline that ends it."""
    with pytest.raises(AssertionError) as raised:
        calls_under(script, function, times, check)
    text, gap, timeline = str(raised.value).partition("\n\n")
    assert gap
    assert timeline.startswith("timeline, in seconds since the test began:\n")
    return text
