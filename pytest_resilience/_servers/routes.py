"""What a healthy HTTP server answers: its routes, and the requests that came to them."""

from __future__ import annotations

import asyncio
import json as json_module
import re
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, ClassVar, Final, final
from urllib.parse import parse_qs, unquote

import httpx

from pytest_resilience._servers.http1 import Answer, Head, HttpConnection

_PLACEHOLDER: Final = re.compile(r"\\\{\w+\\\}")
_METHOD: Final = re.compile(r"[A-Z]+|\*")


@final
@dataclass(slots=True, eq=False)
class Request:
    """A request that came to a route.

    Attributes:
        method: Such as ``GET``.
        path: The path, decoded, without the query.
        query: The values of each name in the query, in order.
        headers: By name, without regard to case; several of one name are joined by a comma.
        body: As it came.
        at: When it came, in seconds of virtual time since the test began.
        status: What was answered; None when no answer was sent.
        done: What was done to it, as a script says it: ``off``, ``status(503)``...
    """

    method: str
    path: str
    query: dict[str, list[str]]
    headers: httpx.Headers
    body: bytes = field(repr=False)
    at: float
    status: int | None = None
    done: str = "off"

    @property
    def json(self) -> Any:
        """The body, read as JSON."""
        return json_module.loads(self.body)


def request_of(head: Head, body: bytes, at: float) -> Request:
    path, _, query = head.target.partition("?")
    headers = httpx.Headers(head.headers, encoding="latin-1")
    return Request(head.method, unquote(path), parse_qs(query, keep_blank_values=True), headers, body, at)


Reply = Callable[[Request], Any]


@final
class Route:
    """A method and a path of a `FaultServer`, what a healthy server answers there, and the requests that came.

    Attributes:
        name: Such as ``GET /items/{id}``, as it stands in the timeline.
        requests: Every request that came, in order.
        reply: What a healthy server answers: a function of the request.
        headers: Sent with every healthy answer.
        faults: What may answer instead, the newest last, by what is armed here; each tells whether it has.
    """

    is_served: ClassVar = True

    def __init__(self, method: str, path: str) -> None:
        if not _METHOD.fullmatch(method):
            raise ValueError(f"a route's method is in capitals, such as 'GET', or '*' for any; got {method!r}")
        if not path.startswith("/") or "?" in path:
            raise ValueError(f"a route's path begins with '/', such as '/items/{{id}}', and has no query; got {path!r}")
        self.name = f"{method} {path}"
        self.requests: list[Request] = []
        self.reply: Reply = lambda _: b""
        self.headers: Mapping[str, str] = {}
        self.faults: dict[object, Callable[[Exchange], Awaitable[bool]]] = {}
        self._method = method
        pattern = _PLACEHOLDER.sub("[^/]+", re.escape(path))
        self._pattern = re.compile(pattern.replace(re.escape("*"), ".*"))

    def takes(self, request: Request) -> bool:
        """Whether the request is for this route."""
        return self._method in {"*", request.method} and self._pattern.fullmatch(request.path) is not None

    def __repr__(self) -> str:
        return f"<Route {self.name}>"


@final
class Exchange:
    """A request that is being answered."""

    def __init__(self, route: Route, request: Request, connection: HttpConnection) -> None:
        self.route = route
        self.request = request
        self.connection = connection

    async def healthy(self) -> Answer:
        """Let the request take effect, and return the answer of a healthy server."""
        given = await asyncio.shield(asyncio.to_thread(self.route.reply, self.request))
        return answer_of(given, self.route.headers)

    def send(self, answer: Answer) -> None:
        """Send an answer, if the client still is there."""
        if self.connection.is_open:
            self.connection.answer(answer)
            self.request.status = answer.status


def answer_of(given: Any, headers: Mapping[str, str]) -> Answer:
    """The answer that a reply means: a str, bytes, or what JSON can say, alone or with a status before it."""
    status, content = given if isinstance(given, tuple) and len(given) == 2 else (200, given)
    kind, body = _content(content)
    own = tuple(headers.items())
    has_kind = any(name.lower() == "content-type" for name, _ in own)
    return Answer(status, own if has_kind or not kind else (*own, ("Content-Type", kind)), body)


def _content(content: Any) -> tuple[str, bytes]:
    if isinstance(content, bytes):
        return ("application/octet-stream" if content else ""), content
    if isinstance(content, str):
        return "text/plain; charset=utf-8", content.encode()
    return "application/json", json_module.dumps(content).encode()
