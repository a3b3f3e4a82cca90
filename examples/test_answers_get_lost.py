"""The provider charges and its answer is lost: the charge is repeated under the same key."""

from __future__ import annotations

import httpx
import pytest
import respx

from orders.models import Order
from orders.payments import charge
from pytest_resilience import Faults, Retries, VirtualClock

pytestmark = pytest.mark.resilience


def test_a_charge_whose_answer_was_lost_is_repeated_under_its_key(
    payments: httpx.Client, faults: Faults, retries: Retries, virtual_clock: VirtualClock
) -> None:
    """One 503, an answer that is lost, and one that hangs into the client's timeout; then the answer arrives."""
    with respx.mock as provider:
        charges = provider.post("https://payments.example/charges").respond(json={"id": "charge-A1"})
        faults.inject("POST https://payments.example/*", "1*status(503)->1*after reset->1*hang")

        assert charge(payments, Order("A1", 1000, "card-1")) == "charge-A1"

    retries.assert_recovered("orders.payments:charge", attempts=4)
    assert {call.request.headers["Idempotency-Key"] for call in charges.calls} == {"A1"}
    assert charges.call_count == 2  # the one whose answer was lost, and the last one
    assert virtual_clock.elapsed > 5  # the timeout of httpx, in milliseconds of real time
