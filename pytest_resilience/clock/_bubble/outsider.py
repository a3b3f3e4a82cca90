"""Whoever is outside the bubble and may still act, for which time stands still a while."""

from __future__ import annotations

from typing import NamedTuple, Protocol

UNASKED = 0.04
"""The share for an outsider for which nobody waits."""

FREED = 0.1
"""The share for a thread that is blocked in C, which whoever ran last may just have set free."""

ASKED = 1.0
"""The share for an outsider that owes an answer, or the rest of one."""


class Outsider(NamedTuple):
    """Whatever is outside the bubble and may still act.

    Attributes:
        alive_at: When it last showed a sign of life, in real seconds of `time.monotonic`.
        share: How long to stand still for it from then on, as a part of the clock's grace.
        who: What it is, in words: "socket 7 -> 10.0.0.4:5432".
    """

    alive_at: float
    share: float
    who: str


class Watcher(Protocol):
    """What does the real waiting when only something outside can go on, and looks at what the scheduler cannot see.

    Attributes:
        grace: How many real seconds time stands still for an outsider.
        ident: The identifier of its thread.
        is_paused: Whether it has stopped watching until `watch` is called again.
    """

    grace: float
    ident: int
    is_paused: bool

    def watch(self) -> None:
        """Begin to watch, or look again at once; the scheduler's mutex is held."""

    def left(self, outsiders: list[Outsider]) -> float:
        """How much longer, in real seconds, time has to stand still for outsiders."""
