"""The time of asyncio's event loops that outlive a clock: it goes on from where it stood, and never back."""

from __future__ import annotations

import contextlib
import sys
import weakref
from _thread import get_ident
from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial
from typing import Any

from pytest_resilience.clock._bubble.left_behind import left_behind
from pytest_resilience.clock._bubble.waiting import members
from pytest_resilience.clock._calls.clocks import monotonic_of
from pytest_resilience.clock._reach import real


class _TimeAhead:
    """What such a loop has as its method ``time``; its timers wait for what they had left.

    Attributes:
        seconds: By how many its time is ahead of the monotonic clock, that of the bubble where one is open.
    """

    def __init__(self, loop: Any, seconds: float) -> None:
        self._loop = weakref.ref(loop)
        self.seconds = seconds

    def __call__(self) -> float:
        loop: Any = self._loop()
        return float(type(loop).time(loop)) + self.seconds


def ahead_of(loop: Any) -> float:
    """By how many seconds a loop is ahead of the monotonic clock, since it has outlived another clock."""
    time = getattr(loop, "__dict__", {}).get("time")
    return time.seconds if isinstance(time, _TimeAhead) else 0.0


def _exit(reference: weakref.ref[Any]) -> None:
    """Have a loop that runs in another thread cancel its tasks and end, as by `sys.exit` in one of its callbacks."""
    loop = reference()
    if loop is not None and loop.is_running():
        with contextlib.suppress(RuntimeError):  # it has closed meanwhile
            loop.call_soon_threadsafe(sys.exit)


class Loops:
    """The loops that have looked at the time of the bubble."""

    def __init__(self) -> None:
        self.seen: dict[int, weakref.ref[Any]] = {}

    def note(self, loop: Any) -> None:
        key, seen = id(loop), self.seen
        seen[key] = weakref.ref(loop, lambda _: seen.pop(key, None))

    @contextmanager
    def going_on(self) -> Iterator[None]:
        """Set these loops forward as the clock closes, by what it was ahead of real time."""
        yield
        own = get_ident()
        others = members.keys() - {own}
        member = members.get(own)
        for loop in [reference() for reference in list(self.seen.values())]:
            if member is None or loop is None or loop.is_closed():
                continue
            if loop._thread_id in others:  # that thread is left behind, and its monotonic clock does not go back
                left_behind.endings.append(partial(_exit, weakref.ref(loop)))
                continue
            ahead = monotonic_of(member) - real.monotonic_ns()
            loop.time = _TimeAhead(loop, ahead_of(loop) + ahead / 1e9)
        self.seen.clear()
