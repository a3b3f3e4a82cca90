"""Structured log lines of retried calls through structlog (extra ``structlog``).

They come in addition to the lines of the logger ``resilience``, with the same facts as fields: ``attempt_failed``,
``recovered``, ``gave_up``, ``cancelled``, ``alert_delivered``, ``alert_suppressed``, ``alert_failed``,
``alert_refused``, ``recovery_delivered``, ``no_webhook``, ``window_shared``, ``window_not_shared``. Context that was
bound with ``structlog.contextvars`` is in them as in every other line.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, final

from resilience.errors import MissingExtraError
from resilience.events import (
    AlertDelivered,
    AlertFailed,
    AlertSuppressed,
    AttemptFailed,
    CallEnded,
    Event,
    RecoveryDelivered,
)
from resilience.instrumentation._fields import error_fields, name_of_change
from resilience.instrumentation._installing import Reporter, install_once

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
    return install_once("structlog", logger, lambda: _Reporter(logger), every_call=False)


@final
class _Reporter(Reporter):
    def __init__(self, logger: Any) -> None:
        self._log = structlog.get_logger("resilience") if logger is None else logger

    def attempt_failed(self, event: AttemptFailed) -> None:
        fields = {**_place(event), "attempt": event.attempt, "wait_s": event.wait_s, **error_fields(event)}
        self._log.warning("attempt_failed", **fields)

    def call_ended(self, event: CallEnded) -> None:
        if event.outcome == "succeeded":
            return
        log, failed = self._log, event.outcome == "gave_up" and not event.foreseen
        write = log.error if failed else log.debug if event.outcome == "cancelled" else log.info
        fields = {**_place(event), "attempts": event.attempts, "reason": event.reason, **error_fields(event)}
        write(event.outcome, **fields)

    def alert(self, event: AlertDelivered | AlertFailed | AlertSuppressed | RecoveryDelivered) -> None:
        match event:
            case AlertFailed(problem=problem):
                self._log.error("alert_failed", problem=problem)
            case AlertDelivered(attempt=attempt):
                self._log.critical("alert_delivered", **_place(event), attempt=attempt)
            case AlertSuppressed(attempt=attempt):
                self._log.info("alert_suppressed", **_place(event), attempt=attempt)
            case RecoveryDelivered(attempt=attempt):
                self._log.info("recovery_delivered", **_place(event), attempt=attempt)

    def alerting_changed(self, event: Event) -> None:
        name, problem = name_of_change(event), getattr(event, "problem", None)
        write = self._log.info if name == "window_shared" else self._log.warning
        write(name, **({} if problem is None else {"problem": problem}))


def _place(event: AttemptFailed | CallEnded | AlertDelivered | AlertSuppressed | RecoveryDelivered) -> dict[str, Any]:
    return {"failpoint": event.call.failpoint, "conn_id": event.call.conn_id}
