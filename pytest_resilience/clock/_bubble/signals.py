"""What signals do to a bubble: alarms that ring, and handlers that interrupt a wait or break it off."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable

from pytest_resilience.clock._bubble.absent import Absent
from pytest_resilience.clock._bubble.deadlines import Deadlines
from pytest_resilience.clock._bubble.waiting import Member, Outcome, Turns, Waiter
from pytest_resilience.clock._reach import real


class Signals(Turns):
    """The part of the scheduler that signals have to do with; what its attributes are is said there."""

    running: Member | None
    absent: Absent
    checked: list[Waiter]
    deadlines: Deadlines
    _ready: deque[Waiter]
    _yielded: deque[Waiter]

    def set_alarm(self, alarm: Waiter) -> None:
        with real.uncollected(), self.mutex:
            self.deadlines.add(alarm, next(self.arrivals))

    def clear_alarm(self, alarm: Waiter) -> None:
        with real.uncollected(), self.mutex:
            self.deadlines.remove(alarm)

    def interrupt(self, member: Member, handle: Callable[[], object]) -> bool:
        with real.uncollected(), self.mutex:
            waiter = member.waiter
            if waiter is None or waiter.outcome is not None or waiter.handle is not None:
                return False
            self.deadlines.remove(waiter)
            self.stop_checking(waiter)
            waiter.handle = handle
            self._ready.append(waiter)
            return True

    def go_on_without_baton(self, waiter: Waiter) -> None:
        """A signal handler raised: its thread runs on without the baton, and time waits for it."""
        with real.uncollected(), self.mutex:
            member = waiter.member
            if member.waiter is not waiter:
                return
            for queue in (self._ready, self._yielded):
                if waiter in queue:
                    queue.remove(waiter)
            self.stop_checking(waiter)
            if waiter.outcome is None:
                waiter.outcome = Outcome.INTERRUPTED
                if waiter.handle is None:  # else its deadline is no longer there, as when it is fired
                    self.deadlines.note_ended(waiter)
            member.waiter = None
            if not self.closed:
                if self.running is None:
                    self.running = member
                else:
                    self.absent.add(member)

    def stop_checking(self, waiter: Waiter) -> None:
        if waiter in self.checked:
            self.checked.remove(waiter)
