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

A_FEW = 10 * NOT_YET
"""What a program asks that tries whether it can have a lock, or an item; asking more is a way of waiting for it."""

_MOST_STEPS = 10
"""So many waits of 0 s in a row make clocks go on, by 1 ns first and twice as much each time.

That comes to a microsecond, which even the wall clock shows, though as a float it has no single nanoseconds. A thread
that waits so again after that does not wait for its clock; for that one time passes at the limit, as for any.
"""


class NoTimeLeft:
    """The waits of 0 s that a thread, or a task of an event loop, makes in a row; ``spared`` of them change nothing."""

    __slots__ = ("_first", "_instant", "_row")

    def __init__(self, spared: int = 0) -> None:
        self._instant = -1
        self._row = self._first = -spared

    def step(self, now: int, *, has_looked: bool) -> int:
        """By how many nanoseconds clocks have to go on before one more wait of 0 s at the instant ``now``.

        Who has waited so before at this instant, and has looked at a clock since, computes how much time is left, and
        waits for it to be over. Loops of the kind ``while deadline - monotonic() >= 0: wait(deadline - monotonic())``,
        of which the standard library has two, would never end if clocks stayed exactly at the deadline. Time itself, by
        which others wake, does not go on.
        """
        again, self._instant = has_looked and self._instant == now, now
        self._row = self._row + 1 if again else self._first
        return 2 ** (self._row - 1) if 0 < self._row <= _MOST_STEPS else 0


class Questions:
    """What one thread has asked in vain since it last waited."""

    __slots__ = ("_no_time_left", "asked", "has_looked", "limit")

    def __init__(self, limit: int) -> None:
        self.limit = limit
        self.asked = 0
        self.has_looked = False
        self._no_time_left = NoTimeLeft()

    def pause(self) -> int:
        """How many nanoseconds have to pass at the next one: 1 from the limit on, and 1,000 after ten times as many."""
        return (self.asked // self.limit) ** 3

    def step(self, now: int, waits: NoTimeLeft | None = None) -> int:
        """`NoTimeLeft.step` of this thread, or of the waits of one of its tasks; the next one needs another look."""
        has_looked, self.has_looked = self.has_looked, False
        return (waits or self._no_time_left).step(now, has_looked=has_looked)
