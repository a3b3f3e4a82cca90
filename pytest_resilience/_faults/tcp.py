"""``tcp://host:port`` as a place: connections to an address, whichever Python client of this process opens them."""

from __future__ import annotations

import re
import threading
from collections.abc import Callable
from typing import Final, final

from pytest_resilience._faults.connections import Decider
from pytest_resilience._faults.dialing import Address, Dialing
from pytest_resilience._faults.injection import Injection
from pytest_resilience._servers.loop_thread import LoopThread
from pytest_resilience._servers.proxy import FaultProxy
from resilience.testing import PlaceKind, UnknownTargetError

PREFIX: Final = "tcp://"
_WRITTEN: Final = re.compile(r"tcp://(\[[^\]/]+\]|[^\[\]/:]+):([0-9]{1,5}|\*)")


@final
class TcpPlace:
    """An address, either part of which may be ``*``, with a proxy for each real address that is connected to.

    Attributes:
        name: As it was written.
        kind: ``tcp``.

    Raises:
        UnknownTargetError: It is not ``tcp://host:port``.
    """

    kind: PlaceKind = "tcp"

    def __init__(self, name: str, dialing: Dialing, loop: LoopThread, now: Callable[[], float]) -> None:
        written = _WRITTEN.fullmatch(name)
        if written is None or (written[2] != "*" and not 0 < int(written[2]) < 65536):
            raise UnknownTargetError(
                f"{name!r} is no TCP place: write 'tcp://host:port', such as 'tcp://db.internal:5432'; '*' stands for "
                "any host or any port"
            )
        self.name = name
        self._host, self._port = written[1].strip("[]"), written[2]
        self._dialing, self._loop, self._now = dialing, loop, now
        self._proxies: dict[Address, FaultProxy] = {}
        self._injections: list[Injection] = []
        self._deciders: dict[tuple[Injection, Address], Decider] = {}
        self._opening = threading.RLock()

    def arm(self, injection: Injection) -> None:
        """Let the injection decide live connections and new ones; the first one leads them through proxies."""
        with self._opening:
            self._injections.append(injection)
            for address, proxy in self._proxies.items():
                self._arm_at(proxy, address, injection)
        if len(self._injections) == 1:
            self._dialing.open(self._host, self._port, self)

    def disarm(self, injection: Injection) -> None:
        """End its effects. Connections of before stay with their proxies until these are closed."""
        with self._opening:
            self._injections.remove(injection)
            for address, proxy in self._proxies.items():
                proxy.both.disarm(self._deciders.pop((injection, address)))
        if not self._injections:
            self._dialing.close(self)

    @property
    def proxies(self) -> list[FaultProxy]:
        """What connections are led through."""
        return list(self._proxies.values())

    def close(self) -> None:
        """Reset what is left of the connections."""
        with self._opening:
            while self._proxies:
                _, proxy = self._proxies.popitem()
                proxy.__exit__(None, None, None)

    def enter(self, local_port: int, address: Address) -> bool:
        """Decide a connection that is about to come from a local port; False refuses it."""
        return self._proxy_of(address).foretell(local_port)

    def address_for(self, address: Address) -> Address:
        """Where to connect instead."""
        proxy = self._proxy_of(address)
        return proxy.host, proxy.port

    def _proxy_of(self, address: Address) -> FaultProxy:
        with self._opening:
            if address not in self._proxies:
                host, port = address
                proxy = FaultProxy(f"{host}:{port}", loop=self._loop, now=self._now)
                self._proxies[address] = proxy.__enter__()
                for injection in self._injections:
                    self._arm_at(proxy, address, injection)
            return self._proxies[address]

    def _arm_at(self, proxy: FaultProxy, address: Address, injection: Injection) -> None:
        decider = self._deciders[injection, address] = Decider(injection, address)
        proxy.both.arm(decider)


@final
class ProxyDoor:
    """Asks a `FaultProxy` about clients of this process before they connect to it."""

    def __init__(self, proxy: FaultProxy) -> None:
        self._proxy = proxy

    def enter(self, local_port: int, address: Address) -> bool:  # noqa: ARG002  # there is one address only
        """Decide a connection that is about to come from a local port; False refuses it."""
        return self._proxy.foretell(local_port)

    def address_for(self, address: Address) -> Address:
        """Where to connect: there."""
        return address
