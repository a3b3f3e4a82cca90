"""`signal.alarm` and `signal.setitimer`: alarms that ring in virtual time, and so end a virtual wait.

The limits that pytest-timeout sets stay real: they are for what hangs.
"""

from __future__ import annotations

import _signal  # type: ignore[import-not-found]  # typeshed has no stub for it
import signal
import sys
import threading
from collections.abc import Iterator
from typing import Any

from pytest_resilience.clock._bubble.per_clock import PerClock
from pytest_resilience.clock._bubble.units import nanoseconds
from pytest_resilience.clock._bubble.waiting import Member, Turns, Waiter, current
from pytest_resilience.clock._calls.signals import interrupts_main, real_pthread_kill
from pytest_resilience.clock._outside.waits import wait_until
from pytest_resilience.clock._reach.native import builtin_patches, clone, original
from pytest_resilience.clock._reach.patches import Patch

_real_alarm = clone(original(_signal, "alarm"))
_real_setitimer = clone(original(_signal, "setitimer"))
_real_getitimer = clone(original(_signal, "getitimer"))
_real_pause = clone(original(_signal, "pause"))


class _Timer:
    """The one alarm of the process: what rings next, how many nanoseconds after that again, and how often it has."""

    def __init__(self) -> None:
        self.rung = 0
        self._alarm: Waiter | None = None
        self._interval = 0
        self._scheduler: Turns

    def set(self, member: Member, seconds: float, interval: float = 0) -> tuple[float, float]:
        """Set the alarm, or none for 0 s; return what was left of the one before, in seconds."""
        before = self.left()
        if self._alarm is not None:
            self._scheduler.clear_alarm(self._alarm)
            self._alarm = None
        if seconds > 0:
            self._scheduler, self._interval = member.scheduler, nanoseconds(interval) if interval > 0 else 0
            self._ring_at(member, member.scheduler.now + nanoseconds(seconds))
        return before

    def left(self) -> tuple[float, float]:
        """In how many seconds it rings, and how long after that again; zeros if none is set."""
        if self._alarm is None:
            return 0.0, 0.0
        return max(1, (self._alarm.deadline or 0) - self._scheduler.now) / 1e9, self._interval / 1e9

    def _ring_at(self, member: Member, due: int) -> None:
        self._alarm = Waiter(member, due, "an alarm", rings=lambda: self._ring(member, due))
        self._scheduler.set_alarm(self._alarm)

    def _ring(self, member: Member, due: int) -> None:
        self._alarm = None
        self.rung += 1
        if self._interval:
            self._ring_at(member, due + self._interval)
        if not interrupts_main(self._scheduler, signal.SIGALRM):
            real_pthread_kill(threading.main_thread().ident, signal.SIGALRM)


def _go_on_in_real_time(timer: _Timer) -> None:
    seconds, interval = timer.left()
    if seconds:
        _real_setitimer(signal.ITIMER_REAL, seconds, interval)


_timer: PerClock[_Timer] = PerClock(_Timer, _go_on_in_real_time)


def _keeper() -> Member | None:
    """The thread of the bubble that calls, but for pytest-timeout."""
    return None if sys._getframe(2).f_globals.get("__name__") == "pytest_timeout" else current()


def _alarm(*arguments: Any) -> Any:
    member = _keeper()
    if member is None or len(arguments) != 1 or not isinstance(arguments[0], int):
        return _real_alarm(*arguments)
    seconds, _ = _timer.current.set(member, arguments[0])
    return round(seconds) or int(seconds > 0)  # of 0.3 s the kernel says 1


def _setitimer(which: Any, seconds: Any, interval: Any = 0.0, /) -> Any:
    member = _keeper()
    makes_sense = all(isinstance(each, (int, float)) and each >= 0 for each in (seconds, interval))
    if member is None or which != signal.ITIMER_REAL or not makes_sense:
        return _real_setitimer(which, seconds, interval)
    return _timer.current.set(member, seconds, interval)


def _getitimer(which: Any, /) -> Any:
    if which != signal.ITIMER_REAL or _keeper() is None:
        return _real_getitimer(which)
    return _timer.current.left()


def _pause(*arguments: Any) -> None:
    """`signal.pause`, which an alarm of the clock ends; where none is set, a signal from outside."""
    member, timer = current(), _timer.current
    in_main = threading.get_ident() == threading.main_thread().ident  # the only thread that handlers interrupt
    if member is None or arguments or not in_main or not timer.left()[0]:
        return _real_pause(*arguments)  # type: ignore[no-any-return]  # a clone is typed as any function
    rung = timer.rung
    if not wait_until(Waiter(member, None, "a signal", check=lambda: timer.rung != rung)):
        _real_pause()  # the clock has closed
    return None


def patches() -> Iterator[Patch]:
    yield from builtin_patches(_signal, _alarm, _setitimer, _getitimer, _pause)
