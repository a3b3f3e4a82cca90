"""An hour without the payment provider costs waiting, and no order."""

from __future__ import annotations

import contextlib
import itertools
import queue
import threading
from pathlib import Path

import httpx
import pytest
import respx

from orders.database import connect, states
from orders.models import Order
from orders.worker import Inbox, serve
from pytest_resilience import DiscordMock, Retries, VirtualClock

pytestmark = pytest.mark.resilience
HOUR = 3600


def test_no_order_is_lost(
    tmp_path: Path, payments: httpx.Client, discord: DiscordMock, retries: Retries, virtual_clock: VirtualClock
) -> None:
    """The worker gives up on a charge again and again, keeps the order, and charges it when the provider is back."""

    def provider(_request: httpx.Request) -> httpx.Response:
        return httpx.Response(200, json={"id": "charge-A1"}) if virtual_clock.elapsed >= HOUR else httpx.Response(503)

    inbox: Inbox = queue.Queue()
    inbox.put(Order("A1", 1000, "card-1"))
    stopping = threading.Event()
    worker = threading.Thread(target=serve, args=(tmp_path / "orders.db", payments, inbox, stopping))

    with respx.mock(assert_all_called=False) as api:
        api.post("https://payments.example/charges").mock(side_effect=provider)
        worker.start()
        inbox.join()
        stopping.set()
        worker.join()

    with contextlib.closing(connect(tmp_path / "orders.db")) as database:
        assert states(database) == {"A1": "paid"}
    *given_up, last = retries["charge"]
    assert {call.outcome for call in given_up} == {"gave_up"}
    assert last.outcome in {"succeeded", "recovered"}
    assert virtual_clock.elapsed >= HOUR
    assert all(later.at - earlier.at >= 300 for earlier, later in itertools.pairwise(discord.alerts))
