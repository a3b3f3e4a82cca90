"""The places of one test that are no functions: what they share, and that they end with it."""

from __future__ import annotations

import contextlib
import gc
from collections import Counter
from collections.abc import Iterable
from typing import Any, Final, final

from pytest_resilience._faults.connections import ConnectionPlace
from pytest_resilience._faults.dialing import Dialing
from pytest_resilience._faults.httpx_requests import HttpxPlace, HttpxRequests
from pytest_resilience._faults.injection import Place
from pytest_resilience._faults.leftovers import listed, open_connections
from pytest_resilience._faults.requests import RoutePlace
from pytest_resilience._faults.served import served
from pytest_resilience._faults.tcp import PREFIX, LedAway, TcpPlace
from pytest_resilience._servers.loop_thread import LoopThread
from pytest_resilience._servers.proxy import FaultProxy
from pytest_resilience._servers.routes import Route
from pytest_resilience._servers.server import FaultServer
from pytest_resilience._timeline.timeline import Timeline
from resilience.redact import clean
from resilience.testing import UnknownTargetError

_CHOSEN_PORTS: Final = range(32_768, 65_536)
"""Linux chooses one of these where any will do (ip_local_port_range): another one in each run."""

_dialing: Final = Dialing()
"""The one table of redirected addresses: of several, only the latest would be asked."""

_led_away: Final = LedAway(_dialing)
"""The one table of proxies to addresses, as above."""

_httpx_requests: Final = HttpxRequests()
"""The one table of URLs, as above."""


@final
class Servers(contextlib.ExitStack):
    """One event loop for all servers and proxies of a test."""

    def __init__(self, timeline: Timeline) -> None:
        super().__init__()
        self._timeline = timeline
        self._loop = LoopThread()
        self._places: dict[object, Place] = {}
        self._asked_first: set[FaultProxy] = set()
        self._servers: list[FaultServer] = []
        self._proxies: list[FaultProxy] = []
        self.callback(self._loop.stop)
        self.callback(_led_away.close, self._loop)

    def server(self) -> FaultServer:
        made = FaultServer(loop=self._loop, now=self._timeline.now, made=self._serve_route)
        server = self.enter_context(made)
        self._servers.append(server)
        return server

    def complaint(self) -> str | None:
        """Say which requests no route took, and which answers could not be made; None where there were none."""
        complaints = (
            listed(
                "requests came that no route of fault_server takes, and got 404:",
                _each_once(request for server in self._servers for request in server.unexpected),
                "Say what a healthy server answers there: fault_server.route(method, path, json=...).",
            ),
            listed(
                "answers of fault_server could not be made, and clients got 500:",
                _each_once(request for server in self._servers for request in server.unanswered),
                "What reply= is given takes the request, and returns what JSON can say, a str, bytes, or (status, any "
                "of these).",
            ),
        )
        return "\n".join(filter(None, complaints)) or None

    def proxy(self, upstream: str | None) -> FaultProxy:
        proxy = self.enter_context(FaultProxy(upstream, loop=self._loop, now=self._timeline.now))
        self._proxies.append(proxy)
        if any(proxy.target == (server.host, server.port) for server in self._servers):
            self._serve(proxy, "proxy of fault_server", 'fault_proxy(f"{fault_server.host}:{fault_server.port}")')
        elif proxy.target[1] in _CHOSEN_PORTS:
            self._serve(proxy, "proxy", "")
        else:
            self._serve(proxy, proxy.both.name, f"fault_proxy({upstream!r})".replace("'", '"'))
        return proxy

    def _serve_route(self, route: Route) -> None:
        method, _, path = route.name.partition(" ")
        self._serve(route, route.name, f'fault_server.route("{method}", "{path}")')

    def _serve(self, target: Route | FaultProxy, name: str, written: str) -> None:
        served.add(target, lambda: self.place_of(target), clean(name), clean(written))
        self.callback(served.remove, target)

    def left_open(self) -> str | None:
        """Say which servers and proxies clients still have connections to; None where there are none."""
        if self._clients().total():
            gc.collect()  # which closes what nobody holds any more
        return open_connections(self._clients())

    def _clients(self) -> Counter[str]:
        proxies = [(proxy.both.name, proxy) for proxy in self._proxies]
        proxies += _led_away.proxies_on(self._loop)
        own = {address for _, proxy in proxies for address in proxy.own_addresses}
        clients = [(repr(server), server.clients) for server in self._servers]
        clients += [(name, proxy.clients) for name, proxy in proxies]
        own.update(address for _, proxy in proxies for address in proxy.own_addresses)  # some may be made meanwhile
        numbers: Counter[str] = Counter()
        for name, addresses in clients:
            numbers[name] += len({*addresses} - own)
        return numbers

    def place_of(self, target: Any) -> Place:
        """The place that is a route, a proxy, one of its directions, ``tcp://host:port``, or a method and URL."""
        place = self._places.get(target)
        if place is None:
            place = self._places[target] = self._made(target)
        return place

    def _made(self, target: Any) -> Place:
        if isinstance(target, FaultServer):
            route = "fault_server.route('GET', '/items')"
            raise UnknownTargetError(f"a fault goes into a route of a server, such as {route}, and not into the server")
        if isinstance(target, Route):
            return RoutePlace(target)
        if isinstance(target, str) and not target.startswith(PREFIX):
            return HttpxPlace(target, _httpx_requests)
        if isinstance(target, str):
            return TcpPlace(target, _led_away, self._loop, self._timeline.now)
        proxy = target if isinstance(target, FaultProxy) else target.proxy
        if proxy not in self._asked_first:
            # It is asked about clients of this process before they connect, so that a counted `refuse` is ECONNREFUSED.
            self._asked_first.add(proxy)
            door = (proxy.host, str(proxy.port), lambda local_port, _: proxy.foretell(local_port))
            _dialing.open(*door)
            self.callback(_dialing.close, *door)
        return ConnectionPlace(target.both if isinstance(target, FaultProxy) else target)


def _each_once(requests: Iterable[str]) -> list[str]:
    return [*map(clean, dict.fromkeys(requests))]
