"""HTTP/1.1 on one connection of the server. What is a request, and how an answer is written, is h11's."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from http import HTTPStatus
from typing import Any, Final, final

import h11

from pytest_resilience._servers.connection import reset

_LONGEST_BODY: Final = 64 << 20
"""A request with a longer body is refused: a client that never ends one would fill the memory of the test."""

_WITHOUT_BODY: Final = frozenset({204, 304})
"""Statuses whose answers have no body (RFC 9110, sections 15.3.5 and 15.4.5)."""


@final
@dataclass(frozen=True, slots=True)
class Head:
    """The head of a request as it came.

    Attributes:
        method: Such as ``GET``.
        target: Path and query, still encoded.
        headers: Names and values in the order they came; names in lower case.
    """

    method: str
    target: str
    headers: tuple[tuple[str, str], ...]


@final
@dataclass(frozen=True, slots=True)
class Answer:
    """What a server answers.

    Attributes:
        status: Such as 200.
        headers: Names and values, without ``Content-Length``, which follows from the body.
        body: The whole body.
        cut_at: How many bytes of the body are sent before the connection closes; None for all of it.
    """

    status: int
    headers: tuple[tuple[str, str], ...] = ()
    body: bytes = b""
    cut_at: int | None = None


@final
class HttpConnection(asyncio.Protocol):
    """One keep-alive connection: requests are handed to ``handle`` one after the other; ``gone`` is told of its end."""

    def __init__(
        self, handle: Callable[[HttpConnection, Head, bytes], Awaitable[None]], gone: Callable[[HttpConnection], object]
    ) -> None:
        self.transport: Any = None
        self._handle = handle
        self._gone = gone
        self._protocol = h11.Connection(h11.SERVER)
        self._head: Head | None = None
        self._body = bytearray()
        self._task: asyncio.Task[None] | None = None
        self._is_aborted = False

    @property
    def is_open(self) -> bool:
        return not self.transport.is_closing()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self.transport = transport
        if self._is_aborted:
            self.abort()

    def data_received(self, data: bytes) -> None:
        """Read on; a request that comes while another one is answered waits for its turn."""
        try:
            if data:  # nothing would mean the end of the stream
                self._protocol.receive_data(data)
            self._read()
        except h11.RemoteProtocolError as error:
            self._refuse(error)

    def eof_received(self) -> bool:
        """Answer what is whole; a client may close its half of the connection after its last request."""
        try:
            self._protocol.receive_data(b"")
            self._read()
        except h11.RemoteProtocolError:
            self.close()
        return self._task is not None

    def connection_lost(self, error: Exception | None) -> None:  # noqa: ARG002  # the protocol's own signature
        """Stop answering a request whose client has gone."""
        self._gone(self)
        if self._task is not None:
            self._task.cancel()

    def _read(self) -> None:
        while self._task is None and self.is_open:
            event = self._protocol.next_event()
            if event is h11.NEED_DATA:
                if self._protocol.they_are_waiting_for_100_continue:
                    self._send(h11.InformationalResponse(status_code=100, headers=[]))
                return
            if event is h11.PAUSED or isinstance(event, h11.ConnectionClosed):
                if isinstance(event, h11.ConnectionClosed):
                    self.close()
                return
            if isinstance(event, h11.Request):
                headers = tuple((name.decode("latin-1"), value.decode("latin-1")) for name, value in event.headers)
                self._head = Head(event.method.decode("ascii"), event.target.decode("latin-1"), headers)
                self._body.clear()
            elif isinstance(event, h11.Data):
                self._body += event.data
                if len(self._body) > _LONGEST_BODY:
                    self.transport.abort()
            elif isinstance(event, h11.EndOfMessage) and self._head is not None:
                self._task = asyncio.get_running_loop().create_task(self._serve(self._head, bytes(self._body)))

    async def _serve(self, head: Head, body: bytes) -> None:
        try:
            await self._handle(self, head, body)
        except asyncio.CancelledError:
            return
        finally:
            self._task = None
        if not self.is_open:
            return
        if self._protocol.our_state is h11.DONE and self._protocol.their_state is h11.DONE:
            self._protocol.start_next_cycle()
            self._head = None
            self.data_received(b"")  # what the client has sent ahead
        else:
            self.close()

    def answer(self, answer: Answer) -> None:
        """Send an answer, whole or cut short."""
        has_body = answer.status not in _WITHOUT_BODY
        length = [("Content-Length", str(len(answer.body)))] if has_body else []
        self._send(
            h11.Response(status_code=answer.status, headers=[*answer.headers, *length], reason=_reason(answer.status))
        )
        sent = answer.body[: answer.cut_at] if has_body and (self._head is None or self._head.method != "HEAD") else b""
        if sent:
            self._send(h11.Data(data=sent))
        if answer.cut_at is None or answer.cut_at >= len(answer.body):
            self._send(h11.EndOfMessage())
        else:
            self.close()

    def answer_bytes(self, data: bytes) -> None:
        """Send bytes that need not be HTTP, then close."""
        self.transport.write(data)
        self.close()

    def close(self) -> None:
        """Close after what has been sent."""
        self.transport.close()

    def abort(self) -> None:
        """Close at once, or as soon as it has been made; what has not been sent is lost."""
        self._is_aborted = True
        if self.transport is not None:
            self.transport.abort()

    def reset(self) -> None:
        reset(self.transport)

    def _send(self, event: h11.Event) -> None:
        data = self._protocol.send(event)
        if data and self.is_open:
            self.transport.write(data)

    def _refuse(self, error: h11.RemoteProtocolError) -> None:
        if self._protocol.our_state in {h11.IDLE, h11.SEND_RESPONSE}:
            text = f"this is no HTTP/1.1 request: {error}\n".encode()
            self.answer(Answer(error.error_status_hint, (("Content-Type", "text/plain"),), text))
        self.close()


def _reason(status: int) -> bytes:
    try:
        return HTTPStatus(status).phrase.encode("ascii")
    except ValueError:
        return b""
