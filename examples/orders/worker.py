"""The loop that takes orders from the queue. It may not die, and it has to stop when it is told to."""

from __future__ import annotations

import contextlib
import functools
import queue
import sqlite3
import threading
from collections.abc import Callable
from pathlib import Path

import httpx

from orders.database import connect, save
from orders.models import Order
from orders.payments import ChargeRefusedError, charge
from resilience import continuous_retry

Inbox = queue.Queue[Order]


def serve(path: Path, payments: httpx.Client, inbox: Inbox, stopping: threading.Event) -> None:
    """Handle every order that comes in until the event is set."""
    with contextlib.closing(connect(path)) as database:
        work(inbox, functools.partial(handle, database, payments), stopping)


def work(inbox: Inbox, handler: Callable[[Order], None], stopping: threading.Event) -> None:
    """Hand every order to the handler until the event is set. One that fails goes back to the queue."""

    @continuous_retry(retry_delay=5.0, stop_event=stopping)
    def consume() -> None:
        while not stopping.is_set():
            try:
                order = inbox.get(timeout=1.0)
            except queue.Empty:
                continue
            try:
                handler(order)
            except Exception:
                inbox.put(order)
                raise
            finally:
                inbox.task_done()

    with contextlib.suppress(Exception):  # it raises only what it was failing with when it was told to stop
        consume()


def handle(database: sqlite3.Connection, payments: httpx.Client, order: Order) -> None:
    """Charge for an order and store what came of it."""
    try:
        charge_id = charge(payments, order)
    except ChargeRefusedError:
        save(database, order.id, order.cents, "refused")
    else:
        save(database, order.id, order.cents, "paid", charge_id)
