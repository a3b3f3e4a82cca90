"""What the kernel tells of a TCP connection."""

from __future__ import annotations

import _socket
import fcntl
import math
import select
import socket
import struct
import sys
import termios

from pytest_resilience.clock._reach import real

_Socket = _socket.socket  # not the methods of a subclass, which may need what its own __init__ has not set yet


def is_under_way(here: socket.socket, there: socket.socket, events: int) -> bool:
    """Whether the kernel is still moving what ``here`` waits for between two sockets of the bubble."""
    if here.type != socket.SOCK_STREAM:
        return False
    if events & select.POLLIN and _is_on_its_way(there, here):
        return True
    return bool(events & select.POLLOUT and _pending(here, termios.TIOCOUTQ) and not _pending(there, termios.FIONREAD))


def _is_on_its_way(sender: socket.socket, receiver: socket.socket) -> bool:
    """Whether bytes that were sent have not arrived yet; those that only lack their acknowledgement have.

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


def busy_at(connection: socket.socket) -> float:
    """When data was last sent or received by a TCP connection, also by a driver in C, to the millisecond."""
    try:
        information = connection.getsockopt(socket.IPPROTO_TCP, socket.TCP_INFO, 256)
        idle: int = min(struct.unpack_from("I", information, offset)[0] for offset in (44, 52))
    except (OSError, struct.error):
        return -math.inf
    return real.monotonic() - idle / 1000


def inode_at_other_end(connection: socket.socket) -> int:
    """The inode of the socket of this machine at the other end of a TCP connection; 0 where there is none.

    As long as a connection has not been accepted, it is that of the socket that listens.
    """
    here, there = _as_listed(_Socket.getsockname(connection)), _as_listed(_Socket.getpeername(connection))
    rows = [row.split() for name in ("tcp", "tcp6") for row in _rows(name)]
    found = [int(row[_INODE]) for row in rows if row[1:3] == [there, here]]
    if found == [0]:
        port = there[there.index(":") :]
        found = [int(row[_INODE]) for row in rows if row[3] == _LISTENS and row[1].endswith(port)]
    return next(iter(found), 0)


def _rows(name: str) -> list[str]:
    """The connections that the kernel lists; those over IPv6 that are over IPv4 in fact, as such."""
    with open(f"/proc/self/net/{name}", encoding="ascii") as file:
        return [row.replace(_IPV4_IN_IPV6, "") for row in file]


_INODE, _LISTENS = 9, "0A"  # the column, and ``TCP_LISTEN`` in the fourth one


def _as_listed(address: tuple[object, ...]) -> str:
    """An address as the kernel lists it: words of 32 bits, and the port."""
    host, port = str(address[0]).partition("%")[0], address[1]
    packed = socket.inet_pton(socket.AF_INET6 if ":" in host else socket.AF_INET, host)
    words = struct.unpack(f"={len(packed) // 4}I", packed)
    return f"{''.join(f'{word:08X}' for word in words).removeprefix(_IPV4_IN_IPV6)}:{port:04X}"


_IPV4_IN_IPV6 = "0000000000000000FFFF0000"
"""How the kernel begins an IPv6 address that stands for one of IPv4 (on machines that count in little endian)."""


def _pending(at: socket.socket, queue: int) -> int:
    """How many bytes are not acknowledged yet (``TIOCOUTQ``) or not read yet (``FIONREAD``)."""
    try:
        answer = fcntl.ioctl(at.fileno(), queue, bytes(4))
    except OSError:
        return 0
    return int.from_bytes(answer, sys.byteorder)
