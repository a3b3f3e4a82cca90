"""Alerting by hand: the two functions for code that no decorator alerts for."""

from __future__ import annotations

import functools
from typing import TYPE_CHECKING, Final

from resilience._alerts.admission.admission import Claim
from resilience._alerts.admission.limiter import signature_of
from resilience._alerts.call_alert import alert_of
from resilience._alerts.delivery.queued_alert import QueuedAlert
from resilience._alerts.events import AlertFailed
from resilience._alerts.system import current
from resilience._alerts.texts import failure_of, text_by_hand
from resilience._events import stream
from resilience._support.signals import raised_by_signal_handler
from resilience.redact import summary_of

if TYPE_CHECKING:
    from resilience.alerts.notifier import Alert

_LONGEST_WAIT_S: Final = 180.0  # the patience of a line, and a minute for the exchanges themselves


def should_send_alert(func_name: str, exception: BaseException, context: str = "") -> bool:
    """Tell whether an error may alert now, and if so, take the alert of its window.

    For alerts that something else than this package sends. Atomic under threads and tasks, and in the whole fleet
    where ``redis_url`` is configured; then it may wait for Redis for a moment (half a second where Redis is down).

    Args:
        func_name: What failed.
        exception: How it failed: its type and the first 100 characters of its message count.
        context: Where it failed; may be empty. Errors are the same where all three are.

    Returns:
        True the first time, and again when `ALERT_RATE_LIMIT_SECONDS` (300) have passed since it last was.

    Example:
        ::

            if should_send_alert("charge", error, "billing"):
                page_the_engineer_on_call(error)
    """
    return current().admission.grants(signature_of(func_name, exception, context))


def send_rate_limited_discord_alert(
    func_name: str, exception: BaseException, context: str, alert_msg: str, channel: str | None = None
) -> bool:
    """Send an alert in your own words, unless its window is taken, and wait until it is delivered.

    It blocks as long as that takes, retries and rate limits included, at most for three minutes: call it where that is
    all right, and not in an event loop. Nothing that goes wrong is raised, not even wrong arguments, but only what a
    signal handler raises. A failed delivery is logged and keeps its window.

    Args:
        func_name: What failed; with the other two, the signature: see `should_send_alert`.
        exception: How it failed.
        context: Where it failed; may be empty.
        alert_msg: The text. It is redacted, cut to what fits, and can't ping anybody.
        channel: A name from ``configure(discord_channels=...)``; None for the default webhook.

    Returns:
        True once delivered; false when held back by the window or the storm cap, when it failed, which is logged, or
        without a webhook.

    Example:
        ::

            try:
                settle(batch)
            except SettlementError as error:
                send_rate_limited_discord_alert("settle", error, "billing", f"Batch {batch.id} is not settled: {error}")
                raise
    """
    try:
        if channel is not None and not isinstance(channel, str):
            raise TypeError(f"channel must be a str, got {channel!r}")
        system = current()
        claim = Claim(system.admission, signature_of(func_name, exception, context), place=f"{context}:{func_name}")
        failure = failure_of(exception)  # its words alone: the error and its frames need not live on

        def write(suppressed: int) -> Alert:
            text = functools.partial(text_by_hand, alert_msg, func_name, failure, suppressed=suppressed)
            return alert_of(text, func_name, context, failure.error_type, channel)

        alert = QueuedAlert(claim, write)
        if not system.send(alert, channel):
            return False
        reached = system.dispatcher.wait(alert, _LONGEST_WAIT_S)
        if not alert.settled.is_open:
            stream.emit(AlertFailed(problem=f"it was not delivered within {_LONGEST_WAIT_S:.0f} s"))
        return reached
    except Exception as problem:  # in an error handler, another error would hide the first
        if raised_by_signal_handler(problem):
            raise
        stream.emit(AlertFailed(problem=summary_of(problem)))
        return False
