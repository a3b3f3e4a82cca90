"""The way out: the failing call queues its alert here and goes on; a thread of ours delivers it.

Each destination has a line of its own: a bounded queue, and a daemon thread that lives while there is something in it,
and a little longer, since starting one is what costs a failing call the most. So no thread runs before the first alert,
a slow destination delays no other one, and where one has to be left alone for a while, nobody else waits for it.

One alert makes one message as long as it can leave at once. What piles up while its destination has to be left alone
leaves together, in as few messages as it takes.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Sequence
from typing import final

from resilience._alerts.admission.limiter import SECOND_NS
from resilience._alerts.delivery.line import Line
from resilience._alerts.delivery.message import Delivery, Sink
from resilience._support.fork import renew_after_fork


@final
class Dispatcher:
    """The lines to all destinations. Safe under threads and after fork.

    Args:
        on_dropped: Called with the number of alerts that a full queue has cost.
        linger_s: How long a thread that has nothing to do waits for more, in seconds.
    """

    def __init__(self, on_dropped: Callable[[int], None] = lambda _count: None, *, linger_s: float = 0.0) -> None:
        self._on_dropped = on_dropped
        self._linger_s = linger_s
        self._lines: dict[Sink, Line] = {}
        self._changed = threading.Condition()
        renew_after_fork(self)

    def put(self, delivery: Delivery, sinks: Sequence[Sink]) -> None:
        """Queue an alert for its destinations, and return at once. A full queue drops its oldest alert."""
        delivery.expect(len(sinks))
        dropped = 0
        starting = []
        wake = False
        with self._changed:
            for sink in sinks:
                line = self._lines.get(sink)
                if line is None or line.ended:
                    self._lines = {each: known for each, known in self._lines.items() if not known.ended}
                    line = self._lines[sink] = Line(sink, self._changed, self._linger_s)
                wake |= line.idle
                dropped += not line.append(delivery)
                worker = line.employ()
                if worker is not None:
                    starting.append((line, worker))
            if wake:  # and only then: a thread that wakes up for nothing takes the processor from the failing call
                self._changed.notify_all()
        for line, worker in starting:
            line.start(worker)
        if dropped:
            self._on_dropped(dropped)

    def flush(self, timeout: float | None) -> bool:
        """Wait until nothing is on its way, at most so many seconds; tell whether that is so."""
        left_s = self._work_where_no_thread_does(timeout)
        with self._changed:
            return self._changed.wait_for(lambda: all(line.idle for line in self._lines.values()), left_s)

    def wait(self, delivery: Delivery, timeout: float) -> bool:
        """Wait until an alert is settled, at most so many seconds; tell whether it has reached a destination."""
        delivery.settled.wait(self._work_where_no_thread_does(timeout))
        return delivery.reached

    def stop(self, timeout: float) -> list[Delivery]:
        """End all lines and return what was not delivered.

        Waits are cut short; a message that is being sent has so many seconds to arrive.
        """
        with self._changed:
            lines, self._lines = list(self._lines.values()), {}
            for line in lines:
                line.stop()
            self._changed.notify_all()
        return [delivery for line in lines for delivery in line.join(timeout)]

    def after_fork(self) -> None:
        """Start afresh: the threads live on in the parent only, and so does what it has queued."""
        self._changed = threading.Condition()
        self._lines = {}

    def _work_where_no_thread_does(self, timeout: float | None) -> float | None:
        """Do here what no other thread does, as far as it can begin in time; return what is left of the time."""
        began_ns = time.monotonic_ns()
        with self._changed:
            orphans = [line for line in self._lines.values() if line.adopt()]
        left_s = timeout
        for line in orphans:
            line.work(within_s=left_s)
            if timeout is not None:
                left_s = max(timeout - (time.monotonic_ns() - began_ns) / SECOND_NS, 0.0)
        return left_s
