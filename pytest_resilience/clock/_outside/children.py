"""The child processes of this process, and whether they are at work."""

from __future__ import annotations

import contextlib
import os
from collections.abc import Iterator


def descendants() -> Iterator[int]:
    """The children of this process, and theirs."""
    try:
        os.waitid(os.P_ALL, 0, os.WEXITED | os.WNOHANG | os.WNOWAIT)
    except ChildProcessError:  # the quick way to learn that there are none
        return
    pending = children(os.getpid())
    while pending:
        process = pending.pop()
        yield process
        pending.extend(children(process))


def children(process: int) -> list[int]:
    """The processes that ``process`` has started and that are still there."""
    found: list[int] = []
    with contextlib.suppress(OSError):
        for task in os.listdir(f"/proc/{process}/task"):
            with open(f"/proc/{process}/task/{task}/children", encoding="ascii") as file:
                found.extend(int(child) for child in file.read().split())
    return found


def activity() -> object:
    """Something that changes while any child of this process, or theirs, is at work."""
    found = []
    for process in descendants():
        try:
            with open(f"/proc/{process}/stat", encoding="ascii", errors="replace") as file:
                fields = file.read().rpartition(")")[2].split()
        except OSError:
            continue
        working = object() if fields[0] in {"R", "D"} else None
        found.append((process, fields[11], fields[12], working))
    return found
