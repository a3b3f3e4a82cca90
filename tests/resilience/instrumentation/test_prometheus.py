"""Prometheus metrics, read back from a real registry."""

from __future__ import annotations

from dataclasses import replace

import pytest
import tenacity
from prometheus_client import CollectorRegistry

from resilience import conn_retry, create_retry_decorator
from resilience.events import AlertFailed, AttemptFailed, CallEnded, stream
from resilience.instrumentation import prometheus


@pytest.fixture
def registry():
    """Give a registry of its own, on which the metrics are installed."""
    registry = CollectorRegistry()
    uninstall = prometheus.install(registry)
    yield registry
    uninstall()


def failing(times):
    failures = iter([ConnectionError(f"attempt {n}") for n in range(times)])

    @conn_retry("Redis", "connect", max_retry=5, wait=tenacity.wait_none())
    def connect():
        for failure in failures:
            raise failure
        return "connected"

    return connect


def test_a_recovered_call_is_counted_with_its_failed_attempts_and_waits(registry):
    """A call that recovers counts one call, its failures by type, and one wait for each of them."""
    failing(2)()
    labels = {"failpoint": "Redis.connect"}
    assert registry.get_sample_value("resilience_calls_total", {**labels, "outcome": "recovered", "reason": ""}) == 1.0
    assert (
        registry.get_sample_value("resilience_failed_attempts_total", {**labels, "error_type": "ConnectionError"})
        == 2.0
    )
    assert registry.get_sample_value("resilience_wait_seconds_count", labels) == 2.0


def test_the_last_failure_of_a_call_that_gives_up_is_counted_too(registry):
    """Giving up after six attempts counts six failed attempts, and the reason of the end."""
    with pytest.raises(ConnectionError):
        failing(6)()
    labels = {"failpoint": "Redis.connect"}
    assert (
        registry.get_sample_value("resilience_calls_total", {**labels, "outcome": "gave_up", "reason": "attempts"})
        == 1.0
    )
    assert (
        registry.get_sample_value("resilience_failed_attempts_total", {**labels, "error_type": "ConnectionError"})
        == 6.0
    )


def test_calls_that_succeed_at_once_are_counted(registry):
    """While metrics are installed no call is made without a word, also where it succeeds at once."""
    connect = failing(0)
    for _ in range(3):
        connect()
    labels = {"failpoint": "Redis.connect", "outcome": "succeeded", "reason": ""}
    assert registry.get_sample_value("resilience_calls_total", labels) == 3.0


def test_alerts_are_counted_by_what_became_of_them(registry):
    """An alert that fails counts under its result."""
    stream.emit(AlertFailed("no route to host"))
    assert registry.get_sample_value("resilience_alerts_total", {"result": "failed"}) == 1.0


def test_label_sets_stay_bounded(registry):
    """Failpoints without end share the value ``other`` once 500 are known, and no message is ever a label."""

    def fail():
        raise ValueError("with a message that must not become a label")

    recorded = []
    end = stream.subscribe(recorded.append, AttemptFailed, CallEnded)
    with pytest.raises(ValueError, match="with a message"):
        conn_retry("Host", "ping", max_retry=0)(fail)()
    end()
    for number in range(510):
        for event in recorded:
            stream.emit(replace(event, call=replace(event.call, failpoint=f"Host{number}.ping")))
    calls = next(metric for metric in registry.collect() if metric.name == "resilience_calls")
    failpoints = {sample.labels["failpoint"] for sample in calls.samples}
    assert len(failpoints) == 501
    assert "other" in failpoints
    assert not any(
        "message" in value for metric in registry.collect() for s in metric.samples for value in s.labels.values()
    )


def test_uninstalling_frees_the_registry_and_the_direct_call():
    """After the uninstall the same registry takes a new installation, and nobody observes calls any more."""
    registry = CollectorRegistry()
    before = stream.observed
    for _ in range(2):
        uninstall = prometheus.install(registry)
        assert stream.observed
        uninstall()
        uninstall()
    assert stream.observed is before


def test_a_call_counts_the_same_when_another_listener_raises(registry):
    """A listener that raises is removed and takes no count with it."""

    def broken(event):
        raise RuntimeError("broken listener")

    from resilience.events import AttemptFailed

    stream.subscribe(broken, AttemptFailed)
    with pytest.raises(OSError, match="down"):
        create_retry_decorator(max_attempts=2, wait=tenacity.wait_none())(_down)()
    assert any(
        sample.value == 2.0
        for metric in registry.collect()
        if metric.name == "resilience_failed_attempts"
        for sample in metric.samples
        if sample.name.endswith("_total")
    )


def _down():
    raise OSError("down")
