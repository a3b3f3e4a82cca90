"""A server of the provider's on loopback, for code that can be told its URL: any client, in any language."""

from __future__ import annotations

import httpx
import pytest

from orders.models import Order
from orders.payments import charge
from pytest_resilience import Faults, FaultServer, Retries, VirtualClock

pytestmark = pytest.mark.resilience


def test_an_ill_server_is_asked_until_it_answers_whole(
    fault_server: FaultServer, faults: Faults, retries: Retries, virtual_clock: VirtualClock
) -> None:
    """A 503, a 429 with a wait of a minute, half an answer; then the whole one."""
    charges = fault_server.route("POST", "/charges", json={"id": "charge-A1"})
    faults.inject(charges, "1*status(503)->1*status(429, retry_after=60)->1*truncate(50%)->off")

    with httpx.Client(base_url=fault_server.url) as client:
        assert charge(client, Order("A1", 1000, "card-1")) == "charge-A1"

    retries.assert_recovered("orders.payments:charge", attempts=4)
    assert [request.status for request in charges.requests] == [503, 429, 200, 200]
    assert virtual_clock.elapsed >= 60
