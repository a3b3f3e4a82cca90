"""What becomes of the threads of a bubble when it closes: each goes on in real time, and waits for what it had left."""

from __future__ import annotations

from _thread import get_ident

from pytest_resilience.clock._bubble.left_behind import left_behind
from pytest_resilience.clock._bubble.signals import Signals
from pytest_resilience.clock._bubble.waiting import Member, Outcome, Waiter, members
from pytest_resilience.clock._reach import real


class Closing(Signals):
    """The part of the scheduler that the end of the bubble has to do with."""

    def wait_on(self, waiter: Waiter) -> Outcome:
        """Wait in real time, since the bubble has closed, until the deadline or a notification."""
        member = waiter.member
        with real.uncollected(), self.mutex:
            if waiter.outcome is not None:
                return waiter.outcome
            gate = real.allocate_lock()
            member.waiter, member.gate = waiter, gate
            real.lock_acquire(gate)
        for part in waiter.parts_left():
            if real.lock_acquire(gate, True, part):
                break
        with real.uncollected(), self.mutex:
            member.waiter = member.gate = None
            return Outcome.TIMED_OUT if self.fire(waiter, Outcome.TIMED_OUT) else Outcome.NOTIFIED

    def close(self, ahead: int = 0) -> list[Member]:
        """Give every thread back to real time; those that are left over, without idle workers and the deadlocked.

        Their monotonic clocks stay ``ahead`` of the real one by so many nanoseconds.
        Broken off by a signal, it can be called again.
        """
        with real.uncollected(), self.mutex:
            self.closed = True
            ident = get_ident()
            members.clear()
            leftovers: list[Member] = []
            for member in self.everyone:
                waiter = member.waiter
                if waiter is None or waiter.outcome is not None:
                    if member.ident != ident and (waiter is None or not waiter.idle()):
                        self._leave_behind(member, ahead, leftovers)
                    self.resume(member)
                elif waiter.idle():
                    self.fire(waiter, Outcome.CLOSED)
                elif waiter in self.stuck:
                    self.fire(waiter, Outcome.ENDED)
                else:
                    self._leave_behind(member, ahead, leftovers)
                    if not waiter.lasting:
                        self.fire(waiter, Outcome.CLOSED)
                    elif waiter.deadline is not None and waiter not in self.resumed:
                        self.resumed.add(waiter)
                        self.resume(member)  # to wait on by itself
            self.running = None
            return leftovers

    def _leave_behind(self, member: Member, ahead: int, leftovers: list[Member]) -> None:
        leftovers.append(member)
        if member.ident and ahead and not member.is_older:  # its entry would be left to a thread of the same identifier
            left_behind.add(member.ident, ahead)

    def abandon(self) -> None:
        """End the bubble in a process that has been forked: none of its other threads is there."""
        self.closed = True
        members.clear()
