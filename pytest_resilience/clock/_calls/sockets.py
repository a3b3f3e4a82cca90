"""Sockets that block: with a peer in the bubble, exact; with one outside, after waiting for it."""

from __future__ import annotations

import _socket
import errno
import os
import socket
import struct
from collections.abc import Callable, Iterator
from typing import Any

from pytest_resilience.clock._bubble.per_clock import PerClock
from pytest_resilience.clock._bubble.spinning import NOT_YET
from pytest_resilience.clock._bubble.waiting import Member, current
from pytest_resilience.clock._outside.real_poll import READ, WRITE, ready
from pytest_resilience.clock._outside.sockets import known_sockets
from pytest_resilience.clock._outside.waits import wait_for_descriptor
from pytest_resilience.clock._reach.native import BuiltinPatch, TypePatch, clone, original
from pytest_resilience.clock._reach.patches import Patch, function_patches, unpatched

_Socket = _socket.socket
_real_send, _real_sendall, _real_getsockopt = _Socket.send, _Socket.sendall, _Socket.getsockopt
_real_connect, _real_connect_ex = _Socket.connect, _Socket.connect_ex
_DONTWAIT = socket.MSG_DONTWAIT


def _wait(member: Member, self: Any, events: int, timeout: float | None) -> None:
    if ready([(self.fileno(), events)]):
        return
    limit = _limit_in_kernel(self, events) if timeout is None else timeout
    if not wait_for_descriptor(member, self.fileno(), events, limit):
        raise BlockingIOError(errno.EAGAIN, os.strerror(errno.EAGAIN)) if timeout is None else TimeoutError("timed out")


def _limit_in_kernel(self: Any, events: int) -> float | None:
    """The timeout that a socket without one of Python's has by an option of the kernel's, in seconds."""
    option = socket.SO_RCVTIMEO if events == READ else socket.SO_SNDTIMEO
    seconds, microseconds = struct.unpack(
        "ll", _real_getsockopt(self, socket.SOL_SOCKET, option, struct.calcsize("ll"))
    )
    return seconds + microseconds / 1e6 or None


def _would_block(self: Any, flags: object = 0) -> bool:
    """Whether a call with ``flags`` may block; the C function says what is wrong with a closed socket."""
    is_nonblocking = isinstance(flags, int) and bool(flags & _DONTWAIT)
    return not is_nonblocking and self.gettimeout() != 0 and _Socket.fileno(self) >= 0


def _receiving(name: str, flags_at: int) -> Callable[..., Any]:
    """A method that receives, by its name in the C type; ``flags_at`` is the position of its flags."""
    real = getattr(_Socket, name)

    def receive(self: Any, *args: Any, **kwargs: Any) -> Any:
        member = current()
        if member is None:
            return real(self, *args, **kwargs)
        flags = args[flags_at] if len(args) > flags_at else kwargs.get("flags", 0)
        if _would_block(self, flags):
            _wait(member, self, READ, self.gettimeout())
        try:
            result = real(self, *args, **kwargs)
        except BlockingIOError:
            member.note_question(NOT_YET)
            raise
        known_sockets.current.note_received(self)
        return result

    return receive


def _sending(name: str, flags_at: int, counts: range) -> Callable[..., Any]:
    """A method that sends, by its name in the C type.

    ``flags_at`` is the position of its flags, and ``counts`` are the numbers of arguments that it takes: with another
    number the C function says what is wrong.
    """
    real = getattr(_Socket, name)

    def send(self: Any, *args: Any) -> Any:
        member = current()
        if member is None or len(args) not in counts:
            return real(self, *args)
        timeout = self.gettimeout()
        if _would_block(self, args[flags_at] if len(args) > flags_at else 0):
            _wait(member, self, WRITE, timeout)
            if timeout is None:
                args = _without_waiting(args, flags_at)
        _wake_stranger(member, self)
        result = real(self, *args)
        known_sockets.current.note_sent(self, args[-1] if isinstance(args[-1], tuple) and len(args) > 1 else None)
        return result

    return send


def _wake_stranger(member: Member, sent_by: Any) -> None:
    """Note that a thread outside may be waiting at the other end of a socket that is older than the clock."""
    if sent_by not in known_sockets.current:
        member.scheduler.strangers.wake()


def _without_waiting(args: tuple[Any, ...], flags_at: int) -> tuple[Any, ...]:
    """``args`` with the flag that makes a blocking socket send what fits and return."""
    if flags_at == 1 and len(args) == 2 and not isinstance(args[1], int):
        return (args[0], _DONTWAIT, args[1])  # sendto(data, address)
    before = [*args[:flags_at], *[()] * (flags_at - len(args))]  # sendmsg(buffers): no ancillary data
    flags = args[flags_at] if len(args) > flags_at else 0
    return (*before, flags | _DONTWAIT, *args[flags_at + 1 :])


def _sendall(self: Any, data: Any, flags: int = 0) -> None:
    member = current()
    if member is None or not _would_block(self, flags):
        _real_sendall(self, data, flags)
        if member is not None:
            known_sockets.current.note_sent(self)
        return
    _wake_stranger(member, self)
    deadline = member.deadline(self.gettimeout())
    with memoryview(data) as view, view.cast("B") as rest:
        start = 0
        while start < len(rest):
            _wait(member, self, WRITE, member.left(deadline))
            start += _real_send(self, rest[start:], flags | _DONTWAIT)
    known_sockets.current.note_sent(self)


_refusals: PerClock[dict[Member, tuple[int, int]]] = PerClock(dict)
"""How often a thread's connections have been refused without a pause of its own, and when that last happened."""

_MOST_REFUSALS = 100
"""So many in a row without a pause are no part of a program's work: it waits so for a server that is to come up.

In real time each takes some 50 us. Here time passes from the hundred-and-first on, by more and more nanoseconds.
"""


def _noting_refusal(error: Any) -> Any:
    member = current()
    if error == errno.ECONNREFUSED and member is not None:
        at, count = _refusals.current.get(member, (0, 0))
        count = count + 1 if at == member.scheduler.now else 1
        if count > _MOST_REFUSALS:
            member.scheduler.spin(member, (count // _MOST_REFUSALS) ** 3)
        _refusals.current[member] = member.scheduler.now, count
    return error


def _connect_ex(self: Any, address: Any) -> Any:
    member = current()
    timeout = self.gettimeout()
    if member is None or timeout == 0 or self.fileno() < 0:
        return _noting_refusal(_real_connect_ex(self, address))
    self.settimeout(0)
    try:
        error = _noting_refusal(_real_connect_ex(self, address))
        known_sockets.current.note_sent(self)
        if error in {errno.EINPROGRESS, errno.EAGAIN}:
            if not wait_for_descriptor(member, self.fileno(), WRITE, timeout):
                return errno.EAGAIN if error == errno.EAGAIN else errno.EWOULDBLOCK
            error = _getsockopt(self, socket.SOL_SOCKET, socket.SO_ERROR)
        return error
    finally:
        self.settimeout(timeout)


def _getsockopt(self: Any, *args: Any) -> Any:
    """`socket.socket.getsockopt`, by which an event loop learns that a connection was refused."""
    value = _real_getsockopt(self, *args)
    return _noting_refusal(value) if args == (socket.SOL_SOCKET, socket.SO_ERROR) else value


def _connect(self: Any, address: Any) -> None:
    if current() is None or self.gettimeout() == 0 or self.fileno() < 0:
        try:
            _real_connect(self, address)
        except ConnectionRefusedError as refused:
            _noting_refusal(refused.errno)
            raise
        return
    error = _connect_ex(self, address)
    if error == errno.EWOULDBLOCK:
        raise TimeoutError("timed out")
    if error:
        raise OSError(error, os.strerror(error))


_real_init = unpatched(socket.socket, "__init__")


def _init(self: Any, *args: Any, **kwargs: Any) -> None:
    _real_init(self, *args, **kwargs)
    if current() is not None:
        known_sockets.current.note_made(self)


_real_socketpair = clone(original(_socket, "socketpair"))


def _socketpair(*args: Any) -> tuple[Any, Any]:
    first, second = _real_socketpair(*args)
    if current() is not None:
        known_sockets.current.note_pair(first.fileno(), second.fileno())
    return first, second


def patches() -> Iterator[Patch]:
    methods: dict[str, Callable[..., Any]] = {
        "connect": _connect,
        "connect_ex": _connect_ex,
        "getsockopt": _getsockopt,
        "send": _sending("send", 1, range(1, 3)),
        "sendall": _sendall,
        "sendto": _sending("sendto", 1, range(2, 4)),
        "sendmsg": _sending("sendmsg", 2, range(1, 5)),
        "_accept": _receiving("_accept", 0),
        "recv": _receiving("recv", 1),
        "recvfrom": _receiving("recvfrom", 1),
    }
    for name in ("recv_into", "recvfrom_into", "recvmsg", "recvmsg_into"):
        methods[name] = _receiving(name, 2)
    yield TypePatch(_Socket, methods)
    yield from function_patches(socket.socket, {"__init__": _init})
    yield BuiltinPatch(original(_socket, "socketpair"), _socketpair)
