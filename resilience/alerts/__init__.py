"""Alerts: at most one per error signature and window, delivered without anybody waiting for it.

Failing calls alert by themselves, according to the policy of their decorator.
By hand: `send_rate_limited_discord_alert`.

What is named here is loaded when it is first used: most programs never send an alert.
"""

from __future__ import annotations

import functools
from typing import TYPE_CHECKING, Final

from resilience._support.lazy import exported as _exported

if TYPE_CHECKING:
    from resilience._alerts.admission.limiter import ALERT_RATE_LIMIT_SECONDS as ALERT_RATE_LIMIT_SECONDS
    from resilience._alerts.by_hand import send_rate_limited_discord_alert as send_rate_limited_discord_alert
    from resilience._alerts.by_hand import should_send_alert as should_send_alert
    from resilience._alerts.system import flush as flush
    from resilience._alerts.system import isolated as isolated
    from resilience.alerts.notifier import Alert as Alert
    from resilience.alerts.notifier import Notifier as Notifier

_LATE: Final = {
    "resilience._alerts.admission.limiter": "ALERT_RATE_LIMIT_SECONDS",
    "resilience._alerts.by_hand": "send_rate_limited_discord_alert should_send_alert",
    "resilience._alerts.system": "flush isolated",
    "resilience.alerts.notifier": "Alert Notifier",
}
if not TYPE_CHECKING:  # type checkers read the imports above
    __all__ = [*sorted(" ".join(_LATE.values()).split())]

__getattr__ = functools.partial(_exported, __name__, _LATE)
