"""Seconds as programs write them, nanoseconds as the clock counts them."""

from __future__ import annotations

import math
import operator
from _thread import TIMEOUT_MAX
from datetime import UTC, datetime, timedelta
from typing import Any, SupportsIndex

from pytest_resilience.clock._reach.real import monotonic

EPOCH = datetime(1970, 1, 1, tzinfo=UTC)

LONGEST = 9_223_372_036
"""The longest wait in seconds that the real functions accept: 2^63 nanoseconds, some 292 years."""


def is_timeout(value: object) -> bool:
    """Whether functions in C take it for a timeout, in seconds or in milliseconds; else they say what is wrong."""
    return value is None or isinstance(value, (float, int, SupportsIndex))  # the last one takes far longer to ask


def is_in_range(timeout: Any) -> bool:
    """Whether `threading` waits for so long, or for ever; else its own functions say what is wrong."""
    return is_timeout(timeout) and (timeout is None or timeout <= TIMEOUT_MAX)


def nanoseconds_since_epoch(moment: datetime) -> int:
    """The wall clock at a moment, to the microsecond; one without a zone is in UTC."""
    zoned = moment if moment.tzinfo is not None else moment.replace(tzinfo=UTC)
    return (zoned - EPOCH) // timedelta(microseconds=1) * 1000


def nanoseconds(seconds: float | SupportsIndex) -> int:
    """Whole nanoseconds, rounded up: a thread that waits "a little" must not wake at the same instant.

    Takes what `time.sleep` takes: floats and whatever has ``__index__``.
    """
    if isinstance(seconds, float):
        return _rounded_up(seconds, noise=0.0)
    return operator.index(seconds) * 1_000_000_000


def nanoseconds_of_difference(seconds: float) -> int:
    """`nanoseconds` of a difference of two clock readings, without the noise that their subtraction brought in.

    The readings are floats of up to many days, so their difference is as precise as they are, and no more. NaN is taken
    for no time at all, as `threading` takes it.
    """
    if math.isnan(seconds):
        return 1
    return max(1, _rounded_up(seconds, noise=4 * math.ulp(monotonic())))


def _rounded_up(seconds: float, *, noise: float) -> int:
    """No less than was asked for: a thread that wakes before the deadline it has computed waits again, maybe for ever.

    What a decimal fraction cannot say exactly as a float is no reason to round.
    """
    product = seconds * 1e9
    whole = round(product)
    return whole if product - whole <= 2 * math.ulp(product) + noise * 1e9 else whole + 1
