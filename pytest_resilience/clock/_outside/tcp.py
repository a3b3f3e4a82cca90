"""What the kernel tells of a TCP connection."""

from __future__ import annotations

import fcntl
import math
import select
import socket
import struct
import sys
import termios

from pytest_resilience.clock._reach import real


def is_under_way(here: socket.socket, there: socket.socket, events: int) -> bool:
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


def busy_at(connection: socket.socket) -> float:
    """When data was last sent or received by a TCP connection, also by a driver in C, to the millisecond."""
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
