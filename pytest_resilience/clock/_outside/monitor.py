"""The one real thread of the clock: it watches what the scheduler cannot see.

It waits for outsiders while nothing in the bubble can run, and notices when the running thread is stuck in a C function
(the ``recv`` of a driver, a lock of an extension module) that only another thread of the bubble can end. It is started
when the second thread of a bubble is, or when an outsider first matters.
"""

from __future__ import annotations

import _signal  # type: ignore[import-not-found]  # `signal` makes an enum of each number, which takes longer than all else
import contextlib
import fcntl
import math
import os
from _thread import get_ident, get_native_id
from itertools import starmap

from pytest_resilience._uninterrupted import Uninterrupted
from pytest_resilience.clock._bubble.outsider import ASKED, Outsider
from pytest_resilience.clock._bubble.scheduler import Scheduler
from pytest_resilience.clock._bubble.waiting import Member
from pytest_resilience.clock._outside.children import own_children, work_of_children
from pytest_resilience.clock._outside.real_poll import READ, Interest, ready
from pytest_resilience.clock._outside.vitals import computed, progress, wait_until_gone
from pytest_resilience.clock._reach import real

TICK = 0.005
"""The real seconds between two looks at the running thread: a look takes some 50 us, which is 1 % of a processor."""

STUCK_AFTER = 4
"""So many ticks without any sign of life make the running thread count as stuck.

20 ms: what a thread waits for in C without a peer in the bubble, such as a file or a server on the same machine, has
come by then as a rule. To go on too early may cost a guess; each tick more is lost where such a call really blocks.
"""

ENDLESS = 2_000_000_000
"""So many nanoseconds of computing in one turn make the running thread count as one that never ends.

Two seconds: hardly a test computes for that long without ever waiting, while one that waits in such a loop for what
another thread does is patient for that long.
"""

_BLIND = 0.001
"""The real seconds between two looks at what no descriptor tells: it is late by as much.

Such as the end of a child, or the return of a thread from C, which else goes on beside the one that it wakes.
"""

_AS_LONG_AS_A_LOOK_TAKES = 4
"""It is late by so many times what the look takes, at most as below: with many processes that is long."""

_SIGHTED = 0.02
"""The same where a descriptor becomes ready as soon as anything happens: a look at the children now and then."""


class Monitor:
    """Real waiting on behalf of ``scheduler``; ``grace`` is how long, in real seconds, time stands still for it."""

    def __init__(self, grace: float, endless: int = ENDLESS) -> None:
        self.scheduler: Scheduler
        self.grace = grace
        self._endless = endless
        self.ident = self._native_id = 0
        self._pipe: tuple[int, int] | None = None
        self._ended = real.allocate_lock()
        self._stopping = False
        self.is_paused = False
        self._absent: dict[Member, object] = {}
        self._turn: object = None
        self._computed_before = 0
        self._vitals: object = None
        self._quiet_ticks = 0

    @property
    def has_thread(self) -> bool:
        return self.ident != 0  # which it sets itself: the interpreter counts it only once it has begun

    def watch(self) -> None:
        self.is_paused = False
        if self._pipe is not None:
            if get_ident() != self.ident:  # else it is about to wait, which it would do for nothing
                self._nudge()
            return
        held_back = _signal.pthread_sigmask(_signal.SIG_BLOCK, ())
        try:  # the thread inherits that it gets no signal: else it got what all threads of the program hold back
            _signal.pthread_sigmask(_signal.SIG_BLOCK, _signal.valid_signals())
            self._start()
        finally:
            _signal.pthread_sigmask(_signal.SIG_SETMASK, held_back)

    def _start(self) -> None:
        pipe = _pipe_beside_the_standard_streams()
        taking, starting = map(real.lock_acquire, (self._ended,)), starmap(real.start_new_thread, ((self._run, ()),))
        # No call from here on, in which a signal handler could raise: there is a pipe, and the lock is held, as long as
        # there is a thread.
        self._pipe = pipe
        (_,) = taking
        try:
            (_,) = starting
        except BaseException:
            self._pipe = None
            real.lock_release(self._ended)
            raise

    def stop(self) -> None:
        """End the thread, if there is one, and wait until it has ended."""
        with Uninterrupted():
            if self._pipe is not None:
                self._stopping = True
                self._nudge()
                real.lock_acquire(self._ended)  # which the thread gives back when it ends
                real.lock_release(self._ended)
                wait_until_gone(self._native_id)
                for end in self._pipe:
                    os.close(end)
                self._pipe = None
                self.ident = 0
                self._stopping = False

    def pause(self) -> None:
        """End the thread until the next thread blocks: a process should have one thread only when it forks."""
        self.stop()
        self.is_paused = True

    def _nudge(self) -> None:
        assert self._pipe is not None
        with contextlib.suppress(BlockingIOError):  # enough nudges are under way then
            real.write(self._pipe[1], b"!")

    def _run(self) -> None:
        self.ident, self._native_id = get_ident(), get_native_id()
        try:
            while True:
                with real.uncollected(), self.scheduler.mutex:
                    if self._stopping:
                        return
                    began = real.monotonic()
                    self._look_at_absent()
                    if self.scheduler.running is None:
                        self.scheduler.dispatch()
                    else:
                        self._look_at(self.scheduler.running)
                    timeout, interests = self._plan(began)
                self._wait(timeout, interests)
        finally:
            real.lock_release(self._ended)

    def _plan(self, began: float) -> tuple[float | None, list[Interest]]:
        """How long to wait, in milliseconds, and for what input, after a look that began at a moment."""
        scheduler = self.scheduler
        if scheduler.running is not None:
            return (TICK * 1000 if len(scheduler.everyone) > 1 else None), []
        can_jump = (scheduler.deadlines or scheduler.expects_strangers) and not scheduler.holds
        left = scheduler.left if can_jump else math.inf
        is_unseen = scheduler.expects_strangers or bool(scheduler.absent.awaited())
        blind = is_unseen or any(waiter.descriptors is None for waiter in scheduler.checked)
        interests = [pair for waiter in scheduler.checked for pair in waiter.watched()]
        pause = max(_BLIND, _AS_LONG_AS_A_LOOK_TAKES * (real.monotonic() - began))
        longest = min(pause, _SIGHTED) if blind else _SIGHTED
        return max(0.0, min(left, longest)) * 1000, interests  # nothing tells that nobody is outside any more

    def _wait(self, timeout: float | None, interests: list[Interest]) -> None:
        assert self._pipe is not None
        nudge = self._pipe[0]
        if any(descriptor == nudge for descriptor, _ in ready([(nudge, READ), *interests], timeout)):
            os.read(nudge, 1024)

    def left(self, outsiders: list[Outsider]) -> float:
        if not outsiders:
            return 0.0
        asked = [each for each in outsiders if each.share >= ASKED]
        anybody = own_children() if any(each.processes is None for each in asked) else []
        certain = [child for each in asked for child in each.processes or ()]
        signs = {child: work_of_children.current.seen_at(child) for child in {*anybody, *certain}}
        return max(self._until(each, anybody, signs) for each in outsiders) - real.monotonic()

    def _until(self, outsider: Outsider, anybody: list[int], signs: dict[int, float]) -> float:
        until = outsider.alive_at + self.grace * outsider.share
        if outsider.share >= ASKED:
            workers = anybody if outsider.processes is None else outsider.processes
            until = max([until, *(signs[worker] + self.grace for worker in workers)])
        return min(until, outsider.over_at + self.grace)

    def _look_at_absent(self) -> None:
        """Take back those that run again as soon as no other thread does; until then they show signs of life."""
        scheduler = self.scheduler
        for member in scheduler.absent.awaited():
            vitals = progress(member.ident, member.native_id)
            if self._absent.get(member, vitals) != vitals:
                scheduler.absent.add(member)
                if scheduler.running is None:
                    scheduler.attach(member)
            self._absent[member] = vitals
        for member in [member for member in self._absent if member not in scheduler.absent]:
            del self._absent[member]

    def _look_at(self, member: Member) -> None:
        """Take the baton from ``member`` if it has been blocked in C, invisibly, for a while, or computes on and on."""
        turn, vitals = (self.scheduler.switches, member), progress(member.ident, member.native_id)
        if turn != self._turn:
            self._turn, self._computed_before = turn, computed(member.native_id)
        elif vitals == self._vitals:
            self._quiet_ticks += 1
            if self._quiet_ticks >= STUCK_AFTER and self.scheduler.has_others_waiting():
                self._quiet_ticks = 0
                self.scheduler.detach(member)
            return
        elif computed(member.native_id) > self._computed_before + self._endless and self.scheduler.has_others_waiting():
            self.scheduler.detach(member, endless=True)
        self._vitals, self._quiet_ticks = vitals, 0


def _pipe_beside_the_standard_streams() -> tuple[int, int]:
    """A pipe that does not block, and takes no descriptor below 3: a program may have closed one for a while."""
    ends = os.pipe()
    reader, writer = (fcntl.fcntl(end, fcntl.F_DUPFD_CLOEXEC, 3) for end in ends)
    for end in ends:
        os.close(end)
    for end in (reader, writer):
        os.set_blocking(end, False)
    return reader, writer
