"""A server that says when to come back is not asked earlier."""

from __future__ import annotations

import httpx
import pytest
import respx

from orders.models import Order
from orders.payments import charge
from pytest_resilience import Retries, VirtualClock

pytestmark = pytest.mark.resilience


def test_waits_as_long_as_the_server_asks(
    payments: httpx.Client, retries: Retries, virtual_clock: VirtualClock
) -> None:
    """A Retry-After of two minutes is kept, though the policy's own wait would be two seconds at most."""
    with respx.mock:
        respx.post("https://payments.example/charges").mock(
            side_effect=[
                httpx.Response(429, headers={"Retry-After": "120"}),
                httpx.Response(200, json={"id": "charge-A1"}),
            ]
        )
        assert charge(payments, Order("A1", 1000, "card-1")) == "charge-A1"

    retries.assert_recovered("orders.payments:charge", attempts=2)
    assert virtual_clock.elapsed == 120
