"""A hundred tasks of one event loop, each with an outage of its own."""

from __future__ import annotations

import asyncio

import httpx
import pytest
import respx

from orders.shipping import book_all
from pytest_resilience import Faults, Retries, VirtualClock

pytestmark = pytest.mark.resilience


def test_a_hundred_parcels(faults: Faults, retries: Retries, virtual_clock: VirtualClock) -> None:
    """Tasks that wait at the same time add up to the longest wait, not to the sum; every parcel is booked."""
    faults.inject("orders.shipping:book", "300*raise(httpx.ConnectTimeout('slow'))")
    order_ids = [f"A{number}" for number in range(100)]

    async def book_them() -> dict[str, str]:
        async with httpx.AsyncClient(base_url="https://carrier.example") as carrier:
            return await book_all(carrier, order_ids)

    with respx.mock:
        respx.put(url__regex=r"https://carrier\.example/parcels/").respond(200, json={"tracking": "TRACK"})
        tracking = asyncio.run(book_them())

    assert sorted(tracking) == sorted(order_ids)
    calls = retries["book"]
    assert {call.outcome for call in calls} <= {"recovered", "succeeded"}
    assert virtual_clock.elapsed == pytest.approx(max(sum(call.waits) for call in calls))
