"""Threads that spin: time passes for those that only ask, again and again, whether something has happened.

A loop such as ``while not event.is_set(): pass`` never blocks, so that by the scheduler's rule time would stand still,
and no other thread would have a turn. Here each question that comes to nothing counts; a thread that has asked often
enough without ever waiting sleeps for a moment with each further question, in virtual time like any other sleep. How
often is counted, not measured, so that every run takes the same course.
"""

from __future__ import annotations

LIMIT = 100_000
"""So many questions, without any waiting in between, are no part of a program's work.

They take about a tenth of a second. A program that works asks the time for each item of its work, or looks whether a
queue has more: to sleep there, though but for nanoseconds, would let others overtake it that it does not wait for.
"""

GLANCE = 1
"""The weight of a look at the clock, or of a step of an event loop, which a program that works takes often."""

NOT_YET = 10
"""The weight of a question that got "not yet" for its answer: a program that works gets it once in a while only."""

NO_TIME_LEFT = 1_000
"""The weight of a wait for a time of exactly 0 s that somebody computed, and is about to compute again.

Loops of the kind ``while deadline - monotonic() >= 0: wait(deadline - monotonic())``, of which the standard library has
two, would never end if time stayed exactly at their deadline. A hundred rounds of them show that it does.
"""


class Questions:
    """What one thread has asked in vain since it last waited."""

    __slots__ = ("_no_time_left", "asked", "limit")

    def __init__(self, limit: int) -> None:
        self.limit = limit
        self.asked = 0
        self._no_time_left: tuple[object, int] | None = None

    def add(self, weight: int) -> int:
        """Count one more; how many nanoseconds have to pass: none, then 1, and 1,000 after ten times the limit."""
        self.asked += weight
        return (self.asked // self.limit) ** 3

    def step(self, by: object, now: int) -> int:
        """By how many nanoseconds clocks have to go on for a wait of a computed 0 s: none at the first in a row."""
        before, self._no_time_left = self._no_time_left, (by, now)
        if before != self._no_time_left:
            return 0
        return 1 if self.asked < 10 * NO_TIME_LEFT else 1_000  # the wall clock, as a float, has no single nanoseconds
