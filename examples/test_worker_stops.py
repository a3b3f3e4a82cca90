"""A worker that is told to stop does so at once, whatever it is doing."""

from __future__ import annotations

import queue
import threading

import pytest

from orders.models import Order
from orders.worker import Inbox, work
from pytest_resilience import Retries, VirtualClock

pytestmark = pytest.mark.resilience


def test_stops_in_the_middle_of_a_wait(retries: Retries, virtual_clock: VirtualClock) -> None:
    """With a handler that fails every five seconds, a stop at second 12 ends the loop at second 12."""

    def broken(order: Order) -> None:
        raise ConnectionError(f"cannot handle {order.id}")

    inbox: Inbox = queue.Queue()
    inbox.put(Order("A1", 1000, "card-1"))
    stopping = threading.Event()
    worker = threading.Thread(target=work, args=(inbox, broken, stopping))
    worker.start()

    virtual_clock.advance(12)
    stopping.set()
    worker.join()

    assert virtual_clock.elapsed == 12
    (call,) = retries["consume"]
    assert (call.reason, [attempt.at for attempt in call.attempts]) == ("stop_event", [0, 5, 10])
    assert inbox.qsize() == 1


def test_stops_between_two_orders(retries: Retries, virtual_clock: VirtualClock) -> None:
    """A worker with nothing to do looks at the event once a second, and ends without an error."""
    inbox: Inbox = queue.Queue()
    handled: list[Order] = []
    stopping = threading.Event()
    worker = threading.Thread(target=work, args=(inbox, handled.append, stopping))
    worker.start()

    inbox.put(Order("A1", 1000, "card-1"))
    virtual_clock.advance(0.5)
    stopping.set()
    worker.join()

    assert [order.id for order in handled] == ["A1"]
    assert retries["consume"][0].outcome == "succeeded"
    assert virtual_clock.elapsed <= 1.5
