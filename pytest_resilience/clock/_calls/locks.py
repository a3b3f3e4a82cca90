"""Locks, and all that `threading` and `queue` build on them: conditions, events, semaphores, barriers.

A thread that cannot have a lock gives the baton to others, so a lock may be held across a sleep. Locks that exist
already are covered too: their C types are patched, not their constructors.

What a method in C has acquired is unpacked from a `map`: after a call, a signal handler may raise, and then it is lost.
"""

from __future__ import annotations

import bisect
import contextlib
import math
import queue
import threading
import weakref
from _thread import get_ident
from collections.abc import Callable, Iterator
from typing import Any

from pytest_resilience.clock._bubble.deadlock import DeadlockError, OverdueError
from pytest_resilience.clock._bubble.outsider import ASKED, Outsider
from pytest_resilience.clock._bubble.per_clock import PerClock
from pytest_resilience.clock._bubble.spinning import NOT_YET
from pytest_resilience.clock._bubble.units import is_in_range
from pytest_resilience.clock._bubble.waiting import Member, Outcome, Waiter, current, members, wake_strangers, yes
from pytest_resilience.clock._calls.questions import asking
from pytest_resilience.clock._outside.strangers import at_rest
from pytest_resilience.clock._reach import real
from pytest_resilience.clock._reach.native import TypePatch
from pytest_resilience.clock._reach.patches import Patch, function_patches, unpatched
from pytest_resilience.clock._reach.unbroken import unbroken


class _Locks:
    """The locks of one clock.

    Attributes:
        holders: Those that threads of the bubble hold. Whatever else is locked is held by a thread outside.
        lines: Who waits for a lock, first come first served, each with the number of its arrival.
        signals: Locks that a thread has waited for although it held them itself: they guard nothing.
    """

    def __init__(self) -> None:
        self.holders: dict[Any, Member] = {}
        self.lines: dict[Any, list[tuple[int, Waiter]]] = {}
        self.signals: weakref.WeakSet[Any] = weakref.WeakSet()

    def is_free(self, lock: Any, real_acquire: Callable[..., bool], real_release: Callable[..., None]) -> bool:
        """Whether a lock could be had; it is taken for a moment to find out, as a reentrant one has no other way."""
        if lock in self.holders:
            return False
        (free,) = map(real_acquire, (lock,), (False,))
        if free:
            real_release(lock)
        return free

    def describe(self, lock: Any) -> str:
        """What is waited for where a lock is, in words."""
        holder = self.holders.get(lock)
        held_by = "a thread outside" if holder is None else f"thread {holder.name!r}"
        return f"{'a lock' if type(lock) is real.Lock else 'a reentrant lock'} that {held_by} holds"

    def block(self, lock: Any, arrival: int, waiter: Waiter) -> Outcome:
        """Have a thread wait in the line for a lock, at the place that it keeps when another one is faster."""
        scheduler, place = waiter.member.scheduler, (arrival, waiter)
        with real.uncollected(), scheduler.mutex:
            line = self.lines.setdefault(lock, [])
            bisect.insort(line, place)
        try:
            return scheduler.block(waiter)
        finally:
            with real.uncollected(), scheduler.mutex:
                if place in line:
                    line.remove(place)
                if not line:
                    self.lines.pop(lock, None)

    def wake_next(self, lock: Any) -> None:
        """Let the first thread that waits for a lock, and has not been woken for it yet, try to get it."""
        line = tuple(self.lines.get(lock, ()))
        for _, waiter in line:
            if waiter.outcome is None and waiter.member.scheduler.fire(waiter, Outcome.NOTIFIED):
                break
        if line and (caller := current()) is not None:
            caller.note_question(NOT_YET)  # or one that takes it again and again would never let the others have it


_locks = PerClock(_Locks, lambda locks: locks.holders.clear())  # a thread that is left over keeps the rest


def held_locks() -> list[weakref.ref[Any]]:
    """Return the locks that the calling thread holds, or one that has ended; signals guard nothing."""
    caller, locks = current(), _locks.current
    guards = [(lock, holder) for lock, holder in list(locks.holders.items()) if lock not in locks.signals]
    return [weakref.ref(lock) for lock, holder in guards if holder is caller or holder.ended]


def _acquirer(real_acquire: Callable[..., bool], real_release: Callable[..., None]) -> Callable[..., bool]:
    """The method ``acquire`` for a lock type, given its C methods."""

    def acquire(self: Any, blocking: bool = True, timeout: float = -1) -> bool:
        member = members.get(get_ident())
        if member is None or (timeout != -1 and (not blocking or not is_long(timeout))):
            (got,) = map(real_acquire, (self,), (blocking,), (timeout,))
            return got
        holders = _locks.current.holders
        (got,) = map(real_acquire, (self,), (False,))
        if got:
            holders[self] = member
        elif current() is None:
            (got,) = map(real_acquire, (self,), (blocking,), (timeout,))
        elif not blocking:
            member.give_way()  # which lets its holder run
        elif timeout == 0:
            member.ask_no_longer()
        else:
            return _wait(self, member, real_acquire, real_release, timeout)
        return got

    return acquire


def is_long(timeout: Any) -> bool:
    """Whether a lock can be waited for so long; else the C function says what is wrong."""
    return timeout is not None and is_in_range(timeout) and timeout >= 0


def _wait(
    lock: Any, member: Member, real_acquire: Callable[..., bool], real_release: Callable[..., None], timeout: float
) -> bool:
    scheduler, locks, idle = member.scheduler, _locks.current, is_idle_at(member, lock)
    deadline = member.deadline(None if timeout == -1 or idle else timeout)
    arrival, since = next(scheduler.arrivals), real.monotonic()
    if locks.holders.get(lock) is member:
        locks.signals.add(lock)
    while True:
        waiter = Waiter(
            member,
            deadline,
            locks.describe(lock),
            check=lambda: locks.is_free(lock, real_acquire, real_release),
            outside=lambda: [] if lock in locks.holders else [Outsider(since, ASKED, "a thread that holds a lock")],
            idle=lambda: idle,
            signal_since=since if locks.holders.get(lock) is member and not idle else -math.inf,
        )
        outcome = locks.block(lock, arrival, waiter)
        (got,) = map(real_acquire, (lock,), (False,))
        if got:
            locks.holders[lock] = member
            return True
        if outcome is Outcome.TIMED_OUT:
            if locks.holders.get(lock) is member:  # a thread that waits for its own lock sleeps
                scheduler.record_sleep(timeout)
            return False
        if outcome is Outcome.CLOSED:
            if timeout == -1:
                (got,) = map(real_acquire, (lock,), (True,), (-1,))
                return got
            for part in waiter.parts_left():  # none for an idle worker, which ends with the clock
                (got,) = map(real_acquire, (lock,), (True,), (part,))
                if got:
                    return True
            return False


@unbroken
def lock_release(self: Any, *_: object) -> None:
    """`Lock.release` and ``Lock.__exit__``."""
    locks = _locks.current
    if is_ours := self in locks.holders:
        del locks.holders[self]
    real.lock_release(self)  # before any other call
    if not is_ours:
        wake_strangers()
    if locks.lines:
        locks.wake_next(self)


@unbroken
def rlock_release(self: Any, *_: object) -> None:
    """`RLock.release` and ``RLock.__exit__``."""
    try:
        real.rlock_release(self)
        _note_release(self)
    except BaseException:
        _note_release(self)  # which a signal handler that raised may have broken off
        raise


def _note_release(lock: Any) -> None:
    """Tell those that wait for a reentrant lock, unless the calling thread still holds it, or another one does."""
    locks = _locks.current
    if not lock._is_owned() and locks.holders.get(lock) in {members.get(get_ident()), None}:
        locks.holders.pop(lock, None)
        if locks.lines:
            locks.wake_next(lock)


lock_acquire = _acquirer(real.lock_acquire, real.lock_release)
rlock_acquire = _acquirer(real.rlock_acquire, real.rlock_release)


def _locked(self: Any) -> bool:
    locked: bool = real.locked(self)
    if locked and (member := current()) is not None:
        member.note_question(NOT_YET)
    return locked


_real_is_owned = unpatched(threading.Condition, "_is_owned")


def _is_owned(self: Any) -> bool:
    """What a condition with a plain lock finds out by trying to lock it, which would look like polling for it."""
    return real.locked(self._lock) if type(self._lock) is real.Lock else _real_is_owned(self)


_real_wait: Callable[..., bool] = unpatched(threading.Condition, "wait")


def _condition_wait(self: Any, timeout: float | None = None) -> bool:
    """`threading.Condition.wait`, on which events, semaphores, barriers, queues and futures rest."""
    member = current()
    if member is None or not is_in_range(timeout):
        with at_rest():
            return _real_wait(self, timeout)
    if not self._is_owned():
        raise RuntimeError("cannot wait on un-acquired lock")
    locks = _locks.current
    polls = timeout is not None and timeout <= 0
    deadline = member.deadline(None if polls else timeout)
    waiter = Waiter(
        member, deadline, "a notification", lasting=True, idle=lambda: is_idle_at(member, self), expects=yes
    )
    lock = self._lock
    kind = type(lock)
    self._waiters.append(waiter)
    saved = self._release_save()
    outcome = None
    try:
        if kind is real.RLock:
            # The C method has released the lock without telling those who wait for it.
            locks.holders.pop(lock, None)
            locks.wake_next(lock)
        if polls:  # without the lock, which others may need to make the notification come
            member.ask_no_longer()
            outcome = waiter.outcome
        else:
            outcome = member.scheduler.block(waiter)
        return outcome is Outcome.NOTIFIED
    finally:
        if kind is real.RLock:
            _acquire_again(rlock_acquire, lock, saved[0])
        elif kind is real.Lock:
            _acquire_again(lock_acquire, lock, 1)
        else:
            self._acquire_restore(saved)
        if outcome is not Outcome.NOTIFIED:
            with contextlib.suppress(ValueError):
                self._waiters.remove(waiter)


@unbroken
def _acquire_again(acquire: Callable[[Any], bool], lock: Any, times: int) -> None:
    """Take a lock as often as it was held; what a signal handler raises meanwhile comes after that."""
    try:
        while times:
            acquire(lock)
            times -= 1
    except (DeadlockError, OverdueError, SystemExit):
        raise
    except BaseException:
        while times:
            acquire(lock)
            times -= 1
        raise


def is_idle_at(member: Member, place: object) -> bool:
    """Whether a thread is a worker that waits for work wherever it waits at ``place``, a queue, condition or lock."""
    return member.thread is not None and place is _where_idle(member.thread)


def _where_idle(thread: Any) -> object:
    """The queue or lock at which a worker thread of the standard library's, anyio's or trio's pool waits for work."""
    if type(thread).__module__ == "anyio._backends._asyncio":
        return thread.queue.not_empty
    target = getattr(thread, "_target", None)
    if getattr(target, "__module__", "") == "concurrent.futures.thread":
        return next((argument for argument in thread._args if isinstance(argument, queue.SimpleQueue)), None)
    return getattr(getattr(target, "__self__", None), "_worker_lock", None)


def patches() -> Iterator[Patch]:
    yield TypePatch(
        real.Lock,
        {
            "acquire": lock_acquire,
            "acquire_lock": lock_acquire,
            "__enter__": lock_acquire,
            "release": lock_release,
            "release_lock": lock_release,
            "__exit__": lock_release,
            "locked": _locked,
        },
    )
    yield TypePatch(
        real.RLock,
        {"acquire": rlock_acquire, "__enter__": rlock_acquire, "release": rlock_release, "__exit__": rlock_release},
    )
    yield from function_patches(threading.Condition, {"wait": _condition_wait, "_is_owned": _is_owned})
    acquire = unpatched(threading.Semaphore, "acquire")
    yield from function_patches(threading.Semaphore, {"acquire": asking(acquire, nothing=False)})
