"""The child processes of this process: which there are, whether they are at work, and what they share."""

from __future__ import annotations

import contextlib
import math
import os
from collections.abc import Iterator

from pytest_resilience.clock._bubble.outsider import ASKED, Outsider
from pytest_resilience.clock._bubble.per_clock import PerClock
from pytest_resilience.clock._reach import real


def own_children() -> list[int]:
    """The children of this process."""
    try:
        os.waitid(os.P_ALL, 0, os.WEXITED | os.WNOHANG | os.WNOWAIT)
    except ChildProcessError:  # the quick way to learn that there are none
        return []
    looks = (children(os.getpid()) for _ in range(_LOOKS))
    return next(filter(None, looks), [])  # there is one at least, which a thread that ends may hand on to another


def child_outsiders(since: float, over_at: float = math.inf, process: int = 0) -> list[Outsider]:
    """The children, or a certain one, as outsiders that may act for a thread that has waited since then."""
    found = [process] if process else own_children()
    return [Outsider(since, ASKED, f"child {child}", over_at, [child]) for child in found]


_LOOKS = 10
"""So many at most at a list that another thread, by ending, may change under the reader: one change is rare enough."""


def _family(process: int) -> Iterator[int]:
    """A process, its children, and theirs."""
    pending = [process]
    while pending:
        process = pending.pop()
        yield process
        pending.extend(children(process))


def children(process: int) -> list[int]:
    """The processes that ``process`` has started and that are still there."""
    for _ in range(_LOOKS):
        with contextlib.suppress(OSError):  # a thread has ended meanwhile, whose children are another one's now
            return [child for task in os.listdir(f"/proc/{process}/task") for child in _children(process, task)]
    return []


def _children(process: int, task: str) -> list[int]:
    with open(f"/proc/{process}/task/{task}/children", "rb") as file:
        return [int(child) for child in file.read().split()]


class Work:
    """When children were last seen at work."""

    def __init__(self) -> None:
        self._signs: dict[int, tuple[object, float]] = {}

    def seen_at(self, child: int) -> float:
        """When a child, or one of its own, was last seen at work, in real seconds: now, if it was never looked at."""
        known, seen_at = self._signs.get(child, (None, 0.0))
        if (sign := _activity(child)) != known:
            seen_at = real.monotonic()
            self._signs[child] = sign, seen_at
        return seen_at

    def is_going_on(self) -> bool:
        """Whether any child is at work, or was a moment ago."""
        return any(real.monotonic() - self.seen_at(child) < _MOMENT_S for child in own_children())


work_of_children = PerClock(Work)

_MOMENT_S = 0.05
"""A process that starts or computes is blocked for less, since the kernel counts waiting for a disk as work."""


def _activity(child: int) -> object:
    """Something that changes while a child of this process, or one of its own, is at work."""
    found = []
    for process in _family(child):
        try:
            with open(f"/proc/{process}/stat", "rb") as file:
                fields = file.read().rpartition(b")")[2].split()
        except OSError:
            continue
        working = object() if fields[0] in {b"R", b"D"} else None
        found.append((process, fields[11], fields[12], working))
    return found


def open_inodes(process: int) -> Iterator[int]:
    """The inodes of all that a process has open, as often as it has it open."""
    try:
        names = os.listdir(f"/proc/{process}/fd")
    except OSError:
        return
    for name in names:
        with contextlib.suppress(OSError):
            yield os.stat(f"/proc/{process}/fd/{name}").st_ino


def sharers(inode: int) -> list[int]:
    """The children, or theirs, that have something open, such as an end of a pipe, of which the inode is given."""
    family = [process for child in own_children() for process in _family(child)] if inode else []
    return [process for process in family if inode in open_inodes(process)]
