"""OpenTelemetry span events and metrics, read back from the real SDK."""

from __future__ import annotations

import pytest
import tenacity
from opentelemetry import trace
from opentelemetry.sdk.metrics import MeterProvider
from opentelemetry.sdk.metrics.export import InMemoryMetricReader
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter

from resilience import conn_retry
from resilience.instrumentation import opentelemetry


@pytest.fixture
def reader():
    """Give a metric reader with the instrumentation installed on its provider."""
    reader = InMemoryMetricReader()
    provider = MeterProvider([reader])
    uninstall = opentelemetry.install(provider)
    yield reader
    uninstall()
    provider.shutdown()


@pytest.fixture
def spans():
    """Give a tracer of a provider of its own, and what it exports."""
    exporter = InMemorySpanExporter()
    provider = TracerProvider()
    provider.add_span_processor(SimpleSpanProcessor(exporter))
    yield provider.get_tracer("tests"), exporter
    provider.shutdown()


def connect_after(times):
    failures = iter([ConnectionError("password=hunter2hunter2 refused")] * times)

    @conn_retry("Redis", "connect", max_retry=3, wait=tenacity.wait_none())
    def connect():
        for failure in failures:
            raise failure

    return connect


def points(reader, name):
    data = reader.get_metrics_data()
    metrics = [m for r in data.resource_metrics for s in r.scope_metrics for m in s.metrics]
    return [point for metric in metrics if metric.name == name for point in metric.data.data_points]


def test_the_active_span_gets_an_event_for_each_failure_and_for_the_recovery(reader, spans):
    """A call that fails twice and recovers leaves three events on its span, secrets redacted."""
    tracer, exporter = spans
    with tracer.start_as_current_span("request"):
        connect_after(2)()
    (span,) = exporter.get_finished_spans()
    assert [event.name for event in span.events] == [
        "resilience.attempt_failed",
        "resilience.attempt_failed",
        "resilience.recovered",
    ]
    first = span.events[0].attributes
    assert (first["resilience.failpoint"], first["resilience.attempt"], first["error.type"]) == (
        "Redis.connect", 1, "ConnectionError",
    )  # fmt: skip
    assert "hunter2" not in first["exception.message"]


def test_giving_up_is_an_event_with_its_reason(reader, spans):
    """The last event of a call that gives up names outcome and reason."""
    tracer, exporter = spans
    with tracer.start_as_current_span("request"), pytest.raises(ConnectionError):
        connect_after(9)()
    (span,) = exporter.get_finished_spans()
    assert span.events[-1].name == "resilience.gave_up"
    assert span.events[-1].attributes["resilience.reason"] == "attempts"


def test_metrics_count_calls_failures_and_waits(reader):
    """The counters and the histogram say what happened, without attempt numbers or messages."""
    connect_after(2)()
    (calls,) = points(reader, "resilience.calls")
    assert (calls.value, calls.attributes["resilience.outcome"]) == (1, "recovered")
    (failed,) = points(reader, "resilience.failed_attempts")
    assert (failed.value, dict(failed.attributes)) == (
        2, {"resilience.failpoint": "Redis.connect", "error.type": "ConnectionError"},
    )  # fmt: skip
    (waits,) = points(reader, "resilience.wait")
    assert waits.count == 2


def test_log_records_carry_the_active_trace(reader, spans, caplog):
    """A line that is written inside a span carries the id of its trace, and one outside carries None."""
    tracer, exporter = spans
    with tracer.start_as_current_span("request"):
        connect_after(1)()
    connect_after(1)()
    (span,) = exporter.get_finished_spans()
    inside, outside = (record for record in caplog.records if record.levelname == "WARNING")
    assert inside.trace_id == trace.format_trace_id(span.context.trace_id)
    assert outside.trace_id is None
