"""Threads of the bubble that go on, or are blocked, without the baton."""

from __future__ import annotations

from pytest_resilience.clock._bubble.frames import thread_at
from pytest_resilience.clock._bubble.outsider import ASKED, FREED, Outsider
from pytest_resilience.clock._bubble.waiting import Member
from pytest_resilience.clock._reach import real


class Absent:
    """Those that are blocked in C, and those that compute without end, as far as can be told."""

    def __init__(self) -> None:
        self._alive_at: dict[Member, float] = {}
        self._endless: set[Member] = set()
        self._handed_over_at = 0.0

    def __len__(self) -> int:
        return len(self._alive_at)

    def __contains__(self, member: object) -> bool:
        return member in self._alive_at

    def awaited(self) -> list[Member]:
        """Those for which time stands still as long as they show signs of life."""
        return [member for member in self._alive_at if member not in self._endless]

    def add(self, member: Member, *, endless: bool = False) -> None:
        """Count ``member`` among them, or note another sign of life."""
        self._alive_at[member] = real.monotonic()
        if endless:
            self._endless.add(member)

    def discard(self, member: Member) -> None:
        self._alive_at.pop(member, None)
        self._endless.discard(member)

    def note_hand_over(self) -> None:
        """Note that the baton changes hands: its last holder may just have set one of them free."""
        if self._alive_at:
            self._handed_over_at = real.monotonic()

    def outsiders(self) -> list[Outsider]:
        if not self._alive_at:
            return []
        found = [
            Outsider(alive_at, ASKED, thread_at(member.name, member.ident))
            for member, alive_at in self._alive_at.items()
        ]
        return found + [Outsider(self._handed_over_at, FREED, each.who) for each in found[:1] if self.awaited()]
