"""Seconds as programs write them, nanoseconds as the clock counts them."""

from __future__ import annotations

import math
import operator
from typing import SupportsIndex

from pytest_resilience.clock._real import monotonic

LONGEST = 9_223_372_036
"""The longest wait in seconds that the real functions accept: 2^63 nanoseconds, some 292 years."""


def nanoseconds(seconds: float | SupportsIndex) -> int:
    """Whole nanoseconds, rounded up: whoever waits "a little" must not wake at the same instant.

    Takes what `time.sleep` takes: floats and whatever has ``__index__``.
    """
    return _rounded_up(seconds) if isinstance(seconds, float) else operator.index(seconds) * 1_000_000_000


def nanoseconds_of_difference(seconds: float) -> int:
    """`nanoseconds` of a difference of two clock readings, without the noise that their subtraction brought in.

    The readings are floats of up to many days; a difference that misses a whole microsecond by no more than their
    precision is taken to be that microsecond.
    """
    microseconds = round(seconds * 1e6)
    if microseconds > 0 and abs(seconds - microseconds / 1e6) <= 4 * math.ulp(monotonic()):
        return microseconds * 1000
    return max(1, _rounded_up(seconds))


def _rounded_up(seconds: float) -> int:
    """No less than was asked for: whoever wakes before the deadline that it has computed waits again, maybe for ever.

    What a decimal fraction cannot say exactly as a float is no reason to round.
    """
    product = seconds * 1e9
    whole = round(product)
    return whole if product - whole <= 2 * math.ulp(product) else whole + 1
