"""What is kept for one clock only."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, ClassVar, Final, Generic, TypeVar

T = TypeVar("T")

open_clocks: Final[list[Any]] = []
"""The `VirtualClock` that is open, at most one, since clocks do not nest."""


class PerClock(Generic[T]):
    """Something that each clock has anew, such as a registry: it dies with the clock, without anything to remember.

    `current` is that of the clock that is open. A thread left over from an earlier clock, in the middle of a call, goes
    on with that clock's, and so disturbs nothing. ``end`` is called with what an earlier clock leaves behind.
    """

    _all: ClassVar[list[PerClock[Any]]] = []

    def __init__(self, make: Callable[[], T], end: Callable[[T], object] = bool) -> None:
        self._make = make
        self._end = end
        self.current = make()
        self._all.append(self)

    @classmethod
    def renew_all(cls) -> None:
        """Make all of them anew: a clock has closed."""
        for each in cls._all:
            ended, each.current = each.current, each._make()
            each._end(ended)
