"""Faults of the network, for any client: through a proxy of the test's own, or by an address that stays as it is."""

from __future__ import annotations

import socket
from collections.abc import Callable

import httpx
import pytest

from orders.models import Order
from orders.payments import charge
from pytest_resilience import FaultProxy, Faults, FaultServer, Retries, VirtualClock

pytestmark = pytest.mark.resilience


def test_a_connection_that_dies_in_mid_answer(
    fault_server: FaultServer,
    fault_proxy: Callable[[str | None], FaultProxy],
    faults: Faults,
    retries: Retries,
    virtual_clock: VirtualClock,
) -> None:
    """The proxy stands before any server; here the answer breaks off after 40 bytes, and then hangs into a timeout."""
    fault_server.route("POST", "/charges", json={"id": "charge-A1"})
    proxy = fault_proxy(f"{fault_server.host}:{fault_server.port}")
    faults.inject(proxy.downstream, "1*limit(40, reset=True)->1*hang->off")

    with httpx.Client(base_url=f"http://{proxy.address}") as client:
        assert charge(client, Order("A1", 1000, "card-1")) == "charge-A1"

    retries.assert_recovered("orders.payments:charge", attempts=3)
    assert proxy.connections[0].end == "limit"
    assert virtual_clock.elapsed > 5  # the timeout of httpx


def test_an_address_that_nobody_has_to_change(faults: Faults, virtual_clock: VirtualClock) -> None:
    """Connections to an address are led away, whichever Python client opens them, and DNS is not asked."""
    outage = faults.inject("tcp://ledger.internal:5432", "[..10m]refuse")

    for _ in range(2):
        with pytest.raises(ConnectionRefusedError):
            socket.create_connection(("ledger.internal", 5432), timeout=3)
        virtual_clock.advance(60)

    assert outage.fired == 2
