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


def patches(ssl: ModuleType) -> Iterator[Patch]:
    def waiting(real: Callable[..., Any], message: str, note: Callable[[Sockets, Any], None]) -> Callable[..., Any]:
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
            deadline = None if timeout is None else member.scheduler.now + round(timeout * 1e9)
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
                left = None if deadline is None else max(0, deadline - member.scheduler.now) / 1e9
                if not wait_for_descriptor(member, self.fileno(), events, left):
                    raise TimeoutError(message)

        return method

    tls, received, sent = ssl.SSLSocket, Sockets.note_received, Sockets.note_sent
    methods = {
        "read": waiting(unpatched(tls, "read"), "The read operation timed out", received),
        "send": waiting(unpatched(tls, "send"), "The write operation timed out", sent),
        "do_handshake": waiting(unpatched(tls, "do_handshake"), "_ssl.c: The handshake operation timed out", received),
        "unwrap": waiting(unpatched(tls, "unwrap"), "The read operation timed out", received),
    }
    yield from function_patches(tls, methods)
