"""The one stream that everything in production is reported on.

The engine emits events and knows none of its listeners; logging, alerting, metrics and the test plugin's timeline
subscribe, so they can never disagree about what happened.

A listener runs in the thread (or task) that caused the event, before the call goes on: it must be quick. One that
raises is logged once and removed; it can't hurt a call. What is not the listener's fault removes none: a stack or a
memory that is full, or the exception of a signal handler that struck in it, which is passed on to the caller.
"""

from __future__ import annotations

import functools
from typing import TYPE_CHECKING, Final

from resilience._events import (
    AttemptFailed,
    Call,
    CallEnded,
    CallStarted,
    Event,
    EventStream,
    FaultInjected,
    Listener,
    ListenerRemoved,
    Outcome,
    Reason,
    stream,
)
from resilience._support.lazy import exported as _exported
from resilience._support.lazy import publish as _publish

if TYPE_CHECKING:
    from resilience._alerts.events import (
        AlertDelivered,
        AlertFailed,
        AlertRefused,
        AlertSuppressed,
        NoWebhook,
        RecoveryDelivered,
        WindowShared,
    )

__all__ = [
    "AlertDelivered",
    "AlertFailed",
    "AlertRefused",
    "AlertSuppressed",
    "AttemptFailed",
    "Call",
    "CallEnded",
    "CallStarted",
    "Event",
    "EventStream",
    "FaultInjected",
    "Listener",
    "ListenerRemoved",
    "NoWebhook",
    "Outcome",
    "Reason",
    "RecoveryDelivered",
    "WindowShared",
    "stream",
]

_publish(__name__, __all__)

_LATE: Final = {
    "resilience._alerts.events": (
        "AlertDelivered AlertFailed AlertRefused AlertSuppressed NoWebhook RecoveryDelivered WindowShared"
    )
}
__getattr__ = functools.partial(_exported, __name__, _LATE)
