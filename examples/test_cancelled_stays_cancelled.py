"""Shutting down is not a failure: a cancelled task is never retried."""

from __future__ import annotations

import asyncio

import httpx
import pytest
import respx

from orders.shipping import book
from pytest_resilience import Faults, Retries

pytestmark = [pytest.mark.resilience, pytest.mark.usefixtures("virtual_clock")]


def test_cancelled_in_its_backoff(faults: Faults, retries: Retries) -> None:
    """A booking that is cancelled between two attempts makes no other one."""
    faults.inject("orders.shipping:book", "raise(httpx.ConnectError('refused'))", strict=False)

    async def shut_down_after_ten_seconds() -> None:
        async with httpx.AsyncClient(base_url="https://carrier.example") as carrier:
            booking = asyncio.create_task(book(carrier, "A1"))
            await asyncio.sleep(10)
            booking.cancel()
            with pytest.raises(asyncio.CancelledError):
                await booking

    asyncio.run(shut_down_after_ten_seconds())

    (call,) = retries["orders.shipping:book"]
    assert (call.outcome, call.reason) == ("cancelled", "cancelled")
    assert all(attempt.at <= 10 for attempt in call.attempts)


def test_cancelled_in_the_middle_of_a_request(retries: Retries) -> None:
    """A booking that is cancelled while the carrier thinks makes one attempt in all."""

    async def slow(_request: httpx.Request) -> httpx.Response:
        await asyncio.sleep(60)
        return httpx.Response(200, json={"tracking": "TRACK-A1"})

    async def give_up_after_a_second() -> None:
        async with httpx.AsyncClient(base_url="https://carrier.example") as carrier:
            with pytest.raises(TimeoutError):
                await asyncio.wait_for(book(carrier, "A1"), timeout=1)

    with respx.mock:
        respx.put("https://carrier.example/parcels/A1").mock(side_effect=slow)
        asyncio.run(give_up_after_a_second())

    (call,) = retries[book]
    assert (call.outcome, len(call.attempts)) == ("cancelled", 1)
