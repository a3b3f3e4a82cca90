"""Since when descriptors have been waited for in vain."""

from __future__ import annotations

from collections.abc import Iterable

from pytest_resilience.clock._bubble.per_clock import PerClock
from pytest_resilience.clock._outside.real_poll import Interest
from pytest_resilience.clock._reach import real


class Silence:
    """When each descriptor was first waited for since it last had something, or was asked."""

    def __init__(self) -> None:
        self._since: dict[int, tuple[int, float]] = {}  # with the inode, as numbers of descriptors are used again

    def since(self, descriptor: int, inode: int) -> float:
        """When the silence of a descriptor began, in real seconds: now, if it had not yet."""
        known, since = self._since.get(descriptor, (None, 0.0))
        if known != inode:
            since = real.monotonic()
            self._since[descriptor] = (inode, since)
        return since

    def at(self, interests: Iterable[Interest]) -> list[Interest]:
        return [interest for interest in interests if interest[0] in self._since]

    def end(self, descriptor: int) -> None:
        """Note that a descriptor has something, or was asked: its next silence begins with the next wait."""
        self._since.pop(descriptor, None)


silence = PerClock(Silence)
