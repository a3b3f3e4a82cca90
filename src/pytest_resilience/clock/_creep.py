"""Clocks that creep for those who do nothing but look at them, where time itself stands still."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pytest_resilience.clock._members import Member

POLL_LIMIT = 1_000
"""So many waits of exactly 0 s at one instant are more than a rounding error: clocks creep faster then."""

READ_LIMIT = 100_000
"""So many looks at the clock at one instant may be a thread that spins until time has passed."""

_FAST = 1_000  # for the wall clock, as a float, has no single nanoseconds


class Creep:
    """How far, in nanoseconds, clocks show more than the time at which things happen.

    Loops of the kind ``while deadline - monotonic() >= 0: wait(deadline - monotonic())``, of which the standard library
    has two, would never end if the reading stayed exactly at their deadline.
    """

    def __init__(self) -> None:
        self.ahead = 0
        self._polls = 0
        self._read_at = -1
        self._reads = 0

    def polled(self, member: Member, now: int) -> None:
        """Note a wait for a computed time of exactly 0 s; from the second at one instant on the reading creeps."""
        self._polls = self._polls + 1 if member.polled_at == now else 0
        member.polled_at = now
        if self._polls:
            self.ahead += 1 if self._polls < POLL_LIMIT else _FAST

    def read(self, now: int) -> int:
        """What clocks show."""
        if self._read_at != now:
            self._read_at, self._reads = now, 0
        self._reads += 1
        if self._reads > READ_LIMIT:
            self.ahead += 1 if self._reads < 10 * READ_LIMIT else _FAST
        return now + self.ahead
