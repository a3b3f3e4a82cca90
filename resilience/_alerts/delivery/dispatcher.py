"""The way out: the failing call queues its alert here and goes on; a thread of ours delivers it.

Each destination has a line of its own: a bounded queue, and a daemon thread that lives while there is something in it,
and a little longer, since starting one is what costs a failing call the most. So no thread runs before the first alert,
a slow destination delays no other one, and neither does one that has to be left alone for a while.

One alert makes one message as long as it can leave at once. What piles up while its destination has to be left alone
leaves together, in as few messages as it takes.
"""

from __future__ import annotations

import threading
import time
import weakref
from collections.abc import Callable, Sequence
from typing import final

from resilience._alerts.admission.limiter import SECOND_NS
from resilience._alerts.delivery.line import Line
from resilience._alerts.delivery.queued_alert import QueuedAlert
from resilience._alerts.delivery.sink import Sink
from resilience._support.fork import renew_after_fork


@final
class Dispatcher:
    """The lines to all destinations. Safe under threads and after fork.

    Args:
        linger_s: How long a thread that has nothing to do waits for more, in seconds.
    """

    def __init__(self, *, linger_s: float = 0.0) -> None:
        self._linger_s = linger_s
        renew_after_fork(self)
        self.after_fork()

    def after_fork(self) -> None:
        """Start empty: the threads and what they were to deliver exist in the parent only."""
        self._lines: dict[Sink, Line] = {}
        self._lock = threading.RLock()
        # Weak, since an alert that a signal handler has kept from its queue is never finished.
        self._unfinished: weakref.WeakSet[QueuedAlert] = weakref.WeakSet()

    def put(self, alert: QueuedAlert, sinks: Sequence[Sink]) -> None:
        """Queue an alert for its destinations, and return at once."""
        alert.expect(len(sinks))
        queued = 0
        try:
            with self._lock:  # until it is queued: a line without work may be forgotten as soon as another is made
                self._unfinished.add(alert)
                for sink in sinks:
                    self._line_to(sink).put(alert)
                    queued += 1
        except BaseException:  # such as a signal handler raises: `flush` must not wait for what was never queued
            for _ in sinks[queued:]:
                alert.dropped()
            raise

    def flush(self, timeout: float | None) -> bool:
        """Wait until nothing is on its way, at most so many seconds; tell whether that is so."""
        left_s = _countdown(timeout)
        while (alert := self._next_unfinished()) is not None:
            self._work_where_no_thread_does(left_s)
            if not alert.finished.wait(left_s()):
                return False
        return True

    def wait(self, alert: QueuedAlert, timeout: float) -> bool:
        """Wait until an alert is settled, at most so many seconds; tell whether it has reached a destination."""
        left_s = _countdown(timeout)
        self._work_where_no_thread_does(left_s)
        alert.settled.wait(left_s())
        return alert.reached

    def stop(self, timeout: float) -> list[QueuedAlert]:
        """End all lines and return what was not delivered.

        Waits are cut short; a message that is being sent has so many seconds to arrive.
        """
        with self._lock:
            lines, self._lines = list(self._lines.values()), {}
        for line in lines:
            line.stop()
        return [alert for line in lines for alert in line.join(timeout)]

    def _line_to(self, sink: Sink) -> Line:
        line = self._lines.get(sink)
        if line is None:
            self._lines = {each: known for each, known in self._lines.items() if not known.is_unused}
            line = self._lines[sink] = Line(sink, self._linger_s)
        return line

    def _next_unfinished(self) -> QueuedAlert | None:
        with self._lock:
            return next((each for each in self._unfinished if not each.finished.is_open), None)

    def _work_where_no_thread_does(self, left_s: Callable[[], float | None]) -> None:
        """Do here what no other thread does, as far as it can begin in time."""
        with self._lock:
            lines = list(self._lines.values())
        for line in lines:
            line.work_where_no_thread_does(left_s())


def _countdown(seconds: float | None) -> Callable[[], float | None]:
    """Return what tells how many of so many seconds are left; None where there is no end."""
    began_ns = time.monotonic_ns()
    return lambda: None if seconds is None else max(seconds - (time.monotonic_ns() - began_ns) / SECOND_NS, 0.0)
