"""The parts of alerting put together: who may alert, where to, and how it gets there."""

from __future__ import annotations

import contextlib
import functools
import os
import sys
import weakref
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any, Final, final

from resilience import _config as config
from resilience._alerts.admission.limiter import StormCap, WindowLimiter, signature_of
from resilience._alerts.delivery.dispatcher import Dispatcher
from resilience._alerts.delivery.message import Delivery
from resilience._alerts.delivery.sinks import Sinks
from resilience._alerts.texts import Failure, context_of, failure_of, text_by_hand, text_of
from resilience._support.fork import importing
from resilience.events import AlertDelivered, AlertFailed, AlertSuppressed, Call, stream
from resilience.redact import clean

if TYPE_CHECKING:
    from resilience._alerts.admission.redis import RedisLimiter
    from resilience.alerts.notifier import Alert

EXIT_S: Final = 5.0
"""How long the end of the program may be delayed by alerts that are on their way, in seconds."""

_BY_HAND_S: Final = 180.0
_LINGER_S: Final = 60.0


@final
class AlertSystem:
    """All that alerting remembers: windows, the storm cap, what is on its way, and which webhooks are dead.

    Args:
        linger_s: How long an idle thread waits for another alert, in seconds.
    """

    def __init__(self, *, linger_s: float = 0.0) -> None:
        self._windows = WindowLimiter()
        self._storm = StormCap()
        self._sinks = Sinks()
        self._fleet: RedisLimiter | None = None
        self._signatures: weakref.WeakKeyDictionary[Call, str] = weakref.WeakKeyDictionary()
        self.dispatcher = Dispatcher(self._storm.count_held_back, linger_s=linger_s)

    def claim(self, signature: str) -> bool:
        """Take the alert of the window, from the whole fleet where there is a Redis. That may block for a moment."""
        return self._windows.claim(signature) and self._fleet_grants(signature)

    def alert(self, call: Call, attempt: int, error: BaseException) -> None:
        """Alert for a failing call, if it may. Never blocks."""
        sinks = self._sinks.of(None)
        if not sinks:
            return
        signature = self._signature_of(call, error)
        asks_fleet = config.redis_url() is not None  # which may take a moment, so that the delivering thread does it
        if not (self._windows.claim(signature) and (asks_fleet or self._admits(signature))):
            _suppressed(call, attempt)
            return
        held_back = self._storm.take_held_back()
        delivery = Delivery(
            functools.partial(_write, call, attempt, failure_of(error), held_back),
            may_leave=functools.partial(self._may_leave, signature, call, attempt, held_back) if asks_fleet else None,
            on_delivered=functools.partial(_delivered, call, attempt),
            on_failed=functools.partial(self._failed, held_back),
            on_dropped=functools.partial(self._storm.count_held_back, held_back),
        )
        _flush_at_end_of_worker()
        self.dispatcher.put(delivery, sinks)

    def alert_by_hand(
        self, function: str, error: BaseException, context: str, message: str, channel: str | None
    ) -> bool:
        """Alert in the user's words, if that may be, and wait until it is delivered; tell whether it is."""
        sinks = self._sinks.of(channel)
        if not (
            sinks
            and self._windows.claim(signature := signature_of(function, error, context))
            and self._admits(signature)
        ):
            return False
        held_back = self._storm.take_held_back()
        failure = failure_of(error)
        delivery = Delivery(
            lambda: _alert_of(
                text=text_by_hand(message, function, failure, held_back=held_back),
                function=clean(function),
                context=clean(context),
                error_type=clean(failure.error_type),
                channel=channel,
            ),
            on_failed=functools.partial(self._failed, held_back),
            on_dropped=functools.partial(self._storm.count_held_back, held_back),
        )
        self.dispatcher.put(delivery, sinks)
        reached = self.dispatcher.wait(delivery, _BY_HAND_S)
        if not delivery.settled.is_set():
            self._failed(held_back, f"it was not delivered within {_BY_HAND_S:.0f} s")
        return reached

    def close(self) -> None:
        """Stop what is on its way, and let go of threads and connections."""
        for delivery in self.dispatcher.stop(EXIT_S):
            delivery.abandoned()
        fleet, self._fleet = self._fleet, None
        if fleet is not None:
            fleet.close()

    def _signature_of(self, call: Call, error: BaseException) -> str:
        """Return the signature that the call had when it first alerted: its message may change, it is one outage."""
        signature = self._signatures.get(call)
        if signature is None:
            signature = self._signatures[call] = signature_of(call.function, error, context_of(call))
        return signature

    def _may_leave(self, signature: str, call: Call, attempt: int, held_back: int) -> bool:
        if self._admits(signature):
            return True
        self._storm.count_held_back(held_back)
        _suppressed(call, attempt)
        return False

    def _admits(self, signature: str) -> bool:
        """Tell whether an alert may leave that its window has granted: only what the fleet grants counts for the cap.

        Where there is no room, the fleet is not asked: its windows are for alerts that do leave.
        """
        most = config.max_alerts_per_minute()
        return self._storm.has_room(most) and self._fleet_grants(signature) and self._storm.admit(most)

    def _fleet_grants(self, signature: str) -> bool:
        url = config.redis_url()
        if url is None:
            return True
        fleet = self._fleet
        if fleet is None or fleet.url != url:
            with importing:
                from resilience._alerts.admission.redis import RedisLimiter
            fleet = self._fleet = RedisLimiter(url, self._windows)
        return fleet.confirm(signature)

    def _failed(self, held_back: int, problem: str) -> None:
        self._storm.count_held_back(held_back)
        stream.emit(AlertFailed(problem=problem))


def _alert_of(**words: Any) -> Alert:
    """Make an alert, in a delivering thread: to load its dataclass costs as much as all that a failing call needs."""
    with importing:
        from resilience.alerts.notifier import Alert
    return Alert(**words)


def _write(call: Call, attempt: int, failure: Failure, held_back: int) -> Alert:
    return _alert_of(
        text=text_of(call, attempt, failure, held_back=held_back),
        function=clean(call.function),
        context=clean(context_of(call)),
        error_type=clean(failure.error_type),
        attempt=attempt,
    )


def _delivered(call: Call, attempt: int) -> None:
    stream.emit(AlertDelivered(call=call, attempt=attempt))


def _suppressed(call: Call, attempt: int) -> None:
    if stream.wants(AlertSuppressed):
        stream.emit(AlertSuppressed(call=call, attempt=attempt))


_current = AlertSystem(linger_s=_LINGER_S)


def current() -> AlertSystem:
    """Return the alert system of the process, or that of the innermost `isolated` block."""
    return _current


@contextlib.contextmanager
def isolated() -> Iterator[None]:
    """Alert with a memory of its own for the length of a ``with`` block, as if the program had just started.

    Windows, the storm cap, dead webhooks and what is on its way belong to the block; at its end its threads are
    stopped, what has not left is dropped, and the earlier system is back. A thread of its lives only as long as it has
    something to deliver. For tests; blocks may be nested.
    """
    global _current  # noqa: PLW0603  # the one place that swaps it
    before, _current = _current, AlertSystem()
    inside = _current
    try:
        yield
    finally:
        _current = before
        inside.close()


def flush(timeout: float | None = EXIT_S) -> bool:
    """Wait until no alert is on its way, at most so many seconds; tell whether that is so.

    A process that ends in an ordinary way does this by itself.
    """
    return _current.dispatcher.flush(timeout)


def finish() -> None:
    """Flush at the end of the process, for a bounded time, and say what was lost."""
    try:
        flushed = flush(EXIT_S)
    except KeyboardInterrupt:  # the program ends anyway; now at once
        flushed = False
    if not flushed:
        for delivery in _current.dispatcher.stop(0):
            delivery.failed("the program has ended first")


def _flush_at_end_of_worker() -> None:
    """See to it that a worker process of multiprocessing, too, ends with a flush: it may run no exit handlers."""
    process, util = sys.modules.get("multiprocessing.process"), sys.modules.get("multiprocessing.util")
    if process is None or util is None or process.parent_process() is None:
        return
    global _finishes_in  # noqa: PLW0603  # the process this was seen to in; a fork changes it
    if _finishes_in != os.getpid():
        _finishes_in = os.getpid()
        util.Finalize(None, finish, exitpriority=0)


_finishes_in = 0
