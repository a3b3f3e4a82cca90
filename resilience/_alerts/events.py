"""The events of alerting, and the lines that the log has of them: loaded when one of them is first named."""

from __future__ import annotations

import logging
from dataclasses import dataclass
from typing import Final

from resilience._events import Call, Event
from resilience._log import write_lines
from resilience._log_record import logger, write_record
from resilience.redact import clean

_NO_WEBHOOK: Final = (
    "there is no Discord webhook: set RESILIENCE_DISCORD_WEBHOOK_URL or call "
    "resilience.configure(discord_webhook_url=...)"
)


@dataclass(frozen=True, slots=True, eq=False)
class AlertDelivered(Event):
    """An alert for a failing call has reached its channel."""

    call: Call
    attempt: int


@dataclass(frozen=True, slots=True, eq=False)
class AlertFailed(Event):
    """An alert could not be delivered, for good.

    Attributes:
        problem: What went wrong, already free of secrets.
    """

    problem: str


@dataclass(frozen=True, slots=True, eq=False)
class AlertSuppressed(Event):
    """An alert was due and was held back by its window or by the storm cap."""

    call: Call
    attempt: int


@dataclass(frozen=True, slots=True, eq=False)
class RecoveryDelivered(Event):
    """A call that had alerted has recovered, and the notice of it has reached its channel.

    Attributes:
        attempt: The attempt that has succeeded.
    """

    call: Call
    attempt: int


@dataclass(frozen=True, slots=True, eq=False)
class AlertRefused(Event):
    """Discord refused to show what an alert says; the alert is sent without its details instead.

    Attributes:
        problem: Discord's answer, already free of secrets.
    """

    problem: str


@dataclass(frozen=True, slots=True, eq=False)
class NoWebhook(Event):
    """An alert was due and is not sent, because there is neither a webhook nor a notifier; told for the first one.

    Attributes:
        reason: Why there is none, where something keeps alerts from leaving: a test; else None.
    """

    reason: str | None = None


@dataclass(frozen=True, slots=True, eq=False)
class WindowShared(Event):
    """The alert window is no longer shared with other processes through Redis, or is shared again.

    Attributes:
        shared: Whether it is shared from now on. Where it is not, each process keeps a window of its own.
        problem: Why it is not shared, already free of secrets; None where it is.
    """

    shared: bool
    problem: str | None = None


def _alert_delivered(event: AlertDelivered) -> None:
    if not logger.isEnabledFor(logging.CRITICAL):
        return
    call, attempt = event.call, event.attempt
    if call.policy.kind == "connection":
        text, name = "INFRASTRUCTURE ALERT SENT: %s at %d attempts", call.policy.resource or ""
    else:
        text, name = "CRITICAL ALERT SENT: Operation %s at attempt %d", call.function
    write_record(logging.CRITICAL, call, text, clean(name), attempt, attempt=attempt)


def _alerting(event: AlertFailed | AlertRefused | NoWebhook | WindowShared) -> None:
    values: tuple[object, ...] = ()
    match event:
        case AlertFailed(problem=problem):
            level, text, values = logging.ERROR, "Failed to send Discord alert: %s", (problem,)
        case AlertRefused(problem=problem):
            text = "Discord refused an alert, which is sent without its details now: %s"
            level, values = logging.WARNING, (problem,)
        case NoWebhook(reason=reason):
            level, text = logging.WARNING, "An alert was due and is not sent, because %s"
            values = (reason or _NO_WEBHOOK,)
        case WindowShared(shared=True):
            level, text = logging.INFO, "The alert window is shared with other processes again"
        case WindowShared(problem=problem):
            text = "The alert window is not shared with other processes for now, each keeps its own: %s"
            level, values = logging.WARNING, (problem,)
    if logger.isEnabledFor(level):
        write_record(level, None, text, *values)


write_lines(
    "log of alerts",
    {
        AlertDelivered: _alert_delivered,
        AlertFailed: _alerting,
        AlertRefused: _alerting,
        NoWebhook: _alerting,
        WindowShared: _alerting,
    },
)
