"""``tcp://host:port`` as a place: connections to an address, whichever Python client of this process opens them."""

from __future__ import annotations

import re
import threading
from collections.abc import Callable, Iterator
from typing import Final, final

from pytest_resilience._faults.connections import ConnectionPlace
from pytest_resilience._faults.dialing import Address, Dialing, is_address_of
from pytest_resilience._faults.injection import Injection
from pytest_resilience._servers.loop_thread import LoopThread
from pytest_resilience._servers.proxy import FaultProxy
from resilience.testing import PlaceKind, UnknownTargetError

PREFIX: Final = "tcp://"
_WRITTEN: Final = re.compile(r"tcp://(\[[^\]/]+\]|[^\[\]/:]+):([0-9]{1,5}|\*)")


@final
class TcpPlace:
    """An address, either part of which may be ``*``.

    Attributes:
        loop: On which connections to it are served.
        now: Tells the time for these.

    Raises:
        UnknownTargetError: It is not ``tcp://host:port``.
    """

    kind: PlaceKind = "tcp"

    def __init__(self, name: str, led_away: LedAway, loop: LoopThread, now: Callable[[], float]) -> None:
        written = _WRITTEN.fullmatch(name)
        if written is None or (written[2] != "*" and not 0 < int(written[2]) < 65536):
            raise UnknownTargetError(
                f"{name!r} is no TCP place: write 'tcp://host:port', such as 'tcp://db.internal:5432'; '*' stands for "
                "any host or any port"
            )
        self.name = name
        self.host, self.port = written[1].strip("[]").lower(), written[2]
        self.loop, self.now = loop, now
        self._led_away = led_away

    def arm(self, injection: Injection) -> None:
        """Let the injection decide live connections and new ones, which are led through proxies from here on."""
        self._led_away.arm(self, injection)

    def disarm(self, injection: Injection) -> None:
        """End its effects. Connections of before stay with their proxies until these are closed."""
        self._led_away.disarm(self, injection)


@final
class LedAway:
    """The connections of this process that are led away, through one proxy for each real address.

    All places that an address is of have that proxy in common, and the newest injection of all is asked first.
    """

    def __init__(self, dialing: Dialing) -> None:
        self._dialing = dialing
        self._armed: list[tuple[TcpPlace, Injection]] = []
        self._proxies: dict[Address, tuple[TcpPlace, FaultProxy]] = {}
        self._changing = threading.RLock()

    def arm(self, place: TcpPlace, injection: Injection) -> None:
        with self._changing:
            self._armed.append((place, injection))
            for at_proxy in self._places_of(place):
                at_proxy.arm(injection)
        if [each for each, _ in self._armed].count(place) == 1:
            self._dialing.open(place.host, place.port, self._enter)

    def disarm(self, place: TcpPlace, injection: Injection) -> None:
        with self._changing:
            self._armed.remove((place, injection))
            for at_proxy in self._places_of(place):
                at_proxy.disarm(injection)
        if all(each is not place for each, _ in self._armed):
            self._dialing.close(place.host, place.port, self._enter)

    def proxies_on(self, loop: LoopThread) -> list[tuple[str, FaultProxy]]:
        """The proxies that connections are led through, served on a loop; each with the name of the place."""
        return [(place.name, proxy) for place, proxy in self._proxies.values() if place.loop is loop]

    def close(self, loop: LoopThread) -> None:
        """Reset what is left of the connections that are served on a loop, which is about to end."""
        with self._changing:
            ending = [address for address, (place, _) in self._proxies.items() if place.loop is loop]
            for address in ending:
                _, proxy = self._proxies.pop(address)
                proxy.__exit__(None, None, None)

    def _enter(self, local_port: int, address: Address) -> int | None:
        return self._proxy_of(address).foretell(local_port)

    def _proxy_of(self, address: Address) -> FaultProxy:
        with self._changing:
            if address not in self._proxies:
                host, port = address
                # The oldest is likely to be there for the longest.
                place = next(each for each, _ in self._armed if is_address_of(address, each.host, each.port))
                proxy = FaultProxy(f"{host}:{port}", loop=place.loop, now=place.now).__enter__()
                self._proxies[address] = place, proxy
                for armed, injection in self._armed:
                    if is_address_of(address, armed.host, armed.port):
                        ConnectionPlace(proxy.both).arm(injection)
            return self._proxies[address][1]

    def _places_of(self, place: TcpPlace) -> Iterator[ConnectionPlace]:
        for address, (_, proxy) in self._proxies.items():
            if is_address_of(address, place.host, place.port):
                yield ConnectionPlace(proxy.both)
