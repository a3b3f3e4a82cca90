"""The state of a bubble, and what signals do to it: alarms ring, handlers interrupt a wait or break it off."""

from __future__ import annotations

import itertools
import math
from collections import deque
from collections.abc import Callable

from pytest_resilience.clock._bubble.absent import Absent
from pytest_resilience.clock._bubble.deadlines import Deadlines
from pytest_resilience.clock._bubble.history import History
from pytest_resilience.clock._bubble.outsider import Watcher
from pytest_resilience.clock._bubble.waiting import Chooser, Member, Outcome, Strangers, Turns, Waiter
from pytest_resilience.clock._reach import real


class Signals(Turns):
    """The state of a bubble, and the part of the scheduler that signals have to do with.

    Attributes:
        running: Who has the baton.
        ready: The waits of those that run next, in this order.
        yielded: The waits of those that let others go first.
        absent: The members that go on without the baton.
        checked: The waits for what only a look outside can tell, in order of arrival.
        deadlines: The waits that time ends.
        stuck: The waits of a deadlock.
        resumed: The waits that go on in real time since the bubble has closed.
        switches: How often the baton has changed hands.
        left: For how many real seconds more time stands still for outsiders, at the last look at them.
        expects_strangers: Whether threads outside were among these.
    """

    def __init__(self, watcher: Watcher, strangers: Strangers, most_questions: int) -> None:
        self.now = self.ahead = self.switches = self.slack = 0
        self.holds: list[Member | None] = []
        self.mutex = real.Mutex()
        self.history = History()
        self.most_questions = most_questions
        self.closed = False
        self.running: Member | None = None
        self.absent = Absent()
        self.strangers = strangers
        self.checked: list[Waiter] = []
        self.stuck: list[Waiter] = []
        self.left = 0.0
        self.expects_strangers = False
        self.resumed: set[Waiter] = set()
        self.chooser: Chooser | None = None
        self.latest = math.inf
        self.overdue: Callable[[], object] = int
        self.ready: deque[Waiter] = deque()
        self.yielded: deque[Waiter] = deque()
        self.deadlines = Deadlines()
        self.arrivals = itertools.count()
        self.creations = itertools.count()
        self.watcher = watcher
        self.everyone: list[Member] = []

    def dispatch(self) -> None:
        """Give the baton, if no thread has it, to the next one; the mutex is held."""
        raise NotImplementedError

    def resume(self, member: Member) -> None:
        """Let a member run that waits for its turn."""
        if not self.closed:
            self.running = member
            self.switches += 1
        member.waiter = None
        self.open_gate(member)

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
            self.ready.append(waiter)
            return True

    def go_on_without_baton(self, waiter: Waiter) -> None:
        """A signal handler raised: its thread runs on without the baton, and time waits for it."""
        with real.uncollected(), self.mutex:
            member = waiter.member
            member.gate = None
            if member.waiter is not waiter:  # it has got the baton all the same, from a thread that was quicker
                self._complete_hand_over()
                return
            for queue in (self.ready, self.yielded):
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
            if is_due and waiter not in self.ready and waiter not in self.yielded:
                self.stop_checking(waiter)
                self.ready.append(waiter)
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
