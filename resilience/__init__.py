"""Retry decorators with a log contract and rate-limited alerts.

>>> from resilience import create_retry_decorator
>>> @create_retry_decorator(max_attempts=3)
... def fetch() -> str:
...     return "ok"
>>> fetch()
'ok'

PYTEST_DONT_REWRITE: pytest need not explain assertions here, nor warn that it can't where this is imported before it.
"""

from __future__ import annotations

from os import environ as _environ
from typing import TYPE_CHECKING, Any, Final

from resilience import _log
from resilience import alerts as alerts  # so that `resilience.alerts.flush` needs no import of its own
from resilience._alerts.admission import listener as _alert_listener
from resilience._config import configure
from resilience._decorators import conn_retry, continuous_retry, create_retry_decorator, func_retry
from resilience._engine import wait_equal_jitter
from resilience._engine.deadline import time_left
from resilience._engine.stopping import resume_retry_loops, stop_retry_loops
from resilience._failpoints.table import failpoint
from resilience._log import log_prefix
from resilience._policy import EXCESSIVE_RETRY_THRESHOLD
from resilience._support.lazy import exported as _exported
from resilience._support.lazy import publish as _publish
from resilience.errors import MissingExtraError
from resilience.events import stream as _stream

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
    "resume_retry_loops",
    "send_rate_limited_discord_alert",
    "should_send_alert",
    "stop_retry_loops",
    "subscribe",
    "time_left",
    "wait_equal_jitter",
]

subscribe = _stream.subscribe

_publish(__name__, __all__)
_log.install()
_alert_listener.install()

if "RESILIENCE_FAILPOINTS" in _environ:
    from resilience._failpoints.processes.plan import arm_plan as _arm_plan

    _arm_plan(_environ["RESILIENCE_FAILPOINTS"])

if "RESILIENCE_FAULTS" in _environ:
    from resilience._failpoints.processes.remote import join_test as _join_test

    _join_test(_environ["RESILIENCE_FAULTS"])

_LATE: Final = {"resilience.alerts": "ALERT_RATE_LIMIT_SECONDS send_rate_limited_discord_alert should_send_alert"}


def __getattr__(name: str) -> Any:
    if name == "__version__":
        from importlib.metadata import PackageNotFoundError, version

        try:
            return version("pytest-resilience")
        except PackageNotFoundError:  # the folder alone was copied, or bundled
            raise AttributeError(f"module {__name__!r} has no attribute {name!r}: it is not installed") from None
    return _exported(__name__, _LATE, name)
