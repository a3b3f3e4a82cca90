"""What an action does to a request of httpx: which answer or which error its client gets."""

from __future__ import annotations

import errno
import os
from collections.abc import AsyncIterator, Iterator
from typing import Any, Final, NoReturn, final

import httpx

from pytest_resilience._faults.injection import Injection
from pytest_resilience._faults.requests import GARBAGE_BYTES, cut_at, status_answer
from pytest_resilience._httpx_errors import as_httpx_raises
from resilience.testing import Action, Garbage, Raise, Reset, Status, Truncate

_RESET: Final = (errno.ECONNRESET, os.strerror(errno.ECONNRESET))


@final
class Cut(httpx.SyncByteStream, httpx.AsyncByteStream):
    """A body that ends before its end."""

    def __init__(self, sent: bytes, error: httpx.RemoteProtocolError) -> None:
        self._sent, self._error = sent, error

    def __iter__(self) -> Iterator[bytes]:
        yield self._sent
        raise self._error

    async def __aiter__(self) -> AsyncIterator[bytes]:
        yield self._sent
        raise self._error


def in_place_of_the_answer(action: Action, injection: Injection, request: httpx.Request) -> httpx.Response | None:
    """What an action answers, or raises, in place of the server; None where it leaves that to the server."""
    match action:
        case Raise():
            raise as_httpx_raises(action.error, request)
        case Reset():
            raise as_httpx_raises(ConnectionResetError(*_RESET), request)
        case Garbage():
            noise = injection.chance.randbytes(GARBAGE_BYTES)
            raise httpx.RemoteProtocolError(f"illegal status line: {noise!r}", request=request)
        case Status():
            answer = status_answer(action)
            body = b"" if request.method == "HEAD" else answer.body
            return httpx.Response(answer.status, headers=[*answer.headers], content=body, request=request)
        case _:
            return None


def cut(response: httpx.Response, body: bytes, action: Truncate, request: httpx.Request) -> httpx.Response:
    """The same response with a body that ends early, as a client learns that from a connection that closes."""
    end = cut_at(body, action)
    if end >= len(body):
        stream: Any = httpx.ByteStream(body)
    else:
        length = response.headers.get("content-length")
        what = "incomplete chunked read" if length is None else f"received {end} bytes, expected {length}"
        text = f"peer closed connection without sending complete message body ({what})"
        stream = Cut(body[:end], httpx.RemoteProtocolError(text, request=request))
    return httpx.Response(response.status_code, headers=response.headers, stream=stream, extensions=response.extensions)


def patience(request: httpx.Request) -> float | None:
    """For how many seconds the client waits for an answer; None for ever."""
    given: float | None = request.extensions.get("timeout", {}).get("read")
    return given


def time_out(request: httpx.Request) -> NoReturn:
    """Raise what a client gets that has waited for too long."""
    raise httpx.ReadTimeout("The read operation timed out", request=request)
