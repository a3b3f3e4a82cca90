"""`FaultServer`: an HTTP server on loopback, whose answers a script can break."""

from __future__ import annotations

import asyncio
import socket
import traceback
from collections.abc import Callable, Mapping
from pathlib import PurePath
from typing import Any, ClassVar, Final, final

from pytest_resilience._servers.connection import open_peers
from pytest_resilience._servers.http1 import Answer, Head, HttpConnection
from pytest_resilience._servers.loop_thread import LoopThread
from pytest_resilience._servers.on_loopback import OnLoopback
from pytest_resilience._servers.routes import Exchange, Reply, Route, request_of
from resilience.redact import summary_of

_BROKEN: Final = Answer(500, (("Content-Type", "text/plain"),), b"the answer of this server could not be made\n")
_NOTHING: Final = object()
_NOT_FOUND: Final = Answer(404, (("Content-Type", "text/plain"),), b"no route of this server takes the request\n")


@final
class FaultServer(OnLoopback):
    """HTTP/1.1 on loopback with keep-alive, for any client in any language, for the length of a ``with`` block.

    Use it where the program's URL of a service can be set. `route` says what a healthy server answers, and
    ``faults.inject(server.route("GET", "/items/{id}"), "2*status(503)")`` what goes wrong. A request that no route
    takes gets 404 and fails the test at its end.

    Attributes:
        host: Where it listens: 127.0.0.1.
        port: A free port, chosen when it opens.
        unexpected: The requests that no route took, such as ``GET /nonsense``.
        unanswered: The requests whose answer could not be made, each with the error that was raised.

    Example:
        ``with FaultServer() as server: server.route("GET", "/items", json=[])``
    """

    is_served: ClassVar = True

    def __init__(
        self,
        *,
        loop: LoopThread | None = None,
        now: Callable[[], float] = lambda: 0.0,
        made: Callable[[Route], object] = lambda _: None,
    ) -> None:
        super().__init__(loop, now)
        self._made = made
        self._routes: dict[str, Route] = {}
        self._server: asyncio.Server | None = None
        self._connections: set[HttpConnection] = set()
        self.unexpected: list[str] = []
        self.unanswered: list[str] = []

    @property
    def url(self) -> str:
        """``http://127.0.0.1:port``, without a slash at its end."""
        return f"http://{self.host}:{self.port}"

    @property
    def clients(self) -> list[tuple[str, int]]:
        """The addresses of the clients whose connections nobody has closed yet."""
        return self._loop.call(lambda: open_peers(each.transport for each in self._connections))

    def route(
        self,
        method: str,
        path: str,
        *,
        status: int = 200,
        json: Any = _NOTHING,
        text: str | None = None,
        headers: Mapping[str, str] | None = None,
        reply: Reply | None = None,
    ) -> Route:
        """Say what a healthy server answers; the same method and path again is the same route.

        Args:
            method: Such as ``"GET"``, or ``"*"`` for any.
            path: Such as ``"/items/{id}"``; ``*`` stands for anything.
            status: Of the answer.
            json: What JSON can say, as body.
            text: A text as body.
            headers: More headers.
            reply: A function of the `Request`, called whenever a request takes effect. It returns what JSON can say, a
                str, bytes, or ``(status, any of these)``.

        Raises:
            ValueError: A method or path that is none, or more than one of ``json``, ``text`` and ``reply``.
        """
        given = [name for name, value in (("json", json), ("text", text), ("reply", reply)) if _is_given(value)]
        if len(given) > 1:
            raise ValueError(f"a route answers with one of json, text and reply; got {' and '.join(given)}")
        made = Route(method, path)
        route = self._routes.setdefault(made.name, made)
        if given or status != 200 or headers is not None or route is made:
            body = json if _is_given(json) else text if text is not None else b""
            route.reply = reply or (lambda _: (status, body))
            route.headers = dict(headers or {})
        if route is made:
            self._made(route)
        return route

    def __repr__(self) -> str:
        return f"<FaultServer at {self.url}>"

    async def _open(self) -> None:
        loop = asyncio.get_running_loop()
        self._server = await loop.create_server(self._connection, self.host, 0, family=socket.AF_INET)
        self.port = self._server.sockets[0].getsockname()[1]

    async def _close(self) -> None:
        if self._server is not None:
            self._server.close()
        for connection in self._connections.copy():
            connection.abort()
        await asyncio.get_running_loop().shutdown_default_executor()

    def _connection(self) -> HttpConnection:
        made = HttpConnection(self._handle, self._connections.discard)
        self._connections.add(made)
        return made

    async def _handle(self, connection: HttpConnection, head: Head, body: bytes) -> None:
        request = request_of(head, body, self._now())
        route = next((each for each in self._routes.values() if each.takes(request)), None)
        if route is None:
            self.unexpected.append(f"{request.method} {request.path}")
            connection.answer(_NOT_FOUND)
            return
        route.requests.append(request)
        exchange = Exchange(route, request, connection)
        try:
            for answered in [*reversed(route.faults.values())]:
                if await answered(exchange):
                    return
            exchange.send(await exchange.healthy())
        except Exception as error:  # noqa: BLE001  # a reply is foreign code, and the client waits for an answer
            self.unanswered.append(f"{route.name}: {summary_of(error)} ({_origin(error)})")
            exchange.send(_BROKEN)


def _origin(error: Exception) -> str:
    frame = traceback.extract_tb(error.__traceback__)[-1]
    return f"{PurePath(frame.filename).name}:{frame.lineno}"


def _is_given(value: object) -> bool:
    return value is not None and value is not _NOTHING
