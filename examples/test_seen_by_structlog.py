"""One idea: where a service logs with structlog, retries are lines with fields, and with the context that is bound."""

from __future__ import annotations

import sqlite3
from pathlib import Path

import pytest

from orders.database import connect
from pytest_resilience import Faults, fail

structlog = pytest.importorskip("structlog")


@pytest.mark.resilience
@pytest.mark.usefixtures("virtual_clock")
def test_the_order_is_named_in_every_line(tmp_path: Path, faults: Faults, request: pytest.FixtureRequest) -> None:
    """Failures and the recovery are structured, and carry what the request has bound."""
    from resilience.instrumentation import structlog as instrumentation

    faults.inject("Database.connect", fail(sqlite3.OperationalError("unable to open database file")).times(1))
    merge = structlog.contextvars.merge_contextvars

    with (
        structlog.testing.capture_logs(processors=[merge]) as lines,
        structlog.contextvars.bound_contextvars(order="A-17"),
    ):
        request.addfinalizer(instrumentation.install())
        connect(tmp_path / "orders.db").close()

    assert [(line["event"], line["failpoint"], line["order"]) for line in lines] == [
        ("attempt_failed", "Database.connect", "A-17"),
        ("recovered", "Database.connect", "A-17"),
    ]
