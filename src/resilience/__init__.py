"""Retry decorators with a log contract and rate-limited alerts.

>>> from resilience import create_retry_decorator
>>> @create_retry_decorator(max_attempts=3)
... def fetch() -> str:
...     return "ok"
>>> fetch()
'ok'
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from resilience import log as _log
from resilience._deadline import time_left
from resilience._lazy import exports as _exports
from resilience.alerts import listener as _alerts
from resilience.config import configure
from resilience.decorators import conn_retry, continuous_retry, create_retry_decorator, func_retry
from resilience.engine import wait_equal_jitter
from resilience.errors import MissingExtraError
from resilience.events import stream as _stream
from resilience.failpoints import failpoint
from resilience.log import log_prefix
from resilience.policy import EXCESSIVE_RETRY_THRESHOLD

if TYPE_CHECKING:
    from resilience.alerts import ALERT_RATE_LIMIT_SECONDS, send_rate_limited_discord_alert, should_send_alert

__all__ = [
    "ALERT_RATE_LIMIT_SECONDS",
    "EXCESSIVE_RETRY_THRESHOLD",
    "MissingExtraError",
    "configure",
    "conn_retry",
    "continuous_retry",
    "create_retry_decorator",
    "failpoint",
    "func_retry",
    "log_prefix",
    "send_rate_limited_discord_alert",
    "should_send_alert",
    "subscribe",
    "time_left",
    "wait_equal_jitter",
]

subscribe = _stream.subscribe

_log.install()
_alerts.install()


_find = _exports(
    __name__,
    {
        "ALERT_RATE_LIMIT_SECONDS": "alerts.limiter",
        "send_rate_limited_discord_alert": "alerts.by_hand",
        "should_send_alert": "alerts.by_hand",
    },
)


def __getattr__(name: str) -> Any:
    if name == "__version__":
        from importlib.metadata import version

        return version("pytest-resilience")
    return _find(name)
