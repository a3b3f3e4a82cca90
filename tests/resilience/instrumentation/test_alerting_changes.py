"""What happens to alerting itself, as each listener of the event stream tells of it."""

from __future__ import annotations

import prometheus_client
import pytest
from opentelemetry.sdk.metrics import MeterProvider
from opentelemetry.sdk.metrics.export import InMemoryMetricReader
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter
from structlog.testing import capture_logs
from tenacity import wait_none

from resilience._policy import Policy
from resilience.events import AlertRefused, Call, NoWebhook, RecoveryDelivered, WindowShared, stream
from resilience.instrumentation import opentelemetry, prometheus, structlog

REFUSED = AlertRefused(problem="HTTP 400")
NO_WEBHOOK = NoWebhook()
NOT_SHARED = WindowShared(shared=False, problem="ConnectionError: refused")
SHARED = WindowShared(shared=True)

each_event = pytest.mark.parametrize(
    ("event", "name", "level", "problem", "text"),
    [
        (
            REFUSED,
            "alert_refused",
            "WARNING",
            "HTTP 400",
            "Discord refused an alert, which is sent without its details now: HTTP 400",
        ),
        (
            NO_WEBHOOK,
            "no_webhook",
            "WARNING",
            None,
            "An alert was due and is not sent, because there is no Discord webhook: set "
            "RESILIENCE_DISCORD_WEBHOOK_URL or call resilience.configure(discord_webhook_url=...)",
        ),
        (
            NoWebhook(reason="this is a test"),
            "no_webhook",
            "WARNING",
            None,
            "An alert was due and is not sent, because this is a test",
        ),
        (
            NOT_SHARED,
            "window_not_shared",
            "WARNING",
            "ConnectionError: refused",
            "The alert window is not shared with other processes for now, each keeps its own: ConnectionError: refused",
        ),
        (SHARED, "window_shared", "INFO", None, "The alert window is shared with other processes again"),
    ],
)


@each_event
def test_the_log_has_a_line_of_each(caplog, event, name, level, problem, text):
    """Each is one line of the logger ``resilience``, with the fields that all its records have."""
    caplog.set_level("INFO", "resilience")
    stream.emit(event)
    (record,) = caplog.records
    assert (record.name, record.levelname, record.getMessage()) == ("resilience", level, text)
    assert {"attempt", "failpoint", "conn_id", "error_type", "wait_s", "trace_id"} <= vars(record).keys()


@each_event
def test_structlog_has_a_line_of_each(event, name, level, problem, text):
    """Each is one line under its name, with the problem as a field where there is one."""
    with capture_logs() as lines:
        uninstall = structlog.install()
        stream.emit(event)
        uninstall()
        stream.emit(event)
    fields = {} if problem is None else {"problem": problem}
    assert lines == [{"event": name, "log_level": level.lower(), **fields}]


@each_event
def test_opentelemetry_counts_each_and_tells_the_active_span(event, name, level, problem, text):
    """Each is counted under its name, and is an event of the span in which it happens."""
    reader, exporter, tracing = InMemoryMetricReader(), InMemorySpanExporter(), TracerProvider()
    tracing.add_span_processor(SimpleSpanProcessor(exporter))
    metering = MeterProvider([reader])
    uninstall = opentelemetry.install(metering)
    with tracing.get_tracer("tests").start_as_current_span("request"):
        stream.emit(event)
    uninstall()
    (metric,) = reader.get_metrics_data().resource_metrics[0].scope_metrics[0].metrics
    metering.shutdown()
    tracing.shutdown()
    (point,) = metric.data.data_points
    assert (metric.name, point.value, dict(point.attributes)) == (
        "resilience.alerting_changes",
        1,
        {"resilience.change": name},
    )
    (span,) = exporter.get_finished_spans()
    fields = {} if problem is None else {"resilience.problem": problem}
    assert [(each.name, dict(each.attributes)) for each in span.events] == [(f"resilience.{name}", fields)]


@each_event
def test_prometheus_counts_each(event, name, level, problem, text):
    """Each is counted under its name; no problem is ever a label."""
    registry = prometheus_client.CollectorRegistry()
    uninstall = prometheus.install(registry)
    stream.emit(event)
    assert registry.get_sample_value("resilience_alerting_changes_total", {"change": name}) == 1.0
    uninstall()


def test_the_notice_of_a_recovery_is_counted_and_a_line():
    """A notice that was delivered counts beside the alerts, and is a line of structlog."""
    policy = Policy(kind="connection", max_attempts=3, resource="Redis", action="connect", wait=wait_none())
    notice = RecoveryDelivered(Call("Redis.connect", "connect", policy, "0", 0), 2)
    registry, reader = prometheus_client.CollectorRegistry(), InMemoryMetricReader()
    metering = MeterProvider([reader])
    with capture_logs() as lines:
        uninstalls = structlog.install(), prometheus.install(registry), opentelemetry.install(metering)
        stream.emit(notice)
        assert registry.get_sample_value("resilience_alerts_total", {"result": "recovery_delivered"}) == 1.0
        (metric,) = reader.get_metrics_data().resource_metrics[0].scope_metrics[0].metrics
        for uninstall in uninstalls:
            uninstall()
    metering.shutdown()
    assert lines == [
        {"event": "recovery_delivered", "log_level": "info", "failpoint": "Redis.connect", "conn_id": "0", "attempt": 2}
    ]
    assert [(metric.name, dict(point.attributes)) for point in metric.data.data_points] == [
        ("resilience.alerts", {"resilience.result": "recovery_delivered"})
    ]
