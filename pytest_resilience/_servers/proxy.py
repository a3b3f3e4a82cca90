"""`FaultProxy`: a TCP proxy in front of a server, whose connections a script can break."""

from __future__ import annotations

import asyncio
import contextlib
import socket
import weakref
from collections.abc import Callable, Coroutine, Sequence
from typing import Any, ClassVar, Final, Protocol, TypeAlias, final

from pytest_resilience._servers.connection import DIRECTIONS, Arrival, Connection, Side, open_peers
from pytest_resilience._servers.loop_thread import LoopThread
from pytest_resilience._servers.on_loopback import OnLoopback
from resilience.testing import own_calls

Strike: TypeAlias = "Callable[[Connection, ProxyPlace], None]"
"""What a fault does: it puts effects into the directions of the place, or ends the connection."""


class Decider(Protocol):
    """What an injection is to a proxy; equal to any other that stands for the same one."""

    @property
    def refuses_all(self) -> bool:
        """Whether every connection from now on is to be refused."""

    def decide(self) -> Strike | None:
        """The fault for one more connection, which counts as a call; None where no term applies."""


_TURNS_UNTIL_READ: Final = 2
"""Turns of the loop in which it learns that a client has closed its connection, which is then no live one any more."""

Struck: TypeAlias = tuple[Decider, Strike]


@final
class ProxyPlace:
    """A place at a proxy: both directions of its connections, or one of them.

    Attributes:
        name: What it is called in the timeline and in messages.
        directions: The directions that effects of this place are put into.
        deciders: What it is armed with; the newest, which is the last, is asked first.
    """

    is_served: ClassVar = True

    def __init__(self, name: str, proxy: FaultProxy, directions: tuple[str, ...]) -> None:
        self.name = name
        self.directions = directions
        self.deciders: list[Decider] = []
        self.proxy = proxy

    def arm(self, decider: Decider) -> None:
        """Let ``decider`` decide the live connections, oldest first, and new ones."""

        async def arm() -> None:
            for _ in range(_TURNS_UNTIL_READ):
                await asyncio.sleep(0)
            self.deciders.append(decider)
            for connection in [each for each in self.proxy.live if each.end == "open"]:
                self.strike(connection, self.decided([decider]))
            await self.proxy.listen()

        self.proxy.run(arm())

    def disarm(self, decider: Decider) -> None:
        """End its effects: what it held back flows on, and what was armed before it decides again."""

        async def disarm() -> None:
            self.deciders.remove(decider)
            for connection in self.proxy.live.copy():
                struck = connection.struck.get(self, [])
                if any(by == decider for by, _ in struck):
                    struck[:] = [(by, strike) for by, strike in struck if by != decider]
                    self._apply(connection)
            await self.proxy.listen()

        self.proxy.run(disarm())

    def decided(self, deciders: list[Decider] | None = None) -> Struck | None:
        """Ask about one more connection, the newest decider first."""
        for decider in self.deciders[::-1] if deciders is None else deciders:
            strike = decider.decide()
            if strike is not None:
                return decider, strike
        return None

    def strike(self, connection: Connection, struck: Struck | None) -> None:
        """Let a fault have its effect on a connection, for the connection's life or until it is disarmed."""
        if struck is not None:
            connection.struck.setdefault(self, []).append(struck)
            self._apply(connection)

    def _apply(self, connection: Connection) -> None:
        """Give the latest fault of this place its effect; none where it has none any more."""
        struck = connection.struck[self]
        for direction in DIRECTIONS:
            connection.link(direction).set_effect(self, None)
        if struck:
            struck[-1][1](connection, self)
        connection.settle()


@final
class FaultProxy(OnLoopback):
    """A TCP proxy on loopback in front of ``upstream``, for the length of a ``with`` block.

    Use it where the program's address of a server can be set: point it at `address`, and inject faults into the proxy
    (both directions), or into its `upstream` (client to server) or `downstream` (server to client).

    Args:
        upstream: ``"host:port"``, the path of a UNIX domain socket, or None: nobody is there, connecting is refused.

    Attributes:
        host: Where it listens: 127.0.0.1.
        port: A free port, chosen when it opens.

    Raises:
        ValueError: An upstream that is neither ``host:port`` nor an absolute path.

    Example:
        >>> with FaultProxy(None) as proxy:
        ...     proxy.address.startswith("127.0.0.1:")
        True
    """

    is_served: ClassVar = True

    def __init__(
        self, upstream: str | None, *, loop: LoopThread | None = None, now: Callable[[], float] = lambda: 0.0
    ) -> None:
        super().__init__(loop, now)
        self._target = _target_of(upstream)
        self._socket: socket.socket | None = None
        self._server: asyncio.Server | None = None
        self._connections: list[Connection] = []
        self._opening: set[asyncio.Task[None]] = set()
        self._foretold: dict[int, Connection] = {}
        self.live: list[Connection] = []
        self._upstreams: weakref.WeakSet[socket.socket] = weakref.WeakSet()
        name = "nobody" if upstream is None else upstream
        self.both = ProxyPlace(f"proxy of {name}", self, DIRECTIONS)
        self.upstream = ProxyPlace(f"proxy of {name}, upstream", self, ("upstream",))
        self.downstream = ProxyPlace(f"proxy of {name}, downstream", self, ("downstream",))
        self._places = (self.both, self.upstream, self.downstream)

    @property
    def target(self) -> tuple[str, int]:
        """Host and port of the server behind it; the path of a UNIX domain socket has port 0, nobody as well."""
        return self._target if isinstance(self._target, tuple) else (self._target or "", 0)

    @property
    def address(self) -> str:
        """``host:port``, for the configuration of the program."""
        return f"{self.host}:{self.port}"

    @property
    def connections(self) -> list[Connection]:
        """Every connection so far, oldest first, with all that has reached the proxy by now."""
        if self._socket is not None:
            self.run(asyncio.sleep(0))
        return list(self._connections)

    @property
    def clients(self) -> list[tuple[str, int]]:
        """The addresses of the clients whose connections nobody has closed yet."""
        return self._loop.call(lambda: open_peers(each.client.transport for each in self.live if each.end == "open"))

    @property
    def own_addresses(self) -> list[tuple[str, int]]:
        """The addresses from which it is connected to its upstream, or about to be, which the server may see first."""
        return self._loop.call(lambda: [each.getsockname() for each in self._upstreams if each.fileno() >= 0])

    def __repr__(self) -> str:
        return f"<FaultProxy at {self.address}, {self.both.name}>"

    def sever(self) -> None:
        """Reset all live connections; new ones are served."""
        self.run(self._sever())

    async def _sever(self) -> None:
        for connection in self.live.copy():
            connection.reset()

    def foretell(self, local_port: int) -> int | None:
        """Decide a connection that is about to come from a local port: that of the proxy, or None where it is refused.

        A client in Python is asked before it connects, since the kernel accepts before anybody else can decide.
        """

        async def decide() -> int | None:
            connection = self._new_connection()
            if connection.end == "refused":
                return None
            self._foretold[local_port] = connection
            return self.port

        return self._loop.run(decide())

    def run(self, work: Coroutine[Any, Any, None]) -> None:
        """Do something on the loop of the proxy, and wait until it is done."""
        self._loop.run(work)

    async def listen(self) -> None:
        """Accept connections, or refuse them where nobody is there or a fault says so.

        A socket that is bound and does not listen refuses, and keeps the port from others meanwhile.
        """
        refuses = self._target is None or any(each.refuses_all for place in self._places for each in place.deciders)
        if refuses == (self._server is None) and self._socket is not None:
            return
        if self._server is not None:
            self._server.close()
            self._server = None
        else:
            assert self._socket is not None
            self._socket.close()
        self._socket = _bound(self.host, self.port)
        if not refuses:
            self._server = await asyncio.get_running_loop().create_server(
                lambda: Arrival(self._arrived), sock=self._socket
            )

    async def _open(self) -> None:
        self._socket = _bound(self.host, 0)
        self.port = self._socket.getsockname()[1]
        await self.listen()

    async def _close(self) -> None:
        if self._server is not None:
            self._server.close()
        elif self._socket is not None:
            self._socket.close()
        self._server = self._socket = None
        for task in self._opening:
            task.cancel()
        await self._sever()

    def _new_connection(self) -> Connection:
        connection = Connection(self._now(), self._places, self._forget)
        self._connections.append(connection)
        self.live.append(connection)
        for place in self._places:
            if connection.end == "open":
                place.strike(connection, place.decided())
        return connection

    def _forget(self, connection: Connection) -> None:
        if connection in self.live:
            self.live.remove(connection)

    def _arrived(self, transport: asyncio.Transport) -> None:
        port = transport.get_extra_info("peername")[1]
        connection = self._foretold.pop(port, None) or self._new_connection()
        transport.set_protocol(connection.client)
        connection.client.connection_made(transport)
        if connection.end != "open":
            connection.reset()
            return
        task = asyncio.get_running_loop().create_task(self._connect(connection))
        self._opening.add(task)
        task.add_done_callback(self._opening.discard)

    async def _connect(self, connection: Connection) -> None:
        try:
            with own_calls():
                await self._reach_upstream(connection.server)
        except OSError:
            connection.refused_by_server()
            return
        if connection.client.is_lost:
            connection.server.transport.abort()
        connection.start()

    async def _reach_upstream(self, server: Side) -> None:
        loop = asyncio.get_running_loop()
        if isinstance(self._target, str):
            await loop.create_unix_connection(lambda: server, self._target)
            return
        assert self._target is not None
        host, port = self._target
        # In a thread that knows that the kit asks: the name may be one that connections of the program are led from.
        found = await asyncio.to_thread(socket.getaddrinfo, host, port, type=socket.SOCK_STREAM)
        await loop.create_connection(lambda: server, sock=await _connected(found, self._upstreams.add))


async def _connected(found: Sequence[tuple[Any, ...]], made: Callable[[socket.socket], object]) -> socket.socket:
    """A socket to the first of the addresses of a name that takes it; ``made`` gets each that is tried.

    Raises:
        OSError: Nobody is at any of them: what the last one said.
    """
    refused: OSError = ConnectionRefusedError("the name has no address")
    for family, kind, protocol, _, address in found:
        upstream = socket.socket(family, kind, protocol)
        made(upstream)
        with contextlib.ExitStack() as undoing:
            undoing.callback(upstream.close)
            upstream.settimeout(0)
            try:
                await asyncio.get_running_loop().sock_connect(upstream, address)
            except OSError as error:
                refused = error
            else:
                undoing.pop_all()
                return upstream
    raise refused


def _bound(host: str, port: int) -> socket.socket:
    made = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
    with contextlib.ExitStack() as undoing:
        undoing.callback(made.close)
        made.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        made.settimeout(0)
        made.bind((host, port))
        undoing.pop_all()
    return made


def _target_of(upstream: str | None) -> str | tuple[str, int] | None:
    """The path of a UNIX domain socket, or a host and a port."""
    what_it_is = "the upstream of a proxy is 'host:port', the absolute path of a UNIX domain socket, or None for nobody"
    if not isinstance(upstream, str | None):
        raise TypeError(f"{what_it_is}; got {upstream!r}")
    if upstream is None or upstream.startswith("/"):
        return upstream
    host, colon, port = upstream.rpartition(":")
    if not colon or not host or not port.isascii() or not port.isdigit() or not 0 < int(port) < 65536:
        raise ValueError(f"{what_it_is}; got {upstream!r}")
    return host.strip("[]"), int(port)
