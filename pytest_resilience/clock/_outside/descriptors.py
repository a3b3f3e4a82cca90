"""Who is at the other end of a descriptor: a thread of the bubble, or an outsider that may be about to answer."""

from __future__ import annotations

import os
import re
import stat
from collections.abc import Callable, Iterable

from pytest_resilience.clock._bubble.outsider import ASKED, UNASKED, Outsider
from pytest_resilience.clock._outside.pipes import outsider_at_pipe
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
        return outsider_at_pipe(descriptor, inode)
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
    processes = _processes_of(descriptor) if is_process else None
    return Outsider(silence.current.since(descriptor, inode), share, f"{kind} {descriptor}", processes=processes)


def epoll_interests(descriptor: int) -> list[Interest]:
    """The descriptors registered at the epoll object ``descriptor``."""
    found = re.findall(rb"tfd:\s*(\d+)\s+events:\s*([0-9a-f]+)", _information(descriptor))
    return [(int(fd), int(events, 16)) for fd, events in found]


def _processes_of(descriptor: int) -> list[int]:
    """The process that a pidfd stands for."""
    return [int(process) for process in re.findall(rb"^Pid:\s*(\d+)", _information(descriptor), re.MULTILINE)]


def _information(descriptor: int) -> bytes:
    try:
        with open(f"/proc/self/fdinfo/{descriptor}", "rb") as information:
            return information.read()
    except OSError:
        return b""
