"""The parts of alerting put together: who may alert, where to, and how it gets there."""

from __future__ import annotations

import contextlib
import os
from collections.abc import Iterator
from typing import Final, final

from resilience._alerts.admission.admission import Admission
from resilience._alerts.call_alert import CallAlert, RecoveryNotice
from resilience._alerts.delivery.destinations import Destinations, Outlet
from resilience._alerts.delivery.dispatcher import Dispatcher
from resilience._alerts.delivery.queued_alert import QueuedAlert
from resilience._events import Call
from resilience._support.loaded import loaded

EXIT_S: Final = 5.0
"""How long the end of the program may be delayed by alerts that are on their way, in seconds."""

_LINGER_S: Final = 60.0  # an outage alerts again and again: one thread then serves all of it


@final
class AlertSystem:
    """All that alerting remembers: windows, the storm cap, what is on its way, and which webhooks are dead.

    Args:
        linger_s: How long an idle thread waits for another alert, in seconds.
        outlet: Where alerts go in the place of all destinations, in a test.
    """

    def __init__(self, *, linger_s: float = 0.0, outlet: Outlet | None = None) -> None:
        self.outlet = outlet
        self.admission = Admission()
        self.destinations = Destinations(outlet)
        self.dispatcher = Dispatcher(linger_s=linger_s)

    def alert(self, call: Call, attempt: int, error: BaseException) -> None:
        """Alert for a failing call, if it may. Never blocks."""
        self.send(CallAlert(self.admission, call, attempt, error), call.policy.channel)

    def tell_recovery(self, call: Call, attempt: int) -> None:
        """Send word that a call has recovered, if it had alerted. Never blocks."""
        if call in self.admission.alerting:
            self.send(RecoveryNotice(self.admission, call, attempt), call.policy.channel)

    def send(self, alert: QueuedAlert, channel: str | None) -> bool:
        """Queue an alert for the destinations of a channel, if it may be sent; tell whether it is. Never blocks."""
        sinks = self.destinations.of(channel)
        try:
            if not sinks or not alert.ask():
                return False
            _flush_at_end_of_worker()
            self.dispatcher.put(alert, sinks)
            return True
        except BaseException:  # a signal handler's: a second alert is better than a window that is taken by none
            alert.claim.give_back()
            raise

    def close(self) -> None:
        """Stop what is on its way, and end threads and connections."""
        for alert in self.dispatcher.stop(EXIT_S):
            alert.abandoned()
        self.admission.close()


_current = AlertSystem(linger_s=_LINGER_S)


def current() -> AlertSystem:
    """Return the alert system of the process, or that of the innermost `isolated` block."""
    return _current


@contextlib.contextmanager
def isolated(outlet: Outlet | None = None) -> Iterator[None]:
    """Alert with a memory of its own for the length of a ``with`` block, as if the program had just started.

    Windows, the storm cap, dead webhooks and what is on its way belong to the block; at its end its threads are
    stopped, what has not left is dropped, and the earlier system is back. A thread of its lives only as long as it has
    something to deliver. For tests; blocks may be nested. It takes at most 5 seconds to end, where a message is just
    being sent.

    Args:
        outlet: Where alerts go in the place of all destinations; for test kits. Default: where those of the block
            around it go.

    Example:
        ::

            with resilience.alerts.isolated():
                assert should_send_alert("charge", error)
                assert not should_send_alert("charge", error)
    """
    global _current  # noqa: PLW0603  # the one place that swaps it
    before = _current
    _current = AlertSystem(outlet=before.outlet if outlet is None else outlet)
    inside = _current
    try:
        yield
    finally:
        _current = before
        inside.close()


def flush(timeout: float | None = EXIT_S) -> bool:
    """Wait until no alert is on its way.

    A process that ends in an ordinary way does this by itself. Call it where one does not: before the freeze of a
    serverless function, or at the end of an ASGI application's lifespan.

    Args:
        timeout: The most seconds to wait; None waits as long as it takes. Default 5.

    Returns:
        Whether nothing is on its way any more: delivered, or failed and told.

    Example:
        ::

            def handler(event, context):
                try:
                    return work(event)
                finally:
                    resilience.alerts.flush(2.0)
    """
    return _current.dispatcher.flush(timeout)


def finish(**_of_celery: object) -> None:
    """Flush at the end of the process, for a bounded time, and say what was lost."""
    try:
        flushed = flush(EXIT_S)
    except KeyboardInterrupt:  # the program ends anyway; now at once
        flushed = False
    if not flushed:
        for alert in _current.dispatcher.stop(0):
            alert.failed("the program has ended first")


def _flush_at_end_of_worker() -> None:
    """See to it that a worker process, too, ends with a flush: none of these runs the exit handlers of the program."""
    global _finishes_in  # noqa: PLW0603  # the process this was seen to in; a fork changes it
    if _finishes_in == os.getpid():
        return
    _finishes_in = os.getpid()
    for library in ("multiprocessing", "multiprocess", "billiard"):
        process, util = loaded(f"{library}.process"), loaded(f"{library}.util")
        if process is not None and util is not None and getattr(process.current_process(), "_parent_pid", None):
            util.Finalize(None, finish, exitpriority=0)
    celery = loaded("celery.signals")
    if celery is not None:  # whose pool ends its workers without any of that
        celery.worker_process_shutdown.connect(finish, weak=False)


_finishes_in = 0
