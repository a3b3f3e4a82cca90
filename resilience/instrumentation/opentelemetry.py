"""OpenTelemetry span events and metrics of retried calls (extra ``opentelemetry``).

The span that is active where the call is made gets an event for each failed attempt and one for each end that is no
plain success. Its attributes follow the style of the semantic conventions: ``error.type``, ``exception.message``, and
``resilience.`` for what they have no name for.

===================================  =========  ====  =====================================================
``resilience.calls``                 counter          ``resilience.failpoint``, ``.outcome``, ``.reason``
``resilience.failed_attempts``       counter          ``resilience.failpoint``, ``error.type``
``resilience.wait``                  histogram  s     ``resilience.failpoint``
``resilience.alerts``                counter          ``resilience.result``: delivered, failed, suppressed
                                                      or recovery_delivered
``resilience.alerting_changes``      counter          ``resilience.change``: alert_refused, no_webhook,
                                                      window_shared or window_not_shared
===================================  =========  ====  =====================================================

Attribute sets of metrics stay bounded: no attempt number, no message, and of each attribute the first 500 values.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import final

from resilience.errors import MissingExtraError
from resilience.events import AttemptFailed, CallEnded, Event
from resilience.instrumentation._fields import (
    ALERT_RESULTS,
    BoundedLabel,
    ends_with_a_failed_attempt,
    error_fields,
    name_of_change,
)
from resilience.instrumentation._installing import Reporter, install_once
from resilience.redact import type_name

__all__ = ["install"]

try:
    from opentelemetry import metrics, trace
except ImportError as missing:
    raise MissingExtraError("tracing calls with OpenTelemetry", extra="opentelemetry") from missing

_Attributes = Mapping[str, str | int | float]


def install(meter_provider: metrics.MeterProvider | None = None) -> Callable[[], None]:
    """Report what happens from now on; the returned function ends that.

    Where it is installed for this provider already, nothing is done, and the function is the same.

    Args:
        meter_provider: What makes the meter. Default: the global one of OpenTelemetry. Spans are those of the program.

    Raises:
        TypeError: It is no provider.

    Example:
        ``opentelemetry.install()`` where the program starts, after the providers of OpenTelemetry are set
    """
    if not isinstance(meter_provider, metrics.MeterProvider | None):
        raise TypeError(f"meter_provider must be an opentelemetry.metrics.MeterProvider, got {meter_provider!r}")
    return install_once("opentelemetry", meter_provider, lambda: _Reporter(meter_provider))


@final
class _Reporter(Reporter):
    def __init__(self, meter_provider: metrics.MeterProvider | None) -> None:
        meter = metrics.get_meter("resilience", meter_provider=meter_provider)
        self._failpoint = BoundedLabel()
        self._error_type = BoundedLabel()
        self._calls = meter.create_counter("resilience.calls", unit="{call}", description="Calls that ended.")
        self._failed_attempts = meter.create_counter(
            "resilience.failed_attempts", unit="{attempt}", description="Attempts that failed."
        )
        self._wait = meter.create_histogram("resilience.wait", unit="s", description="Waits before another attempt.")
        self._alerts = meter.create_counter(
            "resilience.alerts", unit="{alert}", description="Alerts, by what became of them."
        )
        self._alerting_changes = meter.create_counter(
            "resilience.alerting_changes", unit="{change}", description="What happened to alerting itself."
        )

    def attempt_failed(self, event: AttemptFailed) -> None:
        self._failure(event)
        self._wait.record(event.wait_s, {"resilience.failpoint": self._failpoint(event.call.failpoint)})
        attempt: _Attributes = {
            "resilience.failpoint": event.call.failpoint,
            "resilience.attempt": event.attempt,
            "resilience.wait": event.wait_s,
        }
        _add_event("resilience.attempt_failed", {**attempt, **_exception(event)})

    def call_ended(self, event: CallEnded) -> None:
        attributes = {
            "resilience.failpoint": self._failpoint(event.call.failpoint),
            "resilience.outcome": event.outcome,
            "resilience.reason": event.reason or "",
        }
        self._calls.add(1, attributes)
        if event.outcome == "succeeded":
            return
        if ends_with_a_failed_attempt(event):
            self._failure(event)
        ended: _Attributes = {**attributes, "resilience.attempt": event.attempts}
        _add_event(f"resilience.{event.outcome}", {**ended, **_exception(event)})

    def alert(self, event: Event) -> None:
        self._alerts.add(1, {"resilience.result": ALERT_RESULTS[type(event)]})

    def alerting_changed(self, event: Event) -> None:
        name, problem = name_of_change(event), getattr(event, "problem", None)
        self._alerting_changes.add(1, {"resilience.change": name})
        _add_event(f"resilience.{name}", {} if problem is None else {"resilience.problem": problem})

    def _failure(self, event: AttemptFailed | CallEnded) -> None:
        if event.error is not None:
            failpoint = self._failpoint(event.call.failpoint)
            error_type = self._error_type(type_name(event.error))
            self._failed_attempts.add(1, {"resilience.failpoint": failpoint, "error.type": error_type})


def _exception(event: AttemptFailed | CallEnded) -> _Attributes:
    fields = error_fields(event)
    return {"error.type": fields["error_type"], "exception.message": fields["error_message"]} if fields else {}


def _add_event(name: str, attributes: _Attributes) -> None:
    span = trace.get_current_span()
    if span.is_recording():
        span.add_event(name, attributes)
