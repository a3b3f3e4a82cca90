"""One idea: each failed attempt is an event of the span that is active, so a trace shows why a request was slow."""

from __future__ import annotations

import sqlite3
from pathlib import Path

import pytest

from orders.database import connect
from pytest_resilience import Faults, RetryLog, fail

pytest.importorskip("opentelemetry.sdk")


@pytest.mark.resilience
@pytest.mark.usefixtures("virtual_clock")
def test_the_trace_shows_the_outage(
    tmp_path: Path, faults: Faults, retry_log: RetryLog, request: pytest.FixtureRequest
) -> None:
    """A span has one event for each failed attempt and one for the recovery, and the log lines name its trace."""
    from opentelemetry.sdk.trace import TracerProvider
    from opentelemetry.sdk.trace.export import SimpleSpanProcessor
    from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter
    from opentelemetry.trace import format_trace_id

    from resilience.instrumentation import opentelemetry

    exporter, provider = InMemorySpanExporter(), TracerProvider()
    provider.add_span_processor(SimpleSpanProcessor(exporter))
    request.addfinalizer(opentelemetry.install())
    request.addfinalizer(provider.shutdown)
    faults.inject("Database.connect", fail(sqlite3.OperationalError("unable to open database file")).times(2))

    with provider.get_tracer("orders").start_as_current_span("take an order"):
        connect(tmp_path / "orders.db").close()

    (span,) = exporter.get_finished_spans()
    assert [event.name for event in span.events] == [
        "resilience.attempt_failed",
        "resilience.attempt_failed",
        "resilience.recovered",
    ]
    assert span.context is not None
    assert {line.fields["trace_id"] for line in retry_log.lines} == {format_trace_id(span.context.trace_id)}
