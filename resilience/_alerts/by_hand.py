"""Alerting by hand: the two functions for code that no decorator alerts for."""

from __future__ import annotations

from resilience._alerts.admission.limiter import signature_of
from resilience._alerts.system import current
from resilience.events import AlertFailed, stream
from resilience.redact import message_of, type_name


def should_send_alert(func_name: str, exception: BaseException, context: str = "") -> bool:
    """Tell whether an error may alert now, and if so, take the alert of its window.

    True the first time, and again when `ALERT_RATE_LIMIT_SECONDS` have passed since it last was. Errors are the same
    where context, function, type and the first 100 characters of the message are. Atomic under threads and tasks, and
    in the whole fleet where ``redis_url`` is configured; then it may wait for Redis for a moment.

    Example:
        ::

            if should_send_alert("charge", error, "billing"):
                page_somebody(error)
    """
    return current().claim(signature_of(func_name, exception, context))


def send_rate_limited_discord_alert(
    func_name: str, exception: BaseException, context: str, alert_msg: str, channel: str | None = None
) -> bool:
    """Send an alert in your own words, unless its window is taken, and wait until it is delivered.

    It blocks as long as that takes, retries and rate limits included, at most for three minutes: call it where that is
    all right, and not in an event loop. Nothing that goes wrong is raised. A failed delivery is logged and keeps its
    window.

    Args:
        func_name: What failed; with the other two, the signature: see `should_send_alert`.
        exception: How it failed.
        context: Where it failed; may be empty.
        alert_msg: The text. It is redacted, cut to what fits, and can't ping anybody.
        channel: A name from ``configure(discord_channels=...)``; None for the default webhook.

    Returns:
        True once delivered; false when held back by the window or the storm cap, when it failed, which is logged, or
        without a webhook.
    """
    try:
        if channel is not None and not isinstance(channel, str):
            raise TypeError(f"channel must be a str, got {channel!r}")
        return current().alert_by_hand(func_name, exception, context, alert_msg, channel)
    except Exception as problem:  # noqa: BLE001  # whoever alerts has trouble enough
        stream.emit(AlertFailed(problem=f"{type_name(problem)}: {message_of(problem)}"))
        return False
