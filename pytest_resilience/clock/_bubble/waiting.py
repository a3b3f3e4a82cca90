"""Who belongs to the bubble, and what each of its threads is waiting for."""

from __future__ import annotations

import enum
import math
import threading
from _thread import get_ident
from collections.abc import Callable, Iterable, Iterator
from dataclasses import KW_ONLY, dataclass
from typing import Any, Protocol

from pytest_resilience.clock._bubble.history import SPINNING, History
from pytest_resilience.clock._bubble.left_behind import left_behind
from pytest_resilience.clock._bubble.outsider import Outsider, Watcher
from pytest_resilience.clock._bubble.spinning import A_FEW, NOT_YET, Questions
from pytest_resilience.clock._bubble.units import nanoseconds_of_difference
from pytest_resilience.clock._reach import real


class Outcome(enum.Enum):
    """Why a wait ended."""

    NOTIFIED = "notified"
    TIMED_OUT = "timed out"
    DEADLOCKED = "deadlocked"
    CLOSED = "closed"
    ENDED = "ended"
    INTERRUPTED = "interrupted"


class Strangers(Protocol):
    """Threads outside the bubble that may be about to do something for it."""

    def wake(self) -> None:
        """Note that a thread of the bubble is about to do something that may wake a thread outside."""

    def await_work(self, threads: Iterable[threading.Thread]) -> None:
        """Note that threads outside, at work now, are to do something for the bubble afterwards."""

    def forget(self) -> bool:
        """Expect nothing more of threads outside; tell whether anything was expected."""

    def outsiders(self, everyone: list[Member]) -> list[Outsider]:
        """Those that may still act, if any thread among ``everyone`` waits for what any thread might do."""


class Chooser(Protocol):
    """Takes another course than the program does by itself, wherever a real machine might."""

    def pick(self, ready: list[Member]) -> int:
        """Say which of those that are ready goes on, by its position."""

    def delay(self, waiter: Waiter, later: list[Later]) -> Later | None:
        """Say what goes before one whose wait has ended, though it is due later; None: it goes on at once."""


class Turns(Protocol):
    """What the calls of a program need of the scheduler.

    Attributes:
        now: Nanoseconds of virtual time since the bubble was opened.
        ahead: By how many nanoseconds clocks show more than that.
        holds: The threads that hold time where it is; None for one outside.
        history: How time has moved, and what sleeps were asked for.
        closed: Whether the bubble has ended.
        mutex: What guards its state.
        arrivals: Numbers for whatever has to be served in the order in which it comes.
        creations: Numbers for objects whose order would otherwise be that of their addresses.
        most_questions: So many in a row are no part of a program's work.
        strangers: The threads outside that may be about to do something for the bubble.
        watcher: What does the real waiting.
        others: Who could run if the member that runs stopped here, the one that would be next first.
        chooser: Takes another course where a real machine might; None: none does.
        latest: To which instant time moves before `overdue` is called, which may set another one.
        overdue: Is called with the baton free, and may interrupt a member.
        slack: By how many nanoseconds a wake-up may be late, where there is a chooser that makes it so.
        everyone: The members, the one that opened the clock first.
    """

    chooser: Chooser | None
    slack: int
    latest: float
    overdue: Callable[[], object]
    everyone: list[Member]
    now: int
    ahead: int
    holds: list[Member | None]
    history: History
    closed: bool
    mutex: real.Mutex
    arrivals: Iterator[int]
    creations: Iterator[int]
    most_questions: int
    strangers: Strangers
    watcher: Watcher

    @property
    def others(self) -> list[Member]:  # described above, as an attribute
        ...

    def prepare(self, member: Member) -> None:
        """Register a thread that is about to start: from now on it is ready to run."""

    def begin(self, member: Member) -> None:
        """Wait, in the new thread itself, for its first turn."""

    def end(self, member: Member) -> None:
        """Take the calling thread out of the bubble and hand the baton on."""

    def cancel(self, member: Member) -> None:
        """Forget a prepared thread that the system could not start."""

    def block(self, waiter: Waiter) -> Outcome:
        """Let the calling thread wait until `fire` is called for ``waiter``, its deadline comes or the bubble ends."""

    def fire(self, waiter: Waiter, outcome: Outcome) -> bool:
        """End the wait of ``waiter``, from any thread; False if it has ended already."""

    def set_alarm(self, alarm: Waiter) -> None:
        """Have ``alarm.rings`` called at its deadline, whatever its thread does."""

    def clear_alarm(self, alarm: Waiter) -> None:
        """Forget an alarm that has not rung."""

    def interrupt(self, member: Member, handle: Callable[[], object]) -> bool:
        """Have a thread that waits call ``handle``, and wait on unless that raises; False where it does not wait."""

    def skip(self, member: Member, length: int, what: str) -> bool:
        """Let ``length`` pass at once if that is what waiting would come to: nothing else could happen meanwhile."""

    def spin(self, member: Member, length: int) -> None:
        """Let ``length`` pass for a thread that does nothing but ask whether something has happened."""
        if not self.holds:
            self.sleep(member, length, SPINNING)

    def sleep(self, member: Member, length: int, what: str) -> None:
        """Let ``length`` pass for a thread that sleeps; a `DeadlockError` where it holds time itself."""

    def jump(self, member: Member, length: int, what: str) -> None:
        """Let ``length`` pass at once, as in a suspended machine: those that have slept so long wake after that."""

    def yield_now(self, member: Member, patience: int = 0) -> None:
        """Let every other thread that can run go first, and for so many turns those that yield; time does not move."""

    def nudge(self, length: int) -> None:
        """Let clocks, though not time itself, go on by ``length`` for a thread that computes that no time is left."""
        self.ahead += length

    def record_sleep(self, seconds: float) -> int:
        """Note that the program asked to sleep; the key for `forget_sleep`."""
        key = next(self.arrivals)
        self.history.sleeps[key] = seconds
        return key

    def forget_sleep(self, key: int) -> None:
        """Take back a note of `record_sleep`: that was no sleep after all."""
        del self.history.sleeps[key]


class Member:
    """One thread of the bubble.

    Attributes:
        gate: The real lock at which it waits for its turn, until it runs again.
        waiter: What it waits for; None while it runs.
        joiners: The waits for its end.
        ended: Whether it has left the bubble.
        is_older: Whether its thread began outside of the bubble, and may end there unseen.
        questions: What it has asked in vain since it last waited.
    """

    __slots__ = (
        *("ended", "gate", "ident", "is_older", "joiners", "name", "native_id", "questions", "scheduler", "thread"),
        "waiter",
    )

    def __init__(self, scheduler: Turns, name: str, thread: threading.Thread | None = None) -> None:
        self.scheduler = scheduler
        self.name = name
        self.thread = thread
        self.ident = self.native_id = 0
        self.waiter: Waiter | None = None
        self.joiners: list[Waiter] = []
        self.ended = self.is_older = False
        self.gate: Any = None
        self.questions = Questions(scheduler.most_questions)

    def deadline(self, timeout: float | None) -> int | None:
        """When a wait that begins now ends; ``timeout`` is in seconds, often the difference of two readings."""
        return None if timeout is None else self.scheduler.now + nanoseconds_of_difference(timeout)

    def left(self, deadline: int | None) -> float | None:
        """The seconds until a deadline; 0.0 where it is over, None where there is none."""
        return None if deadline is None else max(0, deadline - self.scheduler.now) / 1e9

    def note_question(self, weight: int) -> None:
        """Note that the thread asked for something and got nothing; time passes for it if it goes on so."""
        questions = self.questions
        questions.asked += weight
        if questions.asked >= questions.limit and self is current():
            asked = questions.asked
            self.scheduler.spin(self, questions.pause())
            questions.asked = asked  # it has waited now, but for nothing else

    def give_way(self) -> None:
        """Let other threads go first where something that was asked for was not there, and might be then.

        Where the schedule is chosen, one that has asked a few times goes on, as on a real machine: that lets nobody in.
        """
        self.note_question(NOT_YET)
        if self.scheduler.chooser is None or self.questions.asked > A_FEW:
            self.scheduler.yield_now(self)

    def ask_no_longer(self) -> None:
        """Give up a wait of 0 s for what could not be had at once."""
        self.scheduler.nudge(self.questions.step(self.scheduler.now))
        self.give_way()

    def wait_no_time(self) -> None:
        """Wait for 0 s: other threads go first."""
        self.scheduler.nudge(self.questions.step(self.scheduler.now))
        self.note_question(NOT_YET)
        self.scheduler.yield_now(self)


def _no() -> bool:
    return False


def yes() -> bool:
    """What a waiter is asked that any thread outside may notify."""
    return True


@dataclass(slots=True, eq=False)
class Waiter:
    """One wait of one thread. `release` makes it a drop-in for the locks that `threading.Condition` queues.

    Attributes:
        deadline: In nanoseconds of virtual time.
        what: What the thread waits for, in words.
        check: Tells whether something outside the scheduler's sight (a descriptor, a lock held by a foreign thread) has
            come true.
        outside: The outsiders that may make it true, none if only the bubble itself can.
        descriptors: What to watch for it.
        lasting: Without a deadline, it goes on as it is when the bubble closes: its notification may still come.
        idle: Tells whether it is a worker without work, which is no part of any deadlock.
        loop: The asyncio event loop, or the runner of trio, that waits.
        signal_since: When, in real seconds, the wait began for a lock that the waiter has locked itself: it is used as
            a signal, which may come from a thread outside.
        expects: Tells whether a thread outside, whichever it is, may notify the waiter.
        timers: Tells when the timers ring that the loop has, in nanoseconds of virtual time.
        since: When the thread began to wait; -1 where it has not.
        patience: For how many more turns of threads that yield a thread that has yielded itself stays behind.
        was_late: Whether it has been made late once.
        rings: What to do at the deadline instead of waking the thread, which does not wait for it: it is an alarm.
        handle: What the thread has to do before it waits on: the handler of a signal.
        outcome: Why the wait has ended.
        result: What ``check`` has returned.
    """

    member: Member
    deadline: int | None
    what: str
    _: KW_ONLY
    check: Callable[[], Any] | None = None
    outside: Callable[[], list[Outsider]] | None = None
    descriptors: Callable[[], list[tuple[int, int]]] | None = None
    lasting: bool = False
    idle: Callable[[], bool] = _no
    loop: Any = None
    signal_since: float = -math.inf
    expects: Callable[[], bool] = _no
    timers: Callable[[], Iterable[int]] = tuple
    since: int = -1
    patience: int = 0
    was_late: bool = False
    rings: Callable[[], object] | None = None
    handle: Callable[[], object] | None = None
    outcome: Outcome | None = None
    result: Any = None

    def has_come_true(self) -> bool:
        """Whether what is waited for has come true, or can no longer be checked: the waiter will see why."""
        assert self.check is not None
        try:
            self.result = self.check()
        except Exception:  # noqa: BLE001  # this is any thread; the waiter checks again in its own
            return True
        return bool(self.result)

    def outsiders(self) -> list[Outsider]:
        """The outsiders that may make it come true; none where that cannot be looked at any more."""
        try:
            return [] if self.outside is None else self.outside()
        except Exception:  # noqa: BLE001  # as above
            return []

    def watched(self) -> list[tuple[int, int]]:
        """The descriptors to watch, as far as they are still open."""
        try:
            return [] if self.descriptors is None else [pair for pair in self.descriptors() if pair[0] >= 0]
        except Exception:  # noqa: BLE001  # as above
            return []

    def parts_left(self) -> Iterator[float]:
        """Divide what the wait has left, in real seconds, since the bubble has closed; nothing without a deadline."""
        return left_behind.parts(self.member.left(self.deadline) or 0.0)

    def release(self) -> None:
        """Notify the waiter; `RuntimeError`, as from a real lock, when it has stopped waiting already."""
        if not self.member.scheduler.fire(self, Outcome.NOTIFIED):
            raise RuntimeError("release unlocked lock")


@dataclass(slots=True, frozen=True)
class Later:
    """What is due soon after a wake-up, and would go first if that were late.

    Attributes:
        instant: When, in nanoseconds of virtual time.
        member: Who wakes then; None for another timer of the same event loop.
    """

    instant: int
    member: Member | None


members: dict[int, Member] = {}
"""The threads of the bubble that is open now, by identifier."""


def current() -> Member | None:
    """The calling thread as a member of the bubble, or None if what it does now belongs to real time.

    That is so outside the bubble, and in signal handlers and finalizers that interrupt the scheduler itself.
    """
    member = members.get(get_ident())
    if member is None or member.waiter is not None or member.gate is not None or member.scheduler.mutex.is_mine():
        return None
    return member


def wake_strangers() -> None:
    """Note that a thread outside may be waiting for what happens next, such as the release of a condition's lock."""
    member = current()
    if member is not None:
        member.scheduler.strangers.wake()
