"""Who is at the other end of a descriptor: a thread of the bubble, or an outsider that may be about to answer."""

from __future__ import annotations

import os
import re
import stat
from collections.abc import Callable, Iterable

from pytest_resilience.clock._bubble.outsider import ASKED, UNASKED, Outsider
from pytest_resilience.clock._bubble.per_clock import PerClock
from pytest_resilience.clock._outside.children import open_inodes, sharers
from pytest_resilience.clock._outside.real_poll import Interest
from pytest_resilience.clock._outside.silence import silence
from pytest_resilience.clock._outside.sockets import known_sockets


def outsiders(interests: Iterable[Interest], expects: Callable[[], bool], since: float) -> list[Outsider]:
    """The outsiders that may act on ``interests``; none where the bubble alone can, so that time may move.

    ``expects`` tells whether more is waited for than has come already, ``since`` is when the wait began.
    """
    return [found for interest in interests if (found := _outsider_at(*interest, expects, since)) is not None]


def _outsider_at(descriptor: int, events: int, expects: Callable[[], bool], since: float) -> Outsider | None:
    try:
        status = os.fstat(descriptor)
    except OSError:
        return None
    inode = status.st_ino
    if stat.S_ISSOCK(status.st_mode):
        return known_sockets.current.outsider_at(descriptor, inode, events, expects)
    if stat.S_ISFIFO(status.st_mode):
        return _outsider_at_pipe(descriptor, inode)
    try:
        name = os.readlink(f"/proc/self/fd/{descriptor}")
    except OSError:
        name = ""
    if "eventfd" in name:  # a library has threads of its own, as ZeroMQ does; nothing tells when they were asked
        return Outsider(since, ASKED if expects() else UNASKED, f"eventfd {descriptor}")
    is_process = "pidfd" in name
    if not is_process and ("event" in name or "inotify" in name):
        return None
    share, kind = (ASKED, "pidfd") if is_process else (UNASKED, "descriptor")
    processes = None
    if is_process:
        processes = [int(number) for number in re.findall(rb"^Pid:\s*(\d+)", _information(descriptor), re.MULTILINE)]
    if processes == [os.getpid()]:
        return None
    return Outsider(silence.current.since(descriptor, inode), share, f"{kind} {descriptor}", processes=processes)


def epoll_interests(descriptor: int) -> list[Interest]:
    """The descriptors registered at the epoll object ``descriptor``."""
    found = re.findall(rb"tfd:\s*(\d+)\s+events:\s*([0-9a-f]+)", _information(descriptor))
    return [(int(fd), int(events, 16)) for fd, events in found]


def _information(descriptor: int) -> bytes:
    try:
        with open(f"/proc/self/fdinfo/{descriptor}", "rb") as information:
            return information.read()
    except OSError:
        return b""


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


def _outsider_at_pipe(descriptor: int, inode: int) -> Outsider | None:
    """The outsider that may use a pipe; None if both of its ends are in this process alone."""
    ends = sum(found == inode for found in open_inodes(os.getpid()))
    others = sharers(inode)
    if ends > 1 and not others:
        return None
    # The other end that nobody has is on its way to a child, as those are that a fork server gets.
    return Outsider(silence.current.since(descriptor, inode), ASKED, f"pipe {descriptor}", processes=others or None)
