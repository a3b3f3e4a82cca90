"""Who is at the other end of a descriptor: a thread of the bubble, or somebody outside who may be about to answer."""

from __future__ import annotations

import contextlib
import fcntl
import os
import re
import select
import socket
import stat
import struct
import sys
import termios
import weakref
from collections.abc import Iterator
from typing import Any

Interest = tuple[int, int]
"""A file descriptor and the `select.poll` events of interest."""

NOBODY = 0.0
"""Patience with a descriptor on which only the bubble itself can act: none is needed, time may move."""

UNASKED = 0.04
"""Patience with somebody outside who owes nothing, as a part of the clock's grace."""

ASKED = 1.0
"""Patience with somebody outside who owes an answer."""

_shared: set[int] = set()
"""The inodes of everything that was open when the process forked: a child may hold either end."""

Ends = tuple[Any, Any]
"""The addresses of a connection, as one of its sockets sees them: its own and its peer's."""

_by_descriptor: dict[int, weakref.ref[socket.socket]] = {}
"""The sockets that threads of the bubble have made."""

_unconnected: weakref.WeakSet[socket.socket] = weakref.WeakSet()
"""Those of them that may still get a peer."""

_connected: weakref.WeakValueDictionary[Ends, socket.socket] = weakref.WeakValueDictionary()
"""Those of them that have one."""

_asked: weakref.WeakSet[socket.socket] = weakref.WeakSet()
"""Those of them that have sent something since they last received."""

_partners: dict[int, tuple[int, int]] = {}
"""The ends of socket pairs made in the bubble: from an end's inode to the descriptor and inode of the other."""


def patience(interests: list[Interest]) -> float:
    """How long to wait for ``interests`` before moving time, as a part of the clock's grace."""
    return max((_patience_with(*interest) for interest in interests), default=NOBODY)


def _patience_with(descriptor: int, events: int) -> float:
    try:
        status = os.fstat(descriptor)
    except OSError:
        return NOBODY
    if stat.S_ISSOCK(status.st_mode):
        return _patience_with_socket(descriptor, status.st_ino, events)
    if stat.S_ISFIFO(status.st_mode):
        return NOBODY if _pipe_ends(status.st_ino) > 1 and not _is_shared(status.st_ino) else ASKED
    try:
        name = os.readlink(f"/proc/self/fd/{descriptor}")
    except OSError:
        return UNASKED
    return ASKED if "pidfd" in name else NOBODY if "event" in name else UNASKED


def _pipe_ends(inode: int) -> int:
    """How many descriptors of this process belong to the pipe ``inode``."""
    return sum(found == inode for found in _open_inodes())


def _open_inodes() -> Iterator[int]:
    try:
        names = os.listdir("/proc/self/fd")
    except OSError:
        return
    for name in names:
        with contextlib.suppress(OSError):
            yield os.stat(f"/proc/self/fd/{name}").st_ino


def _is_shared(inode: int) -> bool:
    return inode in _shared and bool(children(os.getpid()))


def children(process: int) -> list[int]:
    """The processes that ``process`` has started and that are still there."""
    found: list[int] = []
    with contextlib.suppress(OSError):
        for task in os.listdir(f"/proc/{process}/task"):
            with open(f"/proc/{process}/task/{task}/children", encoding="ascii") as file:
                found.extend(int(child) for child in file.read().split())
    return found


def _patience_with_socket(descriptor: int, inode: int, events: int) -> float:
    if inode in _partners:
        return NOBODY if _is_open(*_partners[inode]) and not _is_shared(inode) else ASKED
    reference = _by_descriptor.get(descriptor)
    own = reference() if reference is not None else None
    if own is not None and own.fileno() == descriptor:
        return _patience_with_peer_of(own, events, own=True)
    probe = socket.socket(fileno=descriptor)
    try:
        return _patience_with_peer_of(probe, events, own=False)
    finally:
        probe.detach()


def _is_open(descriptor: int, inode: int) -> bool:
    try:
        return os.fstat(descriptor).st_ino == inode
    except OSError:
        return False


def _patience_with_peer_of(probe: socket.socket, events: int, *, own: bool) -> float:
    if probe.family == socket.AF_UNIX:
        return _patience_with_local(probe)
    ends = _ends(probe)
    if ends is None:  # it listens, or has no peer of its own, or is about to have one
        return ASKED if own and probe in _asked else NOBODY
    for candidate in list(_unconnected):
        its_ends = _ends(candidate)
        if its_ends is not None:
            _connected[its_ends] = candidate
            _unconnected.discard(candidate)
    other = _connected.get((ends[1], ends[0]))
    if other is not None and other.fileno() >= 0:
        return ASKED if _is_under_way(probe, other, events) else NOBODY
    return UNASKED if own and probe not in _asked else ASKED


def _is_under_way(here: socket.socket, there: socket.socket, events: int) -> bool:
    """Whether the kernel is still moving what ``here`` waits for between two sockets of the bubble."""
    if here.type != socket.SOCK_STREAM:
        return False
    if events & select.POLLIN and _pending(there, termios.TIOCOUTQ):
        return True
    return bool(events & select.POLLOUT and _pending(here, termios.TIOCOUTQ) and not _pending(there, termios.FIONREAD))


def _pending(at: socket.socket, queue: int) -> int:
    """How many bytes are not acknowledged yet (``TIOCOUTQ``) or not read yet (``FIONREAD``)."""
    try:
        answer = fcntl.ioctl(at.fileno(), queue, bytes(4))
    except OSError:
        return 0
    return int.from_bytes(answer, sys.byteorder)


def _ends(of: socket.socket) -> Ends | None:
    try:
        return of.getsockname(), of.getpeername()
    except OSError:
        return None


def _patience_with_local(probe: socket.socket) -> float:
    if probe.getsockopt(socket.SOL_SOCKET, socket.SO_ACCEPTCONN):
        return NOBODY
    try:
        process, _, _ = struct.unpack("3i", probe.getsockopt(socket.SOL_SOCKET, socket.SO_PEERCRED, 12))
    except (AttributeError, OSError):
        return ASKED
    return NOBODY if process in {0, os.getpid()} else ASKED


def epoll_interests(descriptor: int) -> list[Interest]:
    """The descriptors registered at the epoll object ``descriptor``."""
    try:
        with open(f"/proc/self/fdinfo/{descriptor}", encoding="ascii") as information:
            text = information.read()
    except OSError:
        return []
    return [(int(fd), int(events, 16)) for fd, events in re.findall(r"tfd:\s*(\d+)\s+events:\s*([0-9a-f]+)", text)]


def made(made_socket: socket.socket) -> None:
    """Note a socket that a thread of the bubble has made."""
    _by_descriptor[made_socket.fileno()] = weakref.ref(made_socket)
    if made_socket.family in {socket.AF_INET, socket.AF_INET6}:
        _unconnected.add(made_socket)
        if _ends(made_socket) is not None:
            _asked.add(made_socket)  # accepted: its peer speaks first, as a rule
        if made_socket.type == socket.SOCK_STREAM:
            # Otherwise the kernel may hold back a small packet for some 40 ms, which pass in real time only.
            made_socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)


def made_pair(first: int, second: int) -> None:
    """Note a pair of connected sockets, by descriptor."""
    inodes = os.fstat(first).st_ino, os.fstat(second).st_ino
    _partners[inodes[0]] = (second, inodes[1])
    _partners[inodes[1]] = (first, inodes[0])


def forked() -> None:
    """Note that a child process now has a copy of everything that is open."""
    _shared.update(_open_inodes())


def sent(by: socket.socket) -> None:
    """Note that a socket of the bubble has sent something, and may expect an answer."""
    _asked.add(by)


def received(by: socket.socket) -> None:
    """Note that a socket of the bubble has received something."""
    _asked.discard(by)


def reset() -> None:
    """Forget the sockets of a bubble that has closed."""
    _by_descriptor.clear()
    _unconnected.clear()
    _connected.clear()
    _asked.clear()
    _partners.clear()
    _shared.clear()
