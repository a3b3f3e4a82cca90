"""Who is at the other end of a descriptor: a thread of the bubble, or somebody outside who may be about to answer."""

from __future__ import annotations

import _socket
import contextlib
import fcntl
import math
import os
import re
import select
import socket
import stat
import struct
import sys
import termios
import weakref
from collections.abc import Callable, Iterator
from typing import Any

from pytest_resilience.clock._bubble.outsider import ASKED, UNASKED, Outsider
from pytest_resilience.clock._outside.children import descendants
from pytest_resilience.clock._reach import real

Interest = tuple[int, int]
"""A file descriptor and the `select.poll` events of interest."""


_Socket = _socket.socket

Ends = tuple[Any, Any]
"""The addresses of a connection, as one of its sockets sees them: its own and its peer's."""

_by_descriptor: dict[int, weakref.ref[socket.socket]] = {}
"""The sockets that threads of the bubble have made."""

_unconnected: weakref.WeakSet[socket.socket] = weakref.WeakSet()
"""Those of them that may still get a peer, or listen."""

_connected: weakref.WeakValueDictionary[Ends, socket.socket] = weakref.WeakValueDictionary()
"""Those of them that have one."""

_asked: weakref.WeakSet[socket.socket] = weakref.WeakSet()
"""Those of them that have sent something since they last received."""

_alive_at: weakref.WeakKeyDictionary[socket.socket, float] = weakref.WeakKeyDictionary()
"""When something was last sent or received by each of them."""

_silent_since: dict[int, tuple[int, float]] = {}
"""The inodes of other descriptors, and when they were first waited for since they last had something, or were asked."""

_pipes: set[int] = set()
"""The inodes of the pipes that threads of the bubble have made."""

_partners: dict[int, tuple[int, int]] = {}
"""The ends of socket pairs made in the bubble: from an end's inode to the descriptor and inode of the other."""


def outsiders(interests: list[Interest], expects: Callable[[], bool], since: float) -> list[Outsider]:
    """Who outside may act on ``interests``; nobody where the bubble alone can, so that time may move.

    ``expects`` tells whether anybody waits for more than has come already, ``since`` is when the wait began.
    """
    return [found for interest in interests if (found := _outsider_at(*interest, expects, since)) is not None]


def silent(interests: list[Interest]) -> list[Interest]:
    """Those that have been waited for in vain so far."""
    return [interest for interest in interests if interest[0] in _silent_since]


def stirred(descriptor: int) -> None:
    """Note that ``descriptor`` has something, or was asked: its next silence begins with the next wait."""
    _silent_since.pop(descriptor, None)


def _outsider_at(descriptor: int, events: int, expects: Callable[[], bool], since: float) -> Outsider | None:
    try:
        status = os.fstat(descriptor)
    except OSError:
        return None
    inode = status.st_ino
    if stat.S_ISSOCK(status.st_mode):
        return _outsider_at_socket(descriptor, inode, events, expects)
    if stat.S_ISFIFO(status.st_mode):
        return None if _pipe_ends(inode) > 1 and not _is_shared(inode) else _seen(descriptor, inode, ASKED)
    try:
        name = os.readlink(f"/proc/self/fd/{descriptor}")
    except OSError:
        return _seen(descriptor, inode, UNASKED)
    if "pidfd" in name:
        return _seen(descriptor, inode, ASKED)
    if "eventfd" in name:  # a library has threads of its own, as ZeroMQ does; nothing tells when they were asked
        return Outsider(since, ASKED if expects() else UNASKED)
    return None if "event" in name or "inotify" in name else _seen(descriptor, inode, UNASKED)


def _seen(descriptor: int, inode: int, share: float) -> Outsider:
    known, since = _silent_since.get(descriptor, (None, 0.0))
    if known != inode:
        since = real.monotonic()
        _silent_since[descriptor] = (inode, since)
    return Outsider(since, share)


def is_older_pipe(descriptor: int) -> bool:
    """Whether ``descriptor`` is an end of a pipe from before the clock, the other of which any thread may use."""
    try:
        status = os.fstat(descriptor)
    except OSError:
        return False
    return stat.S_ISFIFO(status.st_mode) and status.st_ino not in _pipes


def _pipe_ends(inode: int) -> int:
    """How many descriptors of this process belong to the pipe ``inode``."""
    return sum(found == inode for found in _open_inodes(os.getpid()))


def _open_inodes(process: int) -> Iterator[int]:
    try:
        names = os.listdir(f"/proc/{process}/fd")
    except OSError:
        return
    for name in names:
        with contextlib.suppress(OSError):
            yield os.stat(f"/proc/{process}/fd/{name}").st_ino


def _is_shared(inode: int) -> bool:
    """Whether a child holds either end as well."""
    return any(inode in _open_inodes(process) for process in descendants())


def _outsider_at_socket(descriptor: int, inode: int, events: int, expects: Callable[[], bool]) -> Outsider | None:
    if inode in _partners:
        inside = _is_open(*_partners[inode]) and not _is_shared(inode)
        return None if inside else _seen(descriptor, inode, ASKED)
    reference = _by_descriptor.get(descriptor)
    known = reference() if reference is not None else None
    probe = known if known is not None and known.fileno() == descriptor else socket.socket(fileno=descriptor)
    own = probe is known
    try:
        if not _has_peer_outside(probe, inode, events, own=own):
            return None
        share = ASKED if probe in _asked or expects() else UNASKED
        waited_since = _seen(descriptor, inode, share).alive_at
        return Outsider(max(waited_since, _alive_at.get(probe, 0.0), _busy_at(probe)), share)
    finally:
        if not own:
            probe.detach()


def _is_open(descriptor: int, inode: int) -> bool:
    try:
        return os.fstat(descriptor).st_ino == inode
    except OSError:
        return False


def _has_peer_outside(probe: socket.socket, inode: int, events: int, *, own: bool) -> bool:
    if probe.family == socket.AF_UNIX:
        return _has_local_peer_outside(probe, own=own)
    ends = _ends(probe)
    if ends is None:  # it listens, or has no peer of its own, or is about to have one
        return own and probe in _asked
    for candidate in list(_unconnected):
        its_ends = _ends(candidate)
        if its_ends is not None:
            _connected[its_ends] = candidate
            _unconnected.discard(candidate)
    other = _connected.get((ends[1], ends[0]))
    if other is not None and other.fileno() >= 0:
        return _is_under_way(probe, other, events)
    return _is_shared(inode) or not any(_is_bound_to(candidate, ends[1]) for candidate in list(_unconnected))


def _is_under_way(here: socket.socket, there: socket.socket, events: int) -> bool:
    """Whether the kernel is still moving what ``here`` waits for between two sockets of the bubble."""
    if here.type != socket.SOCK_STREAM:
        return False
    if events & select.POLLIN and _is_on_its_way(there, here):
        return True
    return bool(events & select.POLLOUT and _pending(here, termios.TIOCOUTQ) and not _pending(there, termios.FIONREAD))


def _is_on_its_way(sender: socket.socket, receiver: socket.socket) -> bool:
    """Whether bytes have been sent that have not arrived; those that are only not acknowledged have.

    Source: ``struct tcp_info`` of linux/tcp.h, which grows at its end: since Linux 4.19 it has all of these.
    """
    try:
        ours, theirs = (each.getsockopt(socket.IPPROTO_TCP, socket.TCP_INFO, 256) for each in (sender, receiver))
        (waiting,) = struct.unpack_from("I", ours, 144)
        sent, sent_again = struct.unpack_from("QQ", ours, 200)
        (arrived,) = struct.unpack_from("Q", theirs, 128)
    except (OSError, struct.error):
        return bool(_pending(sender, termios.TIOCOUTQ))
    return bool(waiting) or sent - sent_again > arrived


def _busy_at(connection: socket.socket) -> float:
    """When anybody, which may be a driver in C, last sent or received data by a TCP connection, to the millisecond."""
    try:
        information = connection.getsockopt(socket.IPPROTO_TCP, socket.TCP_INFO, 256)
        idle: int = min(struct.unpack_from("I", information, offset)[0] for offset in (44, 52))
    except (OSError, struct.error):
        return -math.inf
    return real.monotonic() - idle / 1000


def _pending(at: socket.socket, queue: int) -> int:
    """How many bytes are not acknowledged yet (``TIOCOUTQ``) or not read yet (``FIONREAD``)."""
    try:
        answer = fcntl.ioctl(at.fileno(), queue, bytes(4))
    except OSError:
        return 0
    return int.from_bytes(answer, sys.byteorder)


def _ends(of: socket.socket) -> Ends | None:
    try:
        # Not the methods of a subclass: PySocks' need what its own __init__ has not set yet.
        return _plain(_Socket.getsockname(of)), _plain(_Socket.getpeername(of))
    except OSError:
        return None


def _plain(address: Any) -> Any:
    """An address as IPv4 and IPv6 sockets both name it: a listener for both sees IPv4 as a part of IPv6."""
    return (str(address[0]).removeprefix("::ffff:"), address[1]) if isinstance(address, tuple) else address


def _is_bound_to(candidate: socket.socket, address: Any) -> bool:
    """Whether a socket of the bubble without a peer, such as one that listens, is the one at an address."""
    try:
        host, port = _plain(candidate.getsockname())
    except (OSError, ValueError):
        return False
    return port == address[1] and port != 0 and host in {address[0], "0.0.0.0", "::"}  # noqa: S104  # compared only


def _has_local_peer_outside(probe: socket.socket, *, own: bool) -> bool:
    """`_has_peer_outside` for UNIX domain sockets, of which only the one that listened has a name.

    So a connection cannot be told from others to one address; there, somebody outside must be at one of them if more
    have been accepted than made.
    """
    ends = _ends(probe)
    if ends is None:
        return own and probe in _asked
    name, peer = ends
    local = [found for found in map(_local_names, list(_by_descriptor.values())) if found is not None]
    if peer:
        return not any(its_name == peer for its_name, _ in local)
    accepted = sum(its_name == name and its_peer is not None for its_name, its_peer in local)
    return not name or sum(its_peer == name for _, its_peer in local) < max(1, accepted)


def _local_names(reference: weakref.ref[socket.socket]) -> tuple[Any, Any] | None:
    """The name of a UNIX domain socket, and that of its peer, which is None if there is no peer."""
    found = reference()
    if found is None or found.family != socket.AF_UNIX:
        return None
    try:
        return _ends(found) or (found.getsockname(), None)
    except OSError:
        return None


def epoll_interests(descriptor: int) -> list[Interest]:
    """The descriptors registered at the epoll object ``descriptor``."""
    try:
        with open(f"/proc/self/fdinfo/{descriptor}", encoding="ascii") as information:
            text = information.read()
    except OSError:
        return []
    return [(int(fd), int(events, 16)) for fd, events in re.findall(r"tfd:\s*(\d+)\s+events:\s*([0-9a-f]+)", text)]


def is_ours(it: socket.socket) -> bool:
    """Whether a thread of the bubble has made a socket."""
    reference = _by_descriptor.get(it.fileno())
    return reference is not None and reference() is it


def made(made_socket: socket.socket) -> None:
    """Note a socket that a thread of the bubble has made."""
    _by_descriptor[made_socket.fileno()] = weakref.ref(made_socket)
    _alive_at[made_socket] = real.monotonic()
    if _ends(made_socket) is not None:
        _asked.add(made_socket)  # accepted: its peer speaks first, as a rule
    if made_socket.family in {socket.AF_INET, socket.AF_INET6}:
        _unconnected.add(made_socket)
        if made_socket.type == socket.SOCK_STREAM:
            # Otherwise the kernel may hold back a small packet for some 40 ms, which pass in real time only. It refuses
            # where the descriptor is not what the caller says: trio asks a socket made so for its true type.
            with contextlib.suppress(OSError):
                made_socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)


def made_pipe(end: int) -> None:
    """Note a pipe by the descriptor of either end."""
    _pipes.add(os.fstat(end).st_ino)


def made_pair(first: int, second: int) -> None:
    """Note a pair of connected sockets, by descriptor."""
    inodes = os.fstat(first).st_ino, os.fstat(second).st_ino
    _partners[inodes[0]] = (second, inodes[1])
    _partners[inodes[1]] = (first, inodes[0])


def sent(by: socket.socket, to: Any = None) -> None:
    """Note that a socket of the bubble has sent something, to its peer if to nobody else, and may expect an answer."""
    _alive_at[by] = real.monotonic()
    stirred(by.fileno())
    if to is None or not any(_is_bound_to(candidate, _plain(to)) for candidate in list(_unconnected)):
        _asked.add(by)


def received(by: socket.socket) -> None:
    """Note that a socket of the bubble has received something, though there may be more to come."""
    _alive_at[by] = real.monotonic()
    _asked.discard(by)


def reset() -> None:
    """Forget the sockets of a bubble that has closed."""
    _by_descriptor.clear()
    _unconnected.clear()
    _connected.clear()
    _asked.clear()
    _alive_at.clear()
    _silent_since.clear()
    _pipes.clear()
    _partners.clear()
