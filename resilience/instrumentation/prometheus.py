"""Prometheus metrics of retried calls (extra ``prometheus``).

========================================  =========  ==========================================
``resilience_calls_total``                counter    ``failpoint``, ``outcome``, ``reason``
``resilience_failed_attempts_total``      counter    ``failpoint``, ``error_type``
``resilience_wait_seconds``               histogram  ``failpoint``
``resilience_alerts_total``               counter    ``result``: delivered, failed, suppressed or
                                                     recovery_delivered
``resilience_alerting_changes_total``     counter    ``change``: alert_refused, no_webhook,
                                                     window_shared or window_not_shared
========================================  =========  ==========================================

Label sets stay bounded: no attempt number, no message, and of each other label the first 500 values.
"""

from __future__ import annotations

import contextlib
from collections.abc import Callable
from typing import Final, final

from resilience.errors import MissingExtraError
from resilience.events import AttemptFailed, CallEnded, Event
from resilience.instrumentation._fields import ALERT_RESULTS, BoundedLabel, ends_with_a_failed_attempt, name_of_change
from resilience.instrumentation._installing import Reporter, install_once
from resilience.redact import type_name

__all__ = ["install"]

try:
    from prometheus_client import REGISTRY, CollectorRegistry, Counter, Histogram
except ImportError as missing:
    raise MissingExtraError("counting calls for Prometheus", extra="prometheus") from missing

_BUCKETS: Final = (0.1, 0.5, 1, 2, 4, 8, 16, 30, 60, 300, 3600)  # the doubling waits, their caps, and long Retry-After


def install(registry: CollectorRegistry = REGISTRY) -> Callable[[], None]:
    """Count what happens from now on; the returned function ends that and takes the metrics out of the registry.

    Where it is installed in this registry already, nothing is done, and the function is the same.

    Args:
        registry: Where the metrics are registered. Default: the global one of ``prometheus_client``.

    Raises:
        TypeError: It is no registry.
        ValueError: The registry has other metrics of these names; none is left in it.

    Example:
        ``prometheus.install()`` where the program starts, beside ``prometheus_client.start_http_server(9000)``
    """
    if not isinstance(registry, CollectorRegistry):
        raise TypeError(f"registry must be a prometheus_client.CollectorRegistry, got {registry!r}")
    return install_once("prometheus", registry, lambda: _Metrics(registry))


@final
class _Metrics(Reporter):
    def __init__(self, registry: CollectorRegistry) -> None:
        self._registry = registry
        self._failpoint = BoundedLabel()
        self._error_type = BoundedLabel()
        self._calls = Counter(
            "resilience_calls", "Calls that ended.", ("failpoint", "outcome", "reason"), registry=None
        )
        self._failed_attempts = Counter(
            "resilience_failed_attempts", "Attempts that failed.", ("failpoint", "error_type"), registry=None
        )
        self._wait = Histogram(
            "resilience_wait_seconds", "Waits before another attempt.", ("failpoint",), buckets=_BUCKETS, registry=None
        )
        self._alerts = Counter("resilience_alerts", "Alerts, by what became of them.", ("result",), registry=None)
        self._alerting_changes = Counter(
            "resilience_alerting_changes", "What happened to alerting itself.", ("change",), registry=None
        )
        self._all = (self._calls, self._failed_attempts, self._wait, self._alerts, self._alerting_changes)
        with contextlib.ExitStack() as registered:  # all of them, or none
            for each in self._all:
                registry.register(each)
                registered.callback(registry.unregister, each)
            registered.pop_all()

    def attempt_failed(self, event: AttemptFailed) -> None:
        failpoint = self._failpoint(event.call.failpoint)
        self._failed_attempts.labels(failpoint, self._error_type(type_name(event.error))).inc()
        self._wait.labels(failpoint).observe(event.wait_s)

    def call_ended(self, event: CallEnded) -> None:
        failpoint = self._failpoint(event.call.failpoint)
        self._calls.labels(failpoint, event.outcome, event.reason or "").inc()
        if event.error is not None and ends_with_a_failed_attempt(event):
            self._failed_attempts.labels(failpoint, self._error_type(type_name(event.error))).inc()

    def alert(self, event: Event) -> None:
        self._alerts.labels(ALERT_RESULTS[type(event)]).inc()

    def alerting_changed(self, event: Event) -> None:
        self._alerting_changes.labels(name_of_change(event)).inc()

    def close(self) -> None:
        """Take the metrics out of the registry."""
        for each in self._all:
            self._registry.unregister(each)
