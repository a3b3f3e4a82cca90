"""Leads connections that this process opens through proxies of the kit, whichever Python client opens them.

Two things are replaced while a TCP place is armed: `socket.getaddrinfo`, which answers for a host that is led away with
an address of its own on loopback, so that nobody asks DNS for it; and ``connect`` of `socket.socket`, which goes to the
proxy of the address it was given. Event loops, urllib3, httpcore and all other clients in Python come by these.
"""

from __future__ import annotations

import contextlib
import errno
import fnmatch
import inspect
import os
import socket
import threading
from collections.abc import Callable
from typing import Any, Final, TypeAlias, final

from pytest_resilience._faults.callers import is_of_the_code_under_test
from resilience.testing import Interceptor, is_own_call, own_calls, target_of

_FAKE_NETWORK: Final = "127.77"
"""Hosts that are led away get addresses of this loopback network; nothing of the system uses it."""

_MAPPED: Final = "::ffff:"
"""What an IPv4 address begins with where IPv6 is spoken (RFC 4291, section 2.5.5.2)."""


Address: TypeAlias = tuple[str, int]
Door: TypeAlias = Callable[[int, Address], int | None]
"""Decides a connection that is about to come from a local port to an address: the port on loopback to connect to
instead; None refuses it."""


def is_address_of(address: Address, host: str, port: str) -> bool:
    """Whether an address is of a pattern, written in lower case."""
    return fnmatch.fnmatchcase(address[0].lower(), host) and fnmatch.fnmatchcase(str(address[1]), port)


@final
class Dialing:
    """The patches, and the doors by host and port pattern."""

    def __init__(self) -> None:
        self._doors: list[tuple[str, str, Door]] = []
        self._hosts: dict[str, str] = {}
        self._lock = threading.Lock()
        self._undo = contextlib.ExitStack()

    def open(self, host: str, port: str, door: Door) -> None:
        """Lead connections to ``host`` and ``port``, either of which may be ``*``, through a door; the newest first."""
        with self._lock:
            if not self._doors:
                self._install()
            self._doors.insert(0, (host.lower(), port, door))

    def close(self, host: str, port: str, door: Door) -> None:
        """Redirect these connections no more; after the last door everything is as it was."""
        with self._lock:
            self._doors.remove((host.lower(), port, door))
            if not self._doors:
                self._hosts.clear()
                self._undo.close()

    def door_to(self, address: Address) -> Door | None:
        doors = self._doors.copy()
        return next((door for host, port, door in doors if is_address_of(address, host, port)), None)

    def is_led_away(self, host: str) -> bool:
        return any(fnmatch.fnmatchcase(host.lower(), pattern) for pattern, _, _ in self._doors)

    def fake_address(self, host: str) -> str:
        """An address on loopback that stands for a host."""
        with self._lock:
            known = next((fake for fake, name in self._hosts.items() if name == host), None)
            if known is not None:
                return known
            number = len(self._hosts) + 1
            fake = f"{_FAKE_NETWORK}.{number >> 8 & 255}.{number & 255}"
            self._hosts[fake] = host
            return fake

    def led(self, sock: socket.socket, address: Any) -> Any:
        """The address to connect to; None refuses."""
        named = self._named(address)
        door = None if named is None or sock.type != socket.SOCK_STREAM else self.door_to(named)
        if door is None or named is None:
            if named is not None and named[0] != address[0].removeprefix(_MAPPED):
                with own_calls():
                    return socket.getaddrinfo(named[0], named[1], sock.family, sock.type)[0][4]
            return address
        host = f"{_MAPPED}127.0.0.1" if sock.family == socket.AF_INET6 else "127.0.0.1"
        if sock.getsockname()[1] == 0:
            sock.bind((host, 0))  # so that the proxy can tell by its port which connection this is
        port = door(sock.getsockname()[1], named)
        return None if port is None else (host, port)

    def _named(self, address: Any) -> Address | None:
        """The host and port that a program means by the address that it connects to."""
        if not isinstance(address, tuple) or len(address) < 2 or not isinstance(address[0], str):
            return None
        host = address[0].removeprefix(_MAPPED)
        return (self._hosts.get(host, host), address[1]) if isinstance(address[1], int) else None

    def _install(self) -> None:
        with contextlib.ExitStack() as undoing:
            for name, interceptor in (
                ("socket:getaddrinfo", LookUps(self)),
                ("socket:socket.connect", Connects(self)),
                ("socket:socket.connect_ex", Connects(self, returns_error=True)),
            ):
                undoing.enter_context(target_of(name).intercepted(interceptor))
            self._undo = undoing.pop_all()


class _Interceptor(Interceptor):
    """What is put before a function of `socket`; none of them is async, but a mock of the user's may be."""

    def __init__(self, dialing: Dialing, *, returns_error: bool = False) -> None:
        self._dialing = dialing
        self._returns_error = returns_error


@final
class LookUps(_Interceptor):
    """Answers `getaddrinfo` for hosts that are led away."""

    def call(self, function: Callable[..., Any], args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
        given = inspect.signature(_getaddrinfo).bind(*args, **kwargs)
        given.apply_defaults()
        host, port, family, kind, proto, flags = given.args
        name = host.decode() if isinstance(host, bytes) else host
        if not isinstance(name, str) or _is_numeric(name) or not self._dialing.is_led_away(name) or not _is_ours():
            return function(*args, **kwargs)
        found = function(self._dialing.fake_address(name), port, socket.AF_INET, kind, proto, flags)
        if family != socket.AF_INET6:
            return found
        return [(socket.AF_INET6, *each[1:4], (f"{_MAPPED}{each[4][0]}", each[4][1], 0, 0)) for each in found]


def _getaddrinfo(host: Any, port: Any, family: int = 0, type: int = 0, proto: int = 0, flags: int = 0) -> None:  # noqa: A002  # as it is declared
    """Have the signature of `socket.getaddrinfo`."""


@final
class Connects(_Interceptor):
    """Leads ``connect`` and ``connect_ex`` to the doors."""

    def call(self, function: Callable[..., Any], args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
        sock, address = args
        to = self._dialing.led(sock, address) if _is_ours() else address
        if to is not None:
            return function(sock, to, **kwargs)
        if self._returns_error:
            return errno.ECONNREFUSED
        raise ConnectionRefusedError(errno.ECONNREFUSED, os.strerror(errno.ECONNREFUSED))


def _is_ours() -> bool:
    return not is_own_call() and is_of_the_code_under_test()


def _is_numeric(host: str) -> bool:
    for family in (socket.AF_INET, socket.AF_INET6):
        try:
            socket.inet_pton(family, host)
        except OSError:
            continue
        return True
    return False
