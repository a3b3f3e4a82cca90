"""Threads outside the bubble that one of its own has woken: they may be about to answer.

A client that lives as long as the test session, such as one with a thread for its connection, takes a request from a
queue and sets an event when it has the reply. Nothing tells which thread will set which event; but whoever is asked
wakes up, works, and goes back to where it waited before. Until then time stands still, if anybody waits for an answer.
If that is not a condition or a queue but, say, a selector, it may be waiting for an answer itself, and gets the grace.
"""

from __future__ import annotations

import sys
import threading
from _thread import get_ident
from dataclasses import dataclass
from types import CodeType, FrameType
from typing import TYPE_CHECKING

from pytest_resilience.clock import _real as real
from pytest_resilience.clock._deadlock import is_ours
from pytest_resilience.clock._members import members
from pytest_resilience.clock._peers import ASKED, FREED, Outsider
from pytest_resilience.clock._vitals import computed

if TYPE_CHECKING:
    from pytest_resilience.clock._members import Member, Waiter


rested_at: dict[int, float] = {}
"""When threads outside, by identifier, last began to wait for a condition, or for an item in an empty queue."""


def note_rest() -> None:
    """Note that the calling thread, which is outside, begins to wait."""
    rested_at[get_ident()] = real.monotonic()


def reset() -> None:
    """Forget what threads outside did while a clock was open."""
    rested_at.clear()


@dataclass(slots=True)
class _Stranger:
    """A thread outside: where it stood when it was woken, and how long it had run then and when last looked at."""

    native_id: int
    place: object
    ran_before: int
    ran: int
    alive_at: float


class Strangers:
    """Those who may still answer."""

    def __init__(self) -> None:
        self._woken_at = 0.0
        self._strangers: dict[int, _Stranger] = {}

    def wake(self) -> None:
        """Note that a thread of the bubble is about to do something that may wake a thread outside."""
        self._woken_at = real.monotonic()
        frames = sys._current_frames()
        for ident, thread in list(threading._active.items()):  # type: ignore[attr-defined]  # no lock is needed to look
            frame, stranger = frames.get(ident), self._strangers.get(ident)
            if frame is None or ident in members or ident == get_ident() or not thread.native_id:
                continue
            place = _place(frame)
            if stranger is None or stranger.place == place:
                ran = computed(thread.native_id)
                self._strangers[ident] = _Stranger(thread.native_id, place, ran, ran, self._woken_at)

    def forget(self) -> bool:
        """Expect no more of them; whether there was anybody."""
        found = bool(self._strangers)
        self._strangers.clear()
        return found

    def outsiders(self, everyone: list[Member]) -> list[Outsider]:
        """Whoever is at work; nobody once the one who was woken is back; before it has begun, a moment for it.

        And nobody if no thread among ``everyone`` waits for what anybody at all might do.
        """
        if not self._strangers or not any(_expects(member.waiter) for member in everyone):
            return []
        frames, is_back, at_work = sys._current_frames(), False, []
        for ident, stranger in self._strangers.items():
            frame, ran = frames.get(ident), computed(stranger.native_id)
            if ran != stranger.ran:
                stranger.ran, stranger.alive_at = ran, real.monotonic()
            if ran == stranger.ran_before:
                continue
            rests = rested_at.get(ident, 0.0) > self._woken_at and _place(frame) == stranger.place
            if frame is None or rests:
                is_back = True
            else:
                at_work.append(Outsider(stranger.alive_at, ASKED))
        if is_back and not at_work:
            self.forget()
            return []
        return at_work or [Outsider(self._woken_at, FREED)]


def _expects(waiter: Waiter | None) -> bool:
    return waiter is not None and not waiter.idle and waiter.expects()


def _place(frame: FrameType | None) -> object:
    """Where a thread waits, in whatever code but that of locks and the clock's own."""
    place: list[tuple[CodeType, int | None]] = []
    while frame is not None:
        if not is_ours(frame) and (place or frame.f_globals.get("__name__") != "threading"):
            place.append((frame.f_code, frame.f_lineno))
        frame = frame.f_back
    return place
