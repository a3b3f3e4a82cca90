"""Outsiders: what is outside the bubble and may still act, for which time stands still a while."""

from __future__ import annotations

import math
from collections.abc import Collection, Iterable
from typing import NamedTuple, Protocol

# How long time stands still for an outsider, as a part of the clock's grace, which is 0.5 s unless the test says more.

UNASKED = 0.04
"""The share for an outsider that owes nothing, such as a server at the end of a connection that is only kept.

20 ms: what it has sent of its own accord, to close the connection for example, has arrived by then; and each connection
that is kept costs so much when a loop first waits with it.
"""

FREED = 0.1
"""The share for a thread that has to get a processor first, since a thread of the bubble may just have woken it.

50 ms: the kernel runs such a thread within a few of them, also where others keep all processors busy. Most of the time
it has woken no thread at all, so the whole grace would be spent in vain.
"""

ASKED = 1.0
"""The share for an outsider that owes an answer, or the rest of one: all that the test has given."""


class Outsider(NamedTuple):
    """Whatever is outside the bubble and may still act.

    Attributes:
        alive_at: When it last showed a sign of life, in real seconds of `time.monotonic`.
        share: How long to stand still for it from then on, as a part of the clock's grace.
        who: What it is, in words: "socket 7 -> 10.0.0.4:5432".
        over_at: When, in real seconds, the wait for it would be over without the clock, and time goes on whatever it
            does: it would stand still for ever for a child that computes for ever.
        processes: The children whose work, or that of their own children, is a sign of its life; None: any child, where
            nothing tells which of them it is, or works for it.
    """

    alive_at: float
    share: float
    who: str
    over_at: float = math.inf
    processes: Collection[int] | None = None


def names_of(outsiders: Iterable[Outsider]) -> tuple[str, ...]:
    """What outsiders there are, each once, those first that owe an answer."""
    return tuple(dict.fromkeys(each.who for each in sorted(outsiders, key=lambda each: -each.share)))


class Watcher(Protocol):
    """What does the real waiting when only something outside can go on, and looks at what the scheduler cannot see.

    Attributes:
        grace: How many real seconds time stands still for an outsider.
        ident: The identifier of its thread.
        has_thread: Whether its thread is there.
        is_paused: Whether it has stopped watching until `watch` is called again.
    """

    grace: float
    ident: int
    is_paused: bool

    @property
    def has_thread(self) -> bool: ...

    def watch(self) -> None:
        """Begin to watch, or look again at once; the scheduler's mutex is held."""

    def left(self, outsiders: list[Outsider]) -> float:
        """How much longer, in real seconds, time has to stand still for outsiders."""
