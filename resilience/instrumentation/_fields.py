"""What the backends have in common: the fields of an event, free of secrets, and label values that stay few."""

from __future__ import annotations

import threading
from typing import Final, final

from resilience.events import (
    AlertDelivered,
    AlertFailed,
    AlertRefused,
    AlertSuppressed,
    AttemptFailed,
    CallEnded,
    Event,
    NoWebhook,
    RecoveryDelivered,
    WindowShared,
)
from resilience.redact import clean, message_of, type_name

OTHER: Final = "other"
MOST_VALUES: Final = 500  # far more than a program has failpoints, and few enough for a server of metrics
ALERT_RESULTS: Final[dict[type[Event], str]] = {
    AlertDelivered: "delivered",
    AlertFailed: "failed",
    AlertSuppressed: "suppressed",
    RecoveryDelivered: "recovery_delivered",
}
ALERTING_CHANGES: Final[tuple[type[Event], ...]] = (AlertRefused, NoWebhook, WindowShared)
"""What happens to alerting itself, apart from the results of single alerts."""


@final
class BoundedLabel:
    """The values of one label: those that came first are kept, and all further ones become ``other``.

    A time series is never forgotten by the process that made it, so a label must not take values without end.
    """

    def __init__(self) -> None:
        self._values: set[str] = set()
        self._adding = threading.Lock()

    def __call__(self, value: str) -> str:
        value = clean(value, limit=200)
        if value in self._values:
            return value
        with self._adding:
            if value not in self._values and len(self._values) >= MOST_VALUES:
                return OTHER
            self._values.add(value)
        return value


def name_of_change(event: Event) -> str:
    if isinstance(event, WindowShared):
        return "window_shared" if event.shared else "window_not_shared"
    return "alert_refused" if isinstance(event, AlertRefused) else "no_webhook"


def error_fields(event: AttemptFailed | CallEnded) -> dict[str, str]:
    """Return type and message of the error of an event; nothing where it has none."""
    if event.error is None:
        return {}
    return {"error_type": type_name(event.error), "error_message": message_of(event.error)}


def ends_with_a_failed_attempt(event: CallEnded) -> bool:
    """Tell whether the end of a call is also the failure of an attempt, which no other event has told of."""
    return event.outcome == "gave_up" and event.reason != "stop_event"
