"""What a clock tells afterwards: how time moved, and what sleeps were asked for."""

from __future__ import annotations

from dataclasses import dataclass

SPINNING = "time to pass, spinning"
"""What a thread waits for that does nothing but ask."""


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


class History:
    """The moves of time and the sleeps of one bubble.

    Attributes:
        jumps: From when and to when time moved, which thread that woke and from what, and for which outsiders time had
            stood still: it was a guess, if there are any.
        sleeps: Seconds, by the numbers under which they were noted.
    """

    def __init__(self) -> None:
        self.jumps: list[tuple[int, int, str, str, tuple[str, ...]]] = []
        self.sleeps: dict[int, float] = {}

    def note_jump(self, start: int, end: int, thread: str, what: str, waited_for: tuple[str, ...]) -> None:
        """Note a move of time; those of a thread that spins become one, else there would be millions."""
        if what is SPINNING and self.jumps:
            earlier, until, *latest = self.jumps[-1]
            if until == start and latest == [thread, what, waited_for]:
                self.jumps[-1] = (earlier, end, thread, what, waited_for)
                return
        self.jumps.append((start, end, thread, what, waited_for))
