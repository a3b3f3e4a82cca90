"""TLS on blocking sockets: the library under `ssl` would wait in C, where the clock cannot see it."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from types import ModuleType
from typing import Any

from pytest_resilience.clock._bubble.waiting import current
from pytest_resilience.clock._outside.real_poll import READ, WRITE
from pytest_resilience.clock._outside.sockets import Sockets, known_sockets
from pytest_resilience.clock._outside.waits import wait_for_descriptor
from pytest_resilience.clock._reach.patches import Patch, function_patches, unpatched


def _waiting(
    ssl: ModuleType, real: Callable[..., Any], message: str, note: Callable[[Sockets, Any], None]
) -> Callable[..., Any]:
    """A method that never blocks in C: it is tried without waiting, and again when the socket is ready."""

    def method(self: Any, *args: Any, **kwargs: Any) -> Any:
        member = current()
        timeout = self.gettimeout()
        if member is None or self.fileno() < 0:
            return real(self, *args, **kwargs)
        if timeout == 0:
            try:
                return real(self, *args, **kwargs)
            except (ssl.SSLWantReadError, ssl.SSLWantWriteError):
                member.give_way()  # as its selector may tell at once and for ever that it could write
                raise
        deadline = member.deadline(timeout)
        while True:
            self.settimeout(0)
            try:
                result = real(self, *args, **kwargs)
            except ssl.SSLWantReadError:
                events = READ
            except ssl.SSLWantWriteError:
                events = WRITE
            else:
                note(known_sockets.current, self)
                return result
            finally:
                self.settimeout(timeout)
            if not wait_for_descriptor(member, self.fileno(), events, member.left(deadline)):
                raise TimeoutError(message)

    return method


def patches(ssl: ModuleType) -> Iterator[Patch]:
    tls, received, sent = ssl.SSLSocket, Sockets.note_received, Sockets.note_sent
    for name, message, note in (
        ("read", "The read operation timed out", received),
        ("send", "The write operation timed out", sent),
        ("do_handshake", "_ssl.c: The handshake operation timed out", received),
        ("unwrap", "The read operation timed out", received),
    ):
        yield from function_patches(tls, {name: _waiting(ssl, unpatched(tls, name), message, note)})
