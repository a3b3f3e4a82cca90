"""One thread at a time, and time that moves only when no thread can.

The threads of a bubble pass a baton. Its holder runs; a thread that blocks hands the baton on: to the next thread that
is ready, in the order in which they became ready; else to a thread whose input has arrived; else to one that only
yielded; else time jumps to the earliest deadline (the first of equal ones to arrive) and that one waiter wakes. So the
schedule depends on the program alone, never on the machine. If there is no deadline either, nothing can ever happen
again: a deadlock.

Time is counted in integer nanoseconds since the bubble was opened.
"""

from __future__ import annotations

import math
from _thread import get_ident, get_native_id
from typing import Any

from pytest_resilience.clock._bubble.closing import Closing
from pytest_resilience.clock._bubble.deadlock import DeadlockError, silence
from pytest_resilience.clock._bubble.frames import frames_of_others
from pytest_resilience.clock._bubble.lateness import delay_of
from pytest_resilience.clock._bubble.left_behind import left_behind
from pytest_resilience.clock._bubble.outsider import Outsider, names_of
from pytest_resilience.clock._bubble.waiting import Member, Outcome, Waiter, current, members
from pytest_resilience.clock._reach import real


class Scheduler(Closing):
    """The state of one bubble; what the calls of a program need of it is described at `Turns`."""

    def enter(self, member: Member) -> None:
        """Make the calling thread the root of the bubble."""
        member.ident, member.native_id = get_ident(), get_native_id()
        self.running = member
        self.everyone.append(member)
        members[member.ident] = member

    def prepare(self, member: Member) -> None:
        member.waiter = waiter = Waiter(member, None, "its first turn", outcome=Outcome.NOTIFIED)
        member.gate = real.allocate_lock()
        real.lock_acquire(member.gate)
        with real.uncollected(), self.mutex:
            self.everyone.append(member)
            if self.closed:
                self.resume(member)
            else:
                self.ready.append(waiter)
                self.watcher.watch()
                self.dispatch()

    def begin(self, member: Member) -> None:
        member.ident, member.native_id = get_ident(), get_native_id()
        with real.uncollected(), self.mutex:
            if not self.closed:
                members[member.ident] = member
        real.lock_acquire(member.gate)
        member.gate = None

    def end(self, member: Member) -> None:
        with real.uncollected(), self.mutex:
            if members.get(member.ident) is member:
                del members[member.ident]
            for joiner in member.joiners:
                self.fire(joiner, Outcome.NOTIFIED)
            self._let_go(member)
        left_behind.forget(member.ident)

    def cancel(self, member: Member) -> None:
        with real.uncollected(), self.mutex:
            if member.waiter is not None and member.waiter in self.ready:
                self.ready.remove(member.waiter)
            self._let_go(member)

    def _let_go(self, member: Member) -> None:
        member.ended = True
        member.waiter = member.thread = None  # the program may have let go of the thread
        if member in self.everyone:
            self.everyone.remove(member)
        self.absent.discard(member)
        self._hand_on(member)

    def block(self, waiter: Waiter) -> Outcome:
        try:
            with real.uncollected(), self.mutex:
                if waiter.outcome is not None:
                    return waiter.outcome
                if self.closed:
                    waiter.outcome = Outcome.CLOSED
                    return waiter.outcome
                waiter.member.waiter = waiter
                waiter.since = self.now
                waiter.member.questions.asked = 0
                self.deadlines.add(waiter, next(self.arrivals))
                if waiter.check is not None:
                    self.checked.append(waiter)
                gate = self._park(waiter)
            return self._await_turn(waiter, gate)
        except BaseException:
            self.go_on_without_baton(waiter)
            raise

    def skip(self, member: Member, length: int, what: str) -> bool:
        if self.ready or self.yielded or self.checked or self.absent or self.holds:
            return False
        target, earliest = self.now + length, self.deadlines.earliest()
        if (earliest is not None and earliest <= target + self.slack) or target > self.latest:
            return False
        member.questions.asked = 0
        self.history.note_jump(self.now, target, member.name, what, ())
        self.now = target
        return True

    def jump(self, member: Member, length: int, what: str) -> None:
        with real.uncollected(), self.mutex:
            self.history.note_jump(self.now, self.now + length, member.name, what, ())
            self.now += length

    def sleep(self, member: Member, length: int, what: str) -> None:
        waiter = Waiter(member, self.now + length, what)
        if member in self.holds:
            raise DeadlockError(self.now, [waiter], held=True)
        if not self.skip(member, length, what) and self.block(waiter) is Outcome.CLOSED:
            for part in waiter.parts_left():
                real.sleep(part)

    def hold(self, member: Member | None) -> None:
        """Keep time where it is until `release`."""
        with real.uncollected(), self.mutex:
            self.holds.append(member)

    def release(self, member: Member | None) -> None:
        """Let time move again, if no other block holds it."""
        with real.uncollected(), self.mutex:
            self.holds.remove(member)
            self.dispatch()

    def yield_now(self, member: Member, patience: int = 0) -> None:
        if not (self.ready or self.yielded or self.checked):
            return
        waiter = Waiter(member, None, "its next turn", patience=patience, outcome=Outcome.NOTIFIED)
        try:
            with real.uncollected(), self.mutex:
                if self.closed:
                    return
                member.waiter = waiter
                self.yielded.append(waiter)
                gate = self._park(waiter)
            self._await_turn(waiter, gate)
        except BaseException:
            self.go_on_without_baton(waiter)
            raise

    def fire(self, waiter: Waiter, outcome: Outcome) -> bool:
        try:
            return self._fire(waiter, outcome)
        except BaseException:
            self.complete(waiter)
            raise

    def _fire(self, waiter: Waiter, outcome: Outcome) -> bool:
        with real.uncollected(), self.mutex:
            if waiter.outcome is not None:
                return False
            waiter.outcome = outcome
            if waiter.member.waiter is not waiter:
                return True  # it has not begun to block, and will see its outcome when it does
            if waiter.handle is None:  # else it has a turn already
                self.deadlines.note_ended(waiter)
                self.stop_checking(waiter)
            if self.closed:
                later = current()  # a thread of a later clock
                if later is not None:
                    later.scheduler.strangers.wake()
                self.resume(waiter.member)
            elif waiter.handle is None:
                self.ready.append(waiter)
                self.dispatch()
            return True

    def _park(self, waiter: Waiter) -> Any:
        """Give the baton away; the gate to wait at, or None if it came straight back."""
        member = waiter.member
        self.absent.discard(member)
        self._hand_on(member)
        if self.running is member:
            return None
        member.gate = gate = real.allocate_lock()
        real.lock_acquire(gate)
        return gate

    def _await_turn(self, waiter: Waiter, gate: Any) -> Outcome:
        if gate is not None:
            real.lock_acquire(gate)
            waiter.member.gate = None
        handle, outcome = waiter.handle, waiter.outcome
        if handle is not None:
            waiter.handle = None
            handle()
            return self.block(waiter)
        if outcome is Outcome.DEADLOCKED:
            raise DeadlockError(self.now, [waiter, *(other for other in self.stuck if other is not waiter)])
        if outcome is Outcome.ENDED:
            silence(waiter.member.thread)
            raise SystemExit
        return outcome or self.wait_on(waiter)

    def _hand_on(self, member: Member) -> None:
        if self.watcher.is_paused:
            self.watcher.watch()
        if self.running is member:
            self.running = None
            self.absent.note_hand_over()
        self.dispatch()

    @property
    def others(self) -> list[Member]:
        return [waiter.member for waiter in (*self.ready, *self.yielded)]

    def _next_ready(self) -> Member | None:
        """Take out who goes on; None where that one is late."""
        chooser = self.chooser
        if chooser is None:
            return self.ready.popleft().member
        self.ready.rotate(-(chosen := chooser.pick([waiter.member for waiter in self.ready])))
        waiter = self.ready.popleft()
        self.ready.rotate(chosen)
        first = delay_of(waiter, chooser, self.deadlines, self.now, self.slack)
        if first is None:
            return waiter.member
        alarm = Waiter(waiter.member, first.instant, waiter.what, rings=lambda: self.ready.append(waiter))
        self.deadlines.add(alarm, next(self.arrivals))
        return None

    def _next_yielded(self) -> Member:
        """Take out that of the yielded that goes on; one with patience lets others go first, which yield again."""
        for waiter in self.yielded:
            if not waiter.patience:
                self.yielded.remove(waiter)
                return waiter.member
            waiter.patience -= 1
        return self.yielded.popleft().member

    def dispatch(self) -> None:
        while self.running is None and not self.closed:
            if self.ready:
                if (member := self._next_ready()) is not None:
                    self.resume(member)
            elif self._check(self.checked):
                continue
            elif self.yielded:
                self.resume(self._next_yielded())
            else:
                strangers = self.strangers.outsiders(self.everyone)
                outsiders = self.outsiders() + strangers
                self.left, self.expects_strangers = self.watcher.left(outsiders), bool(strangers)
                stands_still = self.holds or self.left > 0
                if not stands_still and self._check([waiter for waiter in self.checked if waiter.outside is not None]):
                    continue  # who has done this since the last check may be gone
                if not stands_still and (self._advance(outsiders) or self.strangers.forget()):
                    continue
                if stands_still or outsiders or self._may_be_signalled():
                    self.watcher.watch()
                    return
                self._declare_deadlock()

    def detach(self, member: Member, *, endless: bool = False) -> None:
        """Go on without ``member``, which holds the baton but is blocked in C, or computes on and on (``endless``)."""
        with real.uncollected(), self.mutex:
            if self.running is member:
                self.absent.add(member, endless=endless)
                self._hand_on(member)

    def attach(self, member: Member) -> None:
        """Give the baton, which no thread has, to a detached member that has been seen to run again."""
        self.absent.discard(member)
        self.running = member

    def _check(self, waiters: list[Waiter]) -> bool:
        """Wake in the order given those whose wait something outside has ended; tell whether there are any."""
        ready = [waiter for waiter in waiters if waiter.has_come_true()]
        for waiter in ready:
            if waiter.outcome is None:
                self.deadlines.note_ended(waiter)
                self._wake(waiter, Outcome.NOTIFIED)
        return bool(ready)

    def _wake(self, waiter: Waiter, outcome: Outcome) -> None:
        waiter.outcome = outcome
        if waiter.check is not None:
            self.stop_checking(waiter)
        self.ready.append(waiter)

    def has_others_waiting(self) -> bool:
        """Whether any other thread would have a use for the baton."""
        return bool(self.ready or self.yielded or self.checked or self.deadlines)

    def outsiders(self) -> list[Outsider]:
        """Who might still do something that the scheduler cannot see coming."""
        found = self.absent.outsiders()
        for waiter in self.checked:
            found += waiter.outsiders()
        return found

    def _advance(self, outsiders: list[Outsider]) -> bool:
        """Jump to the earliest deadline and wake its first waiter; False if there is none.

        It is a guess if there are ``outsiders``, for which time has stood still long enough.
        """
        if (self.deadlines.earliest() or 0) > self.latest:
            self.latest = math.inf
            self.overdue()
            return True
        first = self.deadlines.pop()
        if first is None:
            return False
        deadline, waiter = first
        if deadline > self.now:
            waited_for = names_of(outsiders) if outsiders else ()
            self.history.note_jump(self.now, deadline, waiter.member.name, waiter.what, waited_for)
            self.now = deadline
            if outsiders:
                self.strangers.forget()
        if waiter.rings is None:
            self._wake(waiter, Outcome.TIMED_OUT)
        else:
            waiter.rings()
        return True

    def _may_be_signalled(self) -> bool:
        """Whether a thread outside, if there is any, may yet release a lock that its waiter has locked itself."""
        since = max((waiter.signal_since for waiter in self.checked), default=-math.inf)
        outside = frames_of_others().keys() - members.keys() - {self.watcher.ident}
        return bool(outside) and since + self.watcher.grace > real.monotonic()

    def _declare_deadlock(self) -> None:
        waiters = (member.waiter for member in self.everyone)
        self.stuck = [waiter for waiter in waiters if waiter is not None and not waiter.idle()]  # the root's first
        self.fire(self.stuck[0], Outcome.DEADLOCKED)
