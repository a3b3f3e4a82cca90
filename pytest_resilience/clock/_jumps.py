"""The moves of virtual time."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Jump:
    """One move of virtual time.

    Attributes:
        start: where time stood, in seconds since the clock was opened.
        end: where it jumped to.
        thread: the name of the thread that this woke.
        reason: what that thread had been waiting for.
        guess: whether something outside could still have happened at ``start``.
        waited_for: what could have acted there, for which time stood still, such as ``"socket 7 -> 10.0.0.4:5432"``,
            ``"child 4711"`` or ``"thread 'kafka' at client.py:88"``; empty where nothing was guessed.
    """

    start: float
    end: float
    thread: str
    reason: str
    guess: bool
    waited_for: tuple[str, ...] = ()
