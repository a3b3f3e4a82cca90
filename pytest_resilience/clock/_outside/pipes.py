"""Pipes, and who is at their other ends."""

from __future__ import annotations

import os
import stat

from pytest_resilience.clock._bubble.outsider import ASKED, Outsider
from pytest_resilience.clock._bubble.per_clock import PerClock
from pytest_resilience.clock._outside.children import open_inodes, sharers
from pytest_resilience.clock._outside.silence import silence

_made: PerClock[set[int]] = PerClock(set)
"""The inodes of the pipes that threads of the bubble have made."""


def note_pipe(end: int) -> None:
    """Note a pipe that a thread of the bubble has made, by the descriptor of either end."""
    _made.current.add(os.fstat(end).st_ino)


def is_older_pipe(descriptor: int) -> bool:
    """Whether a descriptor is an end of a pipe from before the clock, the other of which any thread may use."""
    try:
        status = os.fstat(descriptor)
    except OSError:
        return False
    return stat.S_ISFIFO(status.st_mode) and status.st_ino not in _made.current


def outsider_at_pipe(descriptor: int, inode: int) -> Outsider | None:
    """The outsider that may use a pipe; None if both of its ends are in this process alone."""
    ends = sum(found == inode for found in open_inodes(os.getpid()))
    others = sharers(inode)
    if ends > 1 and not others:
        return None
    return Outsider(silence.current.since(descriptor, inode), ASKED, f"pipe {descriptor}", processes=others)
