"""Run the service on a handful of orders, against an unhealthy provider on loopback: ``python -m orders``."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import queue
import tempfile
import threading
from pathlib import Path

import httpx

from orders.database import connect, states
from orders.loopback import provider
from orders.models import Order
from orders.shipping import book_all
from orders.worker import Inbox, serve
from resilience import configure


def main() -> None:
    """Set up logging and alerting for the process, and run the service in it."""
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(levelname)-8s %(message)s")
    logging.getLogger("httpx").setLevel(logging.WARNING)
    configure(service_name="orders")  # the webhook comes from RESILIENCE_DISCORD_WEBHOOK_URL
    run()


def run() -> None:
    """Take five orders from start to end; the log shows every retry on the way."""
    with tempfile.TemporaryDirectory() as directory, provider() as url:
        path = Path(directory, "orders.db")
        take_orders(path, url)
        with contextlib.closing(connect(path)) as database:
            paid = [order_id for order_id, state in states(database).items() if state == "paid"]
        for order_id, tracking in asyncio.run(ship(url, paid)).items():
            print(f"order {order_id}: paid, parcel {tracking}")


def take_orders(path: Path, url: str) -> None:
    """Have a worker thread handle five orders, then stop it."""
    inbox: Inbox = queue.Queue()
    for number in range(1, 6):
        inbox.put(Order(id=f"A{number}", cents=number * 1000, card=f"card-{number}"))
    stopping = threading.Event()
    with httpx.Client(base_url=url) as payments:
        worker = threading.Thread(target=serve, args=(path, payments, inbox, stopping), name="worker")
        worker.start()
        try:
            inbox.join()
        finally:  # Ctrl-C, too, lets the order in hand be finished
            stopping.set()
            worker.join()


async def ship(url: str, order_ids: list[str]) -> dict[str, str]:
    """Book a parcel for each order."""
    async with httpx.AsyncClient(base_url=url) as carrier:
        return await book_all(carrier, order_ids)


if __name__ == "__main__":
    main()
