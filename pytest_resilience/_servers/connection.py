"""One connection through the proxy: two sockets, and the bytes between them in both directions."""

from __future__ import annotations

import asyncio
import contextlib
import socket
import struct
from collections.abc import Callable, Iterable, Sequence
from typing import Any, Final, Literal, final

from pytest_resilience._servers.effects import Effect

End = Literal["open", "client", "server", "reset", "refused", "limit", "garbage"]

_RST_AT_CLOSE: Final = struct.pack("ii", 1, 0)
"""``struct linger``, on and of zero length: closing then sends RST and drops what is not sent (socket(7))."""

_ESTABLISHED: Final = 1
"""``TCP_ESTABLISHED``, the state of a connection that neither side has closed (linux/tcp_states.h)."""


def reset(transport: asyncio.Transport) -> None:
    """Close the socket of a transport with RST.

    No thread is in ``recv`` of it, in which case Linux would send none: the event loop only waits for it to be ready.
    """
    connection: socket.socket | None = transport.get_extra_info("socket")
    if connection is not None and not transport.is_closing():
        connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _RST_AT_CLOSE)
    transport.abort()


def open_peers(transports: Iterable[asyncio.Transport | None]) -> list[tuple[str, int]]:
    """The addresses of those peers that have not closed their sockets; none, where the system does not tell."""
    sockets = [each.get_extra_info("socket") for each in transports if each is not None and not each.is_closing()]
    # The kernel knows that it is closed before the event loop has read it, and also where nothing is read any more.
    return [each.getpeername() for each in sockets if hasattr(socket, "TCP_INFO") and _state(each) == _ESTABLISHED]


def _state(connection: socket.socket) -> int:
    return connection.getsockopt(socket.IPPROTO_TCP, socket.TCP_INFO, 1)[0]


@final
class Side(asyncio.Protocol):
    """One end of a connection as the proxy holds it, the client's or the server's: a link begins and one ends here."""

    def __init__(self, lost: Callable[[Side, Exception | None], None]) -> None:
        self.transport: Any = None
        self.link: Link | None = None
        self.writer: Link | None = None
        self.is_lost = False
        self._lost = lost

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Hold the socket, and read nothing until the other end is there."""
        self.transport = transport
        self.transport.pause_reading()

    def data_received(self, data: bytes) -> None:
        if self.link is not None:
            self.link.feed(data)

    def eof_received(self) -> bool:
        """Hand on that this end sends no more; the other direction stays open."""
        if self.link is not None:
            self.link.feed(None)
        return True

    def pause_writing(self) -> None:
        """Stop reading at the other end while this one's peer reads too slowly."""
        if self.writer is not None:
            self.writer.hold_back(sink_is_full=True)

    def resume_writing(self) -> None:
        if self.writer is not None:
            self.writer.hold_back(sink_is_full=False)

    def connection_lost(self, error: Exception | None) -> None:
        self.is_lost = True
        self._lost(self, error)


@final
class Arrival(asyncio.Protocol):
    """Stands for a client of which nothing is known yet, until a server or a tunnel takes its transport over."""

    def __init__(self, arrived: Callable[[asyncio.Transport], None]) -> None:
        self._arrived = arrived

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)
        self._arrived(transport)


@final
class Link:
    """One direction of a connection: what is read at its source passes its effects and is written to its sink.

    Attributes:
        count: How many bytes have been passed on.
        has_ended: Whether the end of the stream has been passed on.
    """

    def __init__(self, source: Side, sink: Side, places: Sequence[object], ended: Callable[[Link], None]) -> None:
        self.source, self.sink = source, sink
        self.count = 0
        self.has_ended = False
        self._ended = ended
        self._effects: dict[object, Effect | None] = dict.fromkeys(places)
        self._first: Callable[[bytes | None], None] = self._write
        self._socket_is_full = False
        self._is_paused = True
        self._has_started = False
        source.link = self
        sink.writer = self

    def feed(self, data: bytes | None) -> None:
        """Take a chunk from the source, or None for its end."""
        self._first(data)
        self.regulate()

    def set_effect(self, place: object, effect: Effect | None) -> None:
        """Put an effect, or none, where ``place`` has one; what the one before it has held back flows on."""
        before = self._effects[place]
        self._effects[place] = effect
        onward: Callable[[bytes | None], None] = self._write
        for key in reversed(self._effects):
            each = self._effects[key]
            if key is place and before is not None:
                before.onward = onward if each is None else each.feed
            if each is not None:
                each.onward = onward
                onward = each.feed
        self._first = onward
        if before is not None:
            before.release()
        self.regulate()

    @property
    def needs_server(self) -> bool:
        """Whether no effect takes the place of a server that is not there."""
        return all(each is None or each.needs_server for each in self._effects.values())

    def hold_back(self, *, sink_is_full: bool) -> None:
        """Stop or go on reading, as the sink is full or not."""
        self._socket_is_full = sink_is_full
        self.regulate()

    def discard(self) -> None:
        for effect in self._effects.values():
            if effect is not None:
                effect.discard()

    def start(self) -> None:
        self._has_started = True
        self.regulate()

    def regulate(self) -> None:
        """Read from the source as long as neither the sink nor an effect holds too much."""
        held = any(each.held > each.capacity for each in self._effects.values() if each is not None)
        is_full = self._socket_is_full or held
        if is_full == self._is_paused or self.source.is_lost or not self._has_started:
            return
        self._is_paused = is_full
        if is_full:
            self.source.transport.pause_reading()
        else:
            self.source.transport.resume_reading()

    def _write(self, data: bytes | None) -> None:
        if self.sink.is_lost or self.has_ended:
            return
        if data is not None:
            if not self.sink.transport.is_closing():  # or asyncio would write a warning for the sixth piece
                self.count += len(data)
                self.sink.transport.write(data)
            self.regulate()
            return
        self.has_ended = True
        if self.sink.transport.can_write_eof():
            with contextlib.suppress(OSError):  # the peer has gone, of which the loop has not told yet
                self.sink.transport.write_eof()
        self._ended(self)


DIRECTIONS: Final = ("upstream", "downstream")
"""From the client to the server, and back."""


@final
class Connection:
    """One connection through a proxy.

    Attributes:
        at: When it was opened, in seconds of virtual time since the test began.
        end: How it ended: ``open`` (it has not), ``client`` or ``server`` (whoever closed it first), ``reset``,
            ``refused``, ``limit`` or ``garbage`` (by a fault).
        struck: The faults of each place, with what they are from; the last one is in effect.
    """

    def __init__(self, at: float, places: Sequence[object], gone: Callable[[Connection], None]) -> None:
        self.at = at
        self.struck: dict[object, list[tuple[Any, Any]]] = {}
        self.end: End = "open"
        self.client = Side(self._lost)
        self.server = Side(self._lost)
        self._gone = gone
        self._links = {
            direction: Link(source, sink, places, self._ended)
            for direction, source, sink in zip(
                DIRECTIONS, (self.client, self.server), (self.server, self.client), strict=True
            )
        }

    @property
    def sent(self) -> int:
        """How many bytes of the client have been passed on to the server."""
        return self._links["upstream"].count

    @property
    def received(self) -> int:
        """How many bytes have been passed on to the client."""
        return self._links["downstream"].count

    def link(self, direction: str) -> Link:
        """One direction of it."""
        return self._links[direction]

    def start(self) -> None:
        """Let bytes flow: both sockets are there."""
        for link in self._links.values():
            link.start()

    def refused_by_server(self) -> None:
        """Take note that there is no server, of which the client learns unless a fault stands in for it."""
        self.server.is_lost = True
        self._links["upstream"].start()
        self.settle()

    def settle(self) -> None:
        """Tell the client that there is no server, once no fault stands in for it any more."""
        if self.server.is_lost and self.server.transport is None and self._links["downstream"].needs_server:
            self.reset("refused")

    def reset(self, end: End = "reset") -> None:
        """End the connection with RST at both sides; what is on its way is lost."""
        for transport in self._finish(end):
            reset(transport)

    def close(self, end: End) -> None:
        """End the connection with FIN, after what has been passed on."""
        for transport in self._finish(end):
            transport.close()

    def answer_and_close(self, data: bytes, end: End) -> None:
        """Send the client some bytes in place of the server's, then close."""
        self._links["downstream"].discard()
        if not self.client.is_lost:
            self.client.transport.write(data)
        self.close(end)

    def _finish(self, end: End) -> list[asyncio.Transport]:
        """Let nothing pass any more; return what is left to be closed."""
        if self.end == "open":
            self.end = end
        for link in self._links.values():
            link.discard()
            link.has_ended = True
        return [side.transport for side in (self.client, self.server) if side.transport is not None]

    def _ended(self, link: Link) -> None:
        if self.end == "open":
            self.end = "client" if link.source is self.client else "server"
        if all(each.has_ended for each in self._links.values()):
            self.close(self.end)

    def _lost(self, side: Side, error: Exception | None) -> None:
        other = self.server if side is self.client else self.client
        if isinstance(error, ConnectionResetError):
            self.reset()  # the other side learns of it as this one did
        elif error is not None or self.end == "open":
            self.close("client" if side is self.client else "server")
        if other.is_lost or other.transport is None:
            self._gone(self)
