"""Alerts: at most one per error signature and window, delivered without anybody waiting for it.

Failing calls alert by themselves, according to the policy of their decorator.
By hand: `send_rate_limited_discord_alert`.

What is named here is loaded when it is first used: most programs never send an alert.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from resilience._support.lazy import exports

if TYPE_CHECKING:
    from resilience._alerts.admission.limiter import ALERT_RATE_LIMIT_SECONDS
    from resilience._alerts.by_hand import send_rate_limited_discord_alert, should_send_alert
    from resilience._alerts.system import flush, isolated
    from resilience.alerts.notifier import Alert, Notifier

__all__ = [
    "ALERT_RATE_LIMIT_SECONDS",
    "Alert",
    "Notifier",
    "flush",
    "isolated",
    "send_rate_limited_discord_alert",
    "should_send_alert",
]

__getattr__ = exports(
    __name__,
    {
        "ALERT_RATE_LIMIT_SECONDS": "resilience._alerts.admission.limiter",
        "Alert": "resilience.alerts.notifier",
        "Notifier": "resilience.alerts.notifier",
        "flush": "resilience._alerts.system",
        "isolated": "resilience._alerts.system",
        "send_rate_limited_discord_alert": "resilience._alerts.by_hand",
        "should_send_alert": "resilience._alerts.by_hand",
    },
)
