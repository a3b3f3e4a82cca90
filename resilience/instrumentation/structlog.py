"""Structured log lines of retried calls through structlog (extra ``structlog``).

They come in addition to the lines of the logger ``resilience``, with the same facts as fields: ``attempt_failed``,
``recovered``, ``gave_up``, ``cancelled``, ``alert_delivered``, ``alert_suppressed``, ``alert_failed``,
``alert_refused``, ``recovery_delivered``, ``no_webhook``, ``window_shared``, ``window_not_shared``. Context that was
bound with ``structlog.contextvars`` is in them as in every other line.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from resilience.errors import MissingExtraError
from resilience.events import (
    AlertDelivered,
    AlertFailed,
    AlertSuppressed,
    AttemptFailed,
    CallEnded,
    Event,
    RecoveryDelivered,
    stream,
)
from resilience.instrumentation._fields import ALERTING_CHANGES, error_fields, name_of_change
from resilience.instrumentation._installing import install_once

__all__ = ["install"]

try:
    import structlog
except ImportError as missing:
    raise MissingExtraError("logging calls with structlog", extra="structlog") from missing


def install(logger: Any = None) -> Callable[[], None]:
    """Log what happens from now on; the returned function ends that.

    Where it is installed for this logger already, nothing is done, and the function is the same.

    Args:
        logger: A structlog logger; without one, ``structlog.get_logger("resilience")``.

    Example:
        ``structlog.install()`` where the program starts, after ``structlog.configure(...)``
    """
    return install_once("structlog", logger, lambda: _listen(logger))


def _listen(logger: Any) -> list[Callable[[], None]]:
    log = structlog.get_logger("resilience") if logger is None else logger

    def attempt_failed(event: AttemptFailed) -> None:
        log.warning(
            "attempt_failed", **_place(event), attempt=event.attempt, wait_s=event.wait_s, **error_fields(event)
        )

    def call_ended(event: CallEnded) -> None:
        if event.outcome == "succeeded":
            return
        fields = {**_place(event), "attempts": event.attempts, "reason": event.reason, **error_fields(event)}
        failed = event.outcome == "gave_up" and not event.foreseen
        write = log.error if failed else log.debug if event.outcome == "cancelled" else log.info
        write(event.outcome, **fields)

    def alert_delivered(event: AlertDelivered) -> None:
        log.critical("alert_delivered", **_place(event), attempt=event.attempt)

    def recovery_delivered(event: RecoveryDelivered) -> None:
        log.info("recovery_delivered", **_place(event), attempt=event.attempt)

    def alert_suppressed(event: AlertSuppressed) -> None:
        log.info("alert_suppressed", **_place(event), attempt=event.attempt)

    def alert_failed(event: AlertFailed) -> None:
        log.error("alert_failed", problem=event.problem)

    def alerting_changed(event: Event) -> None:
        name, problem = name_of_change(event), getattr(event, "problem", None)
        write = log.info if name == "window_shared" else log.warning
        write(name, **({} if problem is None else {"problem": problem}))

    return [
        stream.subscribe(attempt_failed, AttemptFailed),
        stream.subscribe(call_ended, CallEnded, every_call=False),
        stream.subscribe(alert_delivered, AlertDelivered),
        stream.subscribe(recovery_delivered, RecoveryDelivered),
        stream.subscribe(alert_suppressed, AlertSuppressed),
        stream.subscribe(alert_failed, AlertFailed),
        stream.subscribe(alerting_changed, *ALERTING_CHANGES),
    ]


def _place(event: AttemptFailed | CallEnded | AlertDelivered | AlertSuppressed | RecoveryDelivered) -> dict[str, Any]:
    return {"failpoint": event.call.failpoint, "conn_id": event.call.conn_id}
