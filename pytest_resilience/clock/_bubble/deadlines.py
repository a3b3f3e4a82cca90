"""The waits that end at a certain time."""

from __future__ import annotations

import heapq
from collections.abc import Iterable, Iterator

from pytest_resilience.clock._bubble.waiting import Waiter

_FEW = 64
"""So many waits that have ended may lie about: to sweep them out more often would cost more than they take."""


class Deadlines:
    """Waiters by deadline, equal ones in the order of their arrival. It is true as long as any of them still waits.

    A wait that ends early leaves its entry behind, which is dropped when it comes up, or swept out with others.
    """

    def __init__(self) -> None:
        self._heap: list[tuple[int, int, Waiter]] = []
        self._ended = 0

    def __bool__(self) -> bool:
        return len(self._heap) > self._ended

    def add(self, waiter: Waiter, arrival: int) -> None:
        if waiter.deadline is not None:
            heapq.heappush(self._heap, (waiter.deadline, arrival, waiter))

    def note_ended(self, waiter: Waiter) -> None:
        """Note that a wait, with or without a deadline, has ended early."""
        self._ended += waiter.deadline is not None

    def remove(self, waiter: Waiter) -> None:
        """Take out a waiter that will be put in its place again."""
        self._heap = [entry for entry in self._heap if entry[2] is not waiter]
        heapq.heapify(self._heap)

    def restore(self, waiters: Iterable[Waiter], arrivals: Iterator[int]) -> None:
        """Hold those that still wait, each of them once, wherever an addition or a removal was broken off."""
        held = {entry[2]: entry for entry in self._heap if entry[2].outcome is None}
        self._heap, self._ended = [*held.values()], 0
        heapq.heapify(self._heap)
        for waiter in waiters:
            if waiter.outcome is None and waiter not in held:
                self.add(waiter, next(arrivals))

    def earliest(self) -> int | None:
        """The earliest deadline of those that still wait."""
        heap = self._heap
        while heap and heap[0][2].outcome is not None:
            heapq.heappop(heap)
            self._ended -= 1
        return heap[0][0] if heap else None

    def until(self, instant: int) -> list[Waiter]:
        """Those that still wait, and not beyond an instant, in the order in which they wake."""
        soon = sorted((*entry[:2], index) for index, entry in enumerate(self._heap) if entry[0] <= instant)
        return [waiter for *_, index in soon if (waiter := self._heap[index][2]).outcome is None]

    def pop(self) -> tuple[int, Waiter] | None:
        """Take out the waiter with the earliest deadline, if there is one that still waits."""
        while self._heap:
            deadline, _, waiter = heapq.heappop(self._heap)
            if waiter.outcome is None:
                if self._ended > _FEW and self._ended * 2 > len(self._heap):
                    self._heap = [entry for entry in self._heap if entry[2].outcome is None]
                    heapq.heapify(self._heap)
                    self._ended = 0
                return deadline, waiter
            self._ended -= 1
        return None
