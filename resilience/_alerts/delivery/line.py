"""The queue to one destination, and the work of emptying it."""

from __future__ import annotations

import contextlib
import random
import threading
import time
from queue import Empty, SimpleQueue
from typing import Final, final

from resilience._alerts.admission.limiter import SECOND_NS
from resilience._alerts.delivery.cooldowns import Cooldown
from resilience._alerts.delivery.queued_alert import Message, QueuedAlert, this_thread
from resilience._alerts.delivery.sink import Sink, Undelivered
from resilience._alerts.events import AlertFailed
from resilience._engine import wait_equal_jitter
from resilience._events import stream
from resilience._support.fork import importing
from resilience._support.latch import Latch
from resilience.redact import clean, summary_of

MOST_WAITING: Final = 100  # five minutes of alerts at the default cap; older ones are of no use
MOST_TRIES: Final = 5  # with waits of up to 2, 4, 8 and 16 s between them, which outlast a hiccup
PATIENCE_S: Final = 120.0
"""The most that the waits for one message may add up to, in seconds: an older alert is of no use."""

_BACKOFF: Final = wait_equal_jitter(max_wait=30.0)  # so that `MOST_TRIES` fit into `PATIENCE_S`


@final
class Line:
    """A bounded queue of alerts for one destination, and one thread at a time that empties it.

    A signal handler may raise at any instruction of `put`, and may itself alert there. So a lock is entered by no code
    in Python, an alert is queued and its thread woken by one call into C, and a thread counts only while it is alive.

    Args:
        sink: The destination.
        linger_s: How long its thread waits for more, in seconds.
        stopped: Opened by `stop`; its wait is what ends a cooldown early.
    """

    def __init__(self, sink: Sink, linger_s: float = 0.0, *, stopped: Latch | None = None) -> None:
        self._sink = sink
        self._linger_s = linger_s
        self._stopped = stopped if stopped is not None else Latch()
        self._waiting: SimpleQueue[QueuedAlert | None] = SimpleQueue()  # None wakes the thread
        self._message = Message()
        self._piled_up = 0
        self._dropped = 0
        self._worker: threading.Thread | None = None
        self._begun: threading.Thread | None = None
        self._lock = threading.RLock()

    @property
    def is_unused(self) -> bool:
        """Whether nothing is on its way and no thread is there to wait for more."""
        return not self._has_worker and self._is_empty

    def put(self, alert: QueuedAlert) -> None:
        """Queue an alert and see to it that a thread delivers it. A full queue drops its oldest alert."""
        with self._lock:
            if not self._has_worker:
                worker = self._worker = threading.Thread(target=self._run, name="resilience-alerts", daemon=True)
                # There may be too many, or the interpreter is ending: the next caller of `flush` does the work.
                with contextlib.suppress(RuntimeError):
                    worker.start()
            self.append(alert)

    def append(self, alert: QueuedAlert) -> None:
        """Queue an alert. A full queue drops its oldest alert."""
        self._waiting.put(alert)
        with contextlib.suppress(Empty):  # the thread was quicker
            if self._waiting.qsize() > MOST_WAITING and (oldest := self._waiting.get_nowait()) is not None:
                self._dropped += 1
                oldest.dropped()

    def work_where_no_thread_does(self, within_s: float | None) -> None:
        """Deliver alerts here, if there are any and no thread for it; what can't begin in time is left."""
        if self._worker is threading.current_thread():  # a destination waits for what is on its way
            return
        try:
            with self._lock:
                if self._has_worker or self._is_empty:
                    return
                self._worker = self._begun = threading.current_thread()
            self.work(within_s=within_s)
        finally:
            self._end_work()

    def stop(self) -> None:
        """End after the message that is being sent."""
        self._stopped.open()
        self._waiting.put(None)

    def join(self, timeout: float) -> list[QueuedAlert]:
        """Wait for the end, at most so many seconds, and return what was not settled."""
        worker = self._worker
        if worker is not None and worker.ident is not None and worker is not threading.current_thread():
            worker.join(timeout)
        return self._unsettled()

    def work(self, linger_s: float = 0.0, *, within_s: float | None = None) -> None:
        """Deliver alerts until none is left, and for so many seconds none has come.

        With ``within_s`` nothing is begun that would be later than that; what is left then is for the next worker.
        """
        began_ns = time.monotonic_ns()
        with importing:
            clean("-")  # the first text loads the rules for all of them
        try:
            while self._load(linger_s):
                cooldown = self._message.backoff or self._sink.cooldown()
                begins_s = (time.monotonic_ns() - began_ns) / SECOND_NS
                begins_s += 0.0 if cooldown is None else cooldown.left_s()
                if within_s is not None and begins_s >= within_s:
                    return
                if cooldown is None:
                    self._send()
                else:
                    self._wait_out(cooldown)
        except BaseException:  # a thread that is killed takes its alerts along, but no caller waits for them
            for alert in self._unsettled():
                alert.abandoned()
            raise

    def _run(self) -> None:
        self._begun = threading.current_thread()
        try:
            with self._lock:  # the call that started this thread goes on first: it has a failure to handle
                if self._worker is not threading.current_thread():  # a signal handler has started another one meanwhile
                    return
            self.work(self._linger_s)
        finally:
            self._end_work()

    def _end_work(self) -> None:
        if self._worker is threading.current_thread():
            self._worker = None

    @property
    def _has_worker(self) -> bool:
        """Whether there is a thread that works until it says otherwise, or that is about to begin.

        `Thread.is_alive` marks a thread as ended when a signal handler raises in it, so it is asked of new ones alone.
        """
        worker = self._worker
        return worker is not None and (self._begun is worker or worker.is_alive())

    @property
    def _is_empty(self) -> bool:
        return self._waiting.empty() and not self._message.alerts

    def _load(self, linger_s: float) -> bool:
        """Fill the message; false where there is nothing to fill it with, and there is no worker any more."""
        while not self._stopped.is_open:
            message = self._message
            message.is_batch |= self._piled_up > 0
            loaded = message.load(self._waiting, self._sink.most_per_message)
            self._piled_up = max(self._piled_up - loaded, 0)
            self._tell_dropped()
            if message.sift():
                return True
            if self._waiting.empty() and not self._rest(linger_s):
                return False
        return False

    def _tell_dropped(self) -> None:
        with self._lock:
            dropped, self._dropped = self._dropped, 0
        if dropped:
            what = "an alert was" if dropped == 1 else f"{dropped} alerts were"
            stream.emit(AlertFailed(problem=f"{what} dropped, since {MOST_WAITING} newer ones were waiting"))

    def _rest(self, linger_s: float) -> bool:
        """Wait for more; false, and the end of the worker, where nothing came."""
        self._sink.close()
        try:
            alert = self._waiting.get(timeout=linger_s)
        except Empty:
            with self._lock:  # what comes after this starts another thread
                if self._waiting.empty():
                    self._worker = None
                return self._worker is not None
        if alert is not None:
            self._message.alerts.append(alert)
        return True

    def _wait_out(self, cooldown: Cooldown) -> None:
        message, left_s = self._message, cooldown.left_s()
        if message.waited_s + left_s > PATIENCE_S:
            self._fail(f"its destination is to be left alone for {left_s:.0f} s: {cooldown.reason}")
            return
        self._stopped.wait(left_s)
        self._piled_up = self._waiting.qsize()
        cooldown.over = True
        message.backoff = None
        message.waited_s += left_s
        message.is_batch = True

    def _send(self) -> None:
        message = self._message
        message.tries += 1
        this_thread.delivers = True
        try:
            undelivered = self._sink.send([each.alert for each in message.alerts], again=message.uncertain)
        except Exception as error:  # noqa: BLE001  # a notifier is foreign code, and the next alert needs this thread
            # An OSError passes, as a rule.
            undelivered = Undelivered(summary_of(error), try_again=isinstance(error, OSError))
        finally:
            this_thread.delivers = False
        if undelivered is None:
            self._message = Message()
            for alert in message.alerts:
                alert.delivered()
        elif not undelivered.try_again:
            self._fail(undelivered.problem)
        elif message.tries == MOST_TRIES:
            self._fail(f"{undelivered.problem} (gave up after {MOST_TRIES} tries)")
        else:
            message.uncertain |= undelivered.may_have_arrived
            if undelivered.backs_off:
                bounds = _BACKOFF.bounds(message.tries)
                message.backoff = Cooldown(random.uniform(*bounds), undelivered.problem)  # noqa: S311  # jitter is no secret

    def _fail(self, problem: str) -> None:
        alerts, self._message = self._message.alerts, Message()
        for alert in alerts:
            alert.failed(problem)

    def _unsettled(self) -> list[QueuedAlert]:
        alerts, self._message = self._message.alerts, Message()
        with contextlib.suppress(Empty):
            while True:
                alert = self._waiting.get_nowait()
                if alert is not None:
                    alerts.append(alert)
        return alerts
