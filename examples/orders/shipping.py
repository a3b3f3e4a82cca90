"""The carrier's HTTP API, asked for many parcels at once."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable

import httpx

from resilience import create_retry_decorator


@create_retry_decorator(max_attempts=10, context="shipping", timeout=300.0)
async def book(client: httpx.AsyncClient, order_id: str) -> str:
    """Book a parcel and return its tracking number."""
    response = await client.put(f"/parcels/{order_id}")
    response.raise_for_status()
    return str(response.json()["tracking"])


async def book_all(client: httpx.AsyncClient, order_ids: Iterable[str]) -> dict[str, str]:
    """Book the parcels of many orders at the same time; return the tracking numbers by order."""
    async with asyncio.TaskGroup() as group:
        tasks = {order_id: group.create_task(book(client, order_id)) for order_id in order_ids}
    return {order_id: task.result() for order_id, task in tasks.items()}
