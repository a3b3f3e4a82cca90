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
    everyone: list[Member]
    _ready: deque[Waiter]
    _yielded: deque[Waiter]

    def resume(self, member: Member) -> None:
        """Let a member run that waits for its turn."""
        raise NotImplementedError

    def dispatch(self) -> None:
        """Give the baton, if no thread has it, to the next one; the mutex is held."""
        raise NotImplementedError

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
            member.gate = None
            if member.waiter is not waiter:  # it has got the baton all the same, from a thread that was quicker
                self._complete_hand_over()
                return
            for queue in (self._ready, self._yielded):
                if waiter in queue:
                    queue.remove(waiter)
            self.stop_checking(waiter)
            if waiter.outcome is None:
                waiter.outcome = Outcome.INTERRUPTED
            member.waiter = None
            self._complete_hand_over()
            if not self.closed:
                if self.running is None or self.running is member:
                    self.running = member
                else:
                    self.absent.add(member)

    def complete(self, waiter: Waiter) -> None:
        """A signal handler raised as the wait was ended: see to it that either nothing has happened, or all of it."""
        with real.uncollected(), self.mutex:
            if not self.closed:
                self._complete_hand_over()
                self.dispatch()
            elif waiter.outcome is not None and waiter.member.waiter in {waiter, None}:
                self.resume(waiter.member)

    def _complete_hand_over(self) -> None:
        """Do the rest of what the signal may have broken off: a thread was to be woken, or to get the baton."""
        if self.running is not None:
            self.running.waiter = None
            self.open_gate(self.running)
        waiting = [each.waiter for each in self.everyone if each.waiter is not None]
        for waiter in waiting:
            is_due = waiter.outcome is not None or waiter.handle is not None
            if is_due and waiter not in self._ready and waiter not in self._yielded:
                self.stop_checking(waiter)
                self._ready.append(waiter)
        self.deadlines.restore((each for each in waiting if each.handle is None), self.arrivals)

    @staticmethod
    def open_gate(member: Member) -> None:
        """Let a thread go on that waits for its turn."""
        gate = member.gate
        if gate is not None and real.locked(gate):
            real.lock_release(gate)

    def stop_checking(self, waiter: Waiter) -> None:
        if waiter in self.checked:
            self.checked.remove(waiter)
