"""One idea: what retries do is counted for Prometheus, by the same events that are logged."""

from __future__ import annotations

import sqlite3
from pathlib import Path

import pytest

from orders.database import connect
from pytest_resilience import Faults, VirtualClock, fail

prometheus_client = pytest.importorskip("prometheus_client")


@pytest.mark.resilience
def test_the_outage_is_on_the_dashboard(
    tmp_path: Path, faults: Faults, virtual_clock: VirtualClock, request: pytest.FixtureRequest
) -> None:
    """A recovered connection counts one call, its failed attempts, and the time it waited."""
    from resilience.instrumentation import prometheus

    registry = prometheus_client.CollectorRegistry()
    request.addfinalizer(prometheus.install(registry))
    faults.inject("Database.connect", fail(sqlite3.OperationalError("unable to open database file")).times(3))

    connect(tmp_path / "orders.db").close()

    recovered = {"failpoint": "Database.connect", "outcome": "recovered", "reason": ""}
    failed = {"failpoint": "Database.connect", "error_type": "OperationalError"}
    waited = registry.get_sample_value("resilience_wait_seconds_sum", {"failpoint": "Database.connect"})
    assert registry.get_sample_value("resilience_calls_total", recovered) == 1
    assert registry.get_sample_value("resilience_failed_attempts_total", failed) == 3
    assert waited == pytest.approx(virtual_clock.elapsed)
