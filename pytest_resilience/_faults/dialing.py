"""Leads connections that this process opens through proxies of the kit, whichever Python client opens them.

Two things are replaced while a TCP place is armed: `socket.getaddrinfo`, which answers for a host that is led away with
an address of its own on loopback, so that nobody asks DNS for it; and ``connect`` of `socket.socket`, which goes to the
proxy of the address it was given. Event loops, urllib3, httpcore and all other clients in Python come by these.
"""

from __future__ import annotations

import errno
import fnmatch
import os
import socket
import threading
from collections.abc import Callable
from typing import Any, Final, Protocol, final

from pytest_resilience._faults.callers import is_of_the_code_under_test
from resilience.testing import is_own_call

_FAKE_NETWORK: Final = "127.77"
"""Hosts that are led away get addresses of this loopback network; nothing of the system uses it."""

Address = tuple[str, int]


class Door(Protocol):
    """Where connections to an address are led."""

    def enter(self, local_port: int, address: Address) -> bool:
        """Decide a connection that is about to come from a local port; False refuses it."""

    def address_for(self, address: Address) -> Address:
        """Where to connect instead."""


@final
class Dialing:
    """The patches, and the doors by host and port pattern."""

    def __init__(self) -> None:
        self._doors: list[tuple[str, str, Door]] = []
        self._hosts: dict[str, str] = {}
        self._lock = threading.Lock()
        self._undo: list[Callable[[], None]] = []

    def open(self, host: str, port: str, door: Door) -> None:
        """Lead connections to ``host`` and ``port``, either of which may be ``*``, through a door; the newest first."""
        with self._lock:
            self._doors.insert(0, (host.lower(), port, door))
            if not self._undo:
                self._install()

    def close(self, door: Door) -> None:
        """Lead them there no more; with the last door everything is as it was."""
        with self._lock:
            self._doors = [each for each in self._doors if each[2] is not door]
            if not self._doors:
                while self._undo:
                    self._undo.pop()()

    def door_to(self, address: Address) -> Door | None:
        """The door for an address, if it is led away."""
        host, port = address[0].lower(), str(address[1])
        for host_pattern, port_pattern, door in self._doors.copy():
            if fnmatch.fnmatchcase(host, host_pattern) and fnmatch.fnmatchcase(port, port_pattern):
                return door
        return None

    def _is_led_away(self, host: str) -> bool:
        return any(fnmatch.fnmatchcase(host.lower(), pattern) for pattern, _, _ in self._doors)

    def _fake_address(self, host: str) -> str:
        with self._lock:
            known = next((fake for fake, name in self._hosts.items() if name == host), None)
            if known is not None:
                return known
            number = len(self._hosts) + 1
            fake = f"{_FAKE_NETWORK}.{number >> 8 & 255}.{number & 255}"
            self._hosts[fake] = host
            return fake

    def _named(self, address: Any) -> Address | None:
        """The host and port that a program means by the address that it connects to."""
        if not isinstance(address, tuple) or len(address) < 2 or not isinstance(address[0], str):
            return None
        host = address[0].removeprefix("::ffff:")
        return (self._hosts.get(host, host), address[1]) if isinstance(address[1], int) else None

    def _install(self) -> None:
        real_connect, real_connect_ex = socket.socket.connect, socket.socket.connect_ex
        real_getaddrinfo = socket.getaddrinfo

        def getaddrinfo(
            host: Any,
            port: Any,
            family: int = 0,
            type: int = 0,  # noqa: A002  # as it is declared
            proto: int = 0,
            flags: int = 0,
        ) -> Any:
            name = host.decode() if isinstance(host, bytes) else host
            if not isinstance(name, str) or _is_numeric(name) or not self._is_led_away(name) or not _is_ours():
                return real_getaddrinfo(host, port, family, type, proto, flags)
            found = real_getaddrinfo(self._fake_address(name), port, socket.AF_INET, type, proto, flags)
            if family != socket.AF_INET6:
                return found
            return [(socket.AF_INET6, *each[1:4], (f"::ffff:{each[4][0]}", each[4][1], 0, 0)) for each in found]

        def led(sock: Any, address: Any) -> Any:
            """The address to connect to; None refuses."""
            named = self._named(address) if _is_ours() else None
            door = None if named is None or sock.type != socket.SOCK_STREAM else self.door_to(named)
            if door is None or named is None:
                if named is not None and named[0] != address[0].removeprefix("::ffff:"):
                    return real_getaddrinfo(named[0], named[1], sock.family, sock.type)[0][4]
                return address
            host = "::ffff:127.0.0.1" if sock.family == socket.AF_INET6 else "127.0.0.1"
            if sock.getsockname()[1] == 0:
                sock.bind((host, 0))  # so that the proxy can tell by its port which connection this is
            if not door.enter(sock.getsockname()[1], named):
                return None
            return (host, door.address_for(named)[1])

        def connect(self: Any, address: Any) -> None:
            to = led(self, address)
            if to is None:
                raise ConnectionRefusedError(errno.ECONNREFUSED, os.strerror(errno.ECONNREFUSED))
            real_connect(self, to)

        def connect_ex(self: Any, address: Any) -> int:
            to = led(self, address)
            return errno.ECONNREFUSED if to is None else real_connect_ex(self, to)

        for owner, name, replacement in (
            (socket.socket, "connect", connect),
            (socket.socket, "connect_ex", connect_ex),
            (socket, "getaddrinfo", getaddrinfo),
        ):
            self._replace(owner, name, replacement)

    def _replace(self, owner: Any, name: str, replacement: object) -> None:
        missing = object()
        before = vars(owner).get(name, missing)
        setattr(owner, name, replacement)

        def undo() -> None:
            if before is missing:
                delattr(owner, name)
            else:
                setattr(owner, name, before)

        self._undo.append(undo)


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
