"""Threads outside the bubble that one of its own has woken: they may be about to answer.

A client that lives as long as the test session, such as one with a thread for its connection, takes a request from a
queue and sets an event when it has the reply. Nothing tells which thread will set which event; but a thread
that is asked wakes up, works, and goes back to where it waited before. Until then time stands still, if an answer is
waited for.
If that is not a condition or a queue but, say, a selector, it may be waiting for an answer itself, and gets the grace.
"""

from __future__ import annotations

import contextlib
import threading
from _thread import get_ident
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from types import CodeType, FrameType

from pytest_resilience.clock._bubble.frames import frames_of_others, is_ours, thread_at
from pytest_resilience.clock._bubble.outsider import ASKED, FREED, Outsider
from pytest_resilience.clock._bubble.per_clock import PerClock
from pytest_resilience.clock._bubble.waiting import Member, members
from pytest_resilience.clock._outside.vitals import computed, could_run
from pytest_resilience.clock._reach import real

_QUIET = 0.01
"""For so many real seconds none may run before all are taken to be back: one may just have woken another.

The kernel tells at once of a thread that a lock has woken, but of the reader of a socket only when it has passed on the
byte.
"""

_WATCHDOGS = {"pytest_timeout", "pytest_resilience._faults.socket_thread"}

_resting: PerClock[dict[int, float]] = PerClock(dict)
"""The threads outside, by identifier, that wait for a condition or for an item in an empty queue, and since when."""


@contextlib.contextmanager
def at_rest() -> Iterator[None]:
    """Note that the calling thread, which is outside, waits."""
    resting, ident = _resting.current, get_ident()
    resting[ident] = real.monotonic()
    try:
        yield
    finally:
        resting.pop(ident, None)


@dataclass(slots=True)
class _Stranger:
    """A thread outside: where it stood when it was woken, and how long it had run then and when last looked at."""

    thread: threading.Thread
    place: object
    ran_before: int
    ran: int
    alive_at: float

    def outsider(self, alive_at: float, share: float) -> Outsider:
        return Outsider(alive_at, share, thread_at(self.thread.name, self.thread.ident or 0))


class WokenStrangers:
    """Those who may still answer; what its methods do is said at `Strangers`."""

    def __init__(self) -> None:
        self._woken_at = self._ran_at = 0.0
        self._strangers: dict[int, _Stranger] = {}
        self._older: set[int] = set()

    def wake(self) -> None:
        self._woken_at = self._ran_at = real.monotonic()
        frames = frames_of_others()
        for ident, thread in _outside():
            self._older.add(ident)
            stranger, place = self._strangers.get(ident), _place(frames.get(ident))
            if stranger is None or stranger.place == place:
                ran = computed(thread.native_id or 0)
                self._strangers[ident] = _Stranger(thread, place, ran, ran, self._woken_at)

    def await_work(self, threads: Iterable[threading.Thread]) -> None:
        self._woken_at = self._ran_at = real.monotonic()
        self._older.update(ident for ident, _ in _outside())
        for thread in threads:
            if thread.ident not in members and thread.ident is not None:
                self._strangers[thread.ident] = _Stranger(thread, None, -1, 0, self._woken_at)

    def forget(self) -> bool:
        found = bool(self._strangers)
        self._strangers.clear()
        return found

    def outsiders(self, everyone: list[Member]) -> list[Outsider]:
        """Those at work; none once all that were woken are back; before that has begun, each of them for a moment.

        And none if no thread among ``everyone`` waits for what any thread might do.
        """
        waiters = [member.waiter for member in everyone if member.waiter is not None]
        if not self._strangers or not any(each.expects() and not each.idle() for each in waiters):
            return []
        now, outside = real.monotonic(), dict(_outside())
        for ident in outside.keys() - self._older:  # started by another, to do its work
            self._older.add(ident)
            self._strangers[ident] = _Stranger(outside[ident], None, -1, 0, now)
        frames, is_back, at_work = frames_of_others(), False, []
        for ident, stranger in self._strangers.items():
            native_id = stranger.thread.native_id or 0
            ran, runs = computed(native_id), could_run(native_id)
            if ran != stranger.ran or runs:
                stranger.ran, stranger.alive_at, self._ran_at = ran, now, now
            if runs:  # on a busy machine, one that has just been woken waits long for a processor
                at_work.append(stranger.outsider(now, ASKED))
            elif ran == stranger.ran_before:
                continue
            elif ident not in outside or self._rests(ident, stranger, frames.get(ident)):
                is_back = True
            else:
                at_work.append(stranger.outsider(stranger.alive_at, ASKED))
        if at_work or not is_back:
            return at_work or [each.outsider(self._woken_at, FREED) for each in self._strangers.values()]
        if self._ran_at + _QUIET < now:
            self.forget()
            return []
        return [each.outsider(now, ASKED) for each in self._strangers.values()]

    def _rests(self, ident: int, stranger: _Stranger, frame: FrameType | None) -> bool:
        """Whether a thread is back where it waited; one that was not seen to wait before may do so anywhere."""
        return _resting.current.get(ident, 0.0) > self._woken_at and stranger.place in (None, _place(frame))


def _outside() -> list[tuple[int, threading.Thread]]:
    """The threads of this process that are no members and may answer; no lock is needed to look at them."""
    active: dict[int, threading.Thread] = threading._active  # type: ignore[attr-defined]  # missing from typeshed
    own = get_ident()
    return [
        (ident, thread)
        for ident, thread in list(active.items())
        if ident not in members and ident != own and not is_watchdog(thread)
    ]


def is_watchdog(thread: object) -> bool:
    """Whether a thread only watches over the test from outside, as the timer of pytest-timeout does."""
    return getattr(getattr(thread, "function", None), "__module__", "") in _WATCHDOGS


def _place(frame: FrameType | None) -> object:
    """Where a thread waits, in whatever code but that of locks and the clock's own."""
    place: list[tuple[CodeType, int | None]] = []
    while frame is not None:
        if not is_ours(frame) and (place or frame.f_globals.get("__name__") != "threading"):
            place.append((frame.f_code, frame.f_lineno))
        frame = frame.f_back
    return place
