"""Sleeping: `time.sleep`, and `threading.Event.wait` with a timeout."""

from __future__ import annotations

import operator
import threading
import time
from collections.abc import Callable, Iterator
from typing import Any

from pytest_resilience.clock._bubble.units import LONGEST, nanoseconds
from pytest_resilience.clock._bubble.waiting import current
from pytest_resilience.clock._reach import real
from pytest_resilience.clock._reach.native import BuiltinPatch, original
from pytest_resilience.clock._reach.patches import Patch, function_patches, unpatched


def _sleep(seconds: Any) -> None:
    """`time.sleep`, in virtual time."""
    member = current()
    if not isinstance(seconds, (int, float)) and hasattr(seconds, "__index__"):
        seconds = operator.index(seconds)
    if member is None or not isinstance(seconds, (int, float)) or not 0 <= seconds <= LONGEST:
        real.sleep(seconds)  # also says what is wrong with a text, a negative number or NaN
        return
    scheduler = member.scheduler
    if seconds == 0:
        member.wait_no_time()
        return
    scheduler.record_sleep(seconds)
    scheduler.sleep(member, nanoseconds(seconds), "time.sleep")


_real_event_wait: Callable[..., bool] = unpatched(threading.Event, "wait")


def _event_wait(self: threading.Event, timeout: float | None = None) -> bool:
    """`threading.Event.wait`: a sleep, if its time runs out. The waiting itself is done by the condition in it."""
    member = current()
    if member is None or timeout is None or not timeout > 0 or self.is_set():
        return _real_event_wait(self, timeout)
    key = member.scheduler.record_sleep(timeout)
    happened = True
    try:
        happened = _real_event_wait(self, timeout)
    finally:
        if happened:
            member.scheduler.forget_sleep(key)
    return happened


def patches() -> Iterator[Patch]:
    yield BuiltinPatch(original(time, "sleep"), _sleep)
    yield from function_patches(threading.Event, {"wait": _event_wait})
