"""Giving up is said once, in words that a dashboard can rely on."""

from __future__ import annotations

import sqlite3
from pathlib import Path

import httpx
import pytest

from orders.database import connect
from orders.models import Order
from orders.payments import charge
from pytest_resilience import Faults, Retries, RetryLog

pytestmark = [pytest.mark.resilience, pytest.mark.usefixtures("virtual_clock")]


def test_says_once_that_it_gave_up_on_a_charge(
    payments: httpx.Client, faults: Faults, retries: Retries, retry_log: RetryLog
) -> None:
    """Eight attempts leave seven warnings and one error, and the caller gets the provider's own exception."""
    faults.inject("orders.payments:charge", "8*raise(httpx.ConnectError('refused'))")

    with pytest.raises(httpx.ConnectError, match="refused") as caught:
        charge(payments, Order("A1", 1000, "card-1"))

    *warnings, last = [line for line in retry_log.lines if line.fields["failpoint"] == "orders.payments:charge"]
    assert [(line.level, line.text) for line in warnings] == [
        ("WARNING", f"payments: Retry attempt {n} for 'charge': ConnectError: refused") for n in range(1, 8)
    ]
    assert (last.level, last.text) == (
        "ERROR",
        "payments: Giving up after 8 attempts for 'charge': ConnectError: refused",
    )
    assert "gave up after 8 attempts" in caught.value.__notes__[0]
    retries.assert_gave_up("orders.payments:charge", attempts=8, error=httpx.ConnectError)


def test_every_line_of_a_connection_has_its_prefix(tmp_path: Path, faults: Faults, retry_log: RetryLog) -> None:
    """The lines of one call share a prefix, whose connection id is new for each call."""
    faults.inject("Database.connect", "101*raise(sqlite3.OperationalError('disk I/O error'))")

    with pytest.raises(sqlite3.OperationalError):
        connect(tmp_path / "orders.db")
    connect(tmp_path / "orders.db").close()

    retry_log.assert_prefix(resource="Database", service="orders")
    retry_log.assert_gave_up("Database.connect", attempts=101, error=sqlite3.OperationalError, count=1)
    first, second = dict.fromkeys(prefix.conn_id for prefix in retry_log.prefixes)
    assert first != second
    texts = [line.text.partition("] ")[2] for line in retry_log.lines if line.prefix]
    assert texts == [
        "connect started...",
        *["connect failed: disk I/O error. Retrying now..."] * 100,
        "connect failed after retries: disk I/O error",
        "connect started...",
        "connect completed successfully.",
    ]


def test_does_not_ask_again_where_that_is_no_use(faults: Faults, retries: Retries, payments: httpx.Client) -> None:
    """A refused charge is given up at the first attempt, without a wait."""
    faults.inject("orders.payments:charge", "1*raise(orders.payments.ChargeRefusedError('card expired'))")

    with pytest.raises(Exception, match="card expired"):
        charge(payments, Order("A1", 1000, "card-1"))

    (call,) = retries[charge]
    assert (call.reason, call.waits) == ("excluded", [])
