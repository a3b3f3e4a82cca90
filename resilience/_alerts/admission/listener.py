"""When a failing call alerts: the listeners between the event stream and the alert system.

The alert system is loaded with the first alert: most programs never send one.
"""

from __future__ import annotations

import atexit
import functools
import sys
from collections.abc import Callable
from typing import TYPE_CHECKING, Final

from resilience import _config as config
from resilience._events import AttemptFailed, CallEnded, stream
from resilience._support.fork import importing
from resilience._support.signals import raised_by_signal_handler
from resilience.redact import summary_of

if TYPE_CHECKING:
    from resilience._alerts.system import AlertSystem

_ENDS_THAT_ALERT: Final = frozenset({"attempts", "deadline"})


def install() -> None:
    """Alert for failing calls from now on."""
    if config.redis_url() is not None:
        # The Redis client imports it with the first alert, which fails where the program has begun to end by then.
        import concurrent.futures.thread  # noqa: F401
    stream.install("alerts", {AttemptFailed: _attempt_failed, CallEnded: _call_ended})


@atexit.register
def _flush() -> None:
    """Deliver what is on its way; registered early, so that it comes after the handlers of the program."""
    system = sys.modules.get("resilience._alerts.system")
    if system is not None:
        system.finish()


def _attempt_failed(event: AttemptFailed) -> None:
    threshold = event.call.policy.alert_threshold
    if threshold is not None and event.attempt >= threshold:
        _tell(lambda system: system.alert(event.call, event.attempt, event.error))


def _call_ended(event: CallEnded) -> None:
    # The last attempt fails like the others, but is followed by the end of the call instead of another attempt.
    if event.outcome == "recovered" and config.settings().alert_recoveries:
        _tell(lambda system: system.tell_recovery(event.call, event.attempts))
    if event.error is None or event.outcome != "gave_up" or event.reason not in _ENDS_THAT_ALERT:
        return
    policy = event.call.policy
    threshold = policy.alert_threshold
    if policy.alert_on_give_up or (threshold is not None and event.attempts >= threshold):
        error = event.error
        _tell(lambda system: system.alert(event.call, event.attempts, error))


@functools.cache
def _load_system() -> Callable[[], AlertSystem]:
    with importing:
        from resilience._alerts.system import current
    return current


def _tell(what: Callable[[AlertSystem], None]) -> None:
    try:
        what(_load_system()())
    except Exception as problem:
        if raised_by_signal_handler(problem):
            raise
        with importing:
            from resilience._alerts.events import AlertFailed
        stream.emit(AlertFailed(problem=summary_of(problem)))
