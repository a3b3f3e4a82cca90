"""The queue to one destination, and the work of emptying it."""

from __future__ import annotations

import random
import threading
import time
from collections import deque
from typing import Final, final

from resilience._alerts.admission.limiter import SECOND_NS
from resilience._alerts.delivery.holds import Hold
from resilience._alerts.delivery.message import Delivery, Sink, Undelivered
from resilience._support.fork import importing
from resilience.redact import clean, message_of, type_name

MOST_WAITING: Final = 100
MOST_TRIES: Final = 5
PATIENCE_S: Final = 120.0
"""The most that the waits for one message may add up to, in seconds: an older alert helps nobody."""

_LONGEST_BACKOFF_S: Final = 30.0


@final
class Line:
    """A bounded queue of alerts for one destination, and one thread at a time that empties it.

    Args:
        sink: The destination.
        changed: The lock of all lines; notified when one of them has nothing left to do.
        linger_s: How long its thread waits for more, in seconds.

    Attributes:
        idle: Nothing is on its way. Read under the lock.
        ended: Its thread has ended; nothing more may be appended. Read under the lock.
    """

    def __init__(self, sink: Sink, changed: threading.Condition, linger_s: float = 0.0) -> None:
        self.idle = False
        self.ended = False
        self._linger_s = linger_s
        self._worker: threading.Thread | None = None
        self._started = False
        self._sink = sink
        self._changed = changed
        self._waiting: deque[Delivery] = deque()
        self._dropped = 0
        self._first_dropped: Delivery | None = None
        self._message = _Message()
        self._piled_up = 0
        self._stopped = False

    def append(self, delivery: Delivery) -> bool:
        """Queue an alert; false if that has cost the oldest one. The caller holds the lock, and notifies."""
        self.idle = False
        self._waiting.append(delivery)
        if len(self._waiting) <= MOST_WAITING:
            return True
        oldest = self._waiting.popleft()
        if self._dropped == 0:
            self._first_dropped = oldest
        else:
            oldest.dropped()
        self._dropped += 1
        return False

    def employ(self) -> threading.Thread | None:
        """Return a thread to `start`; None where there is one already. The caller holds the lock."""
        if self._worker is not None:
            return None
        self._worker = threading.Thread(target=self._work_when_started, name="resilience-alerts", daemon=True)
        return self._worker

    def start(self, worker: threading.Thread) -> None:
        """Start a thread. It waits until its starter has gone on, for that one has a failing call to see to."""
        try:
            worker.start()
        except RuntimeError:  # there are too many, or the interpreter is ending: whoever waits next does the work
            self._worker = None
        finally:
            with self._changed:
                self._started = True
                self._changed.notify_all()

    def adopt(self) -> bool:
        """Make the caller the worker, if there is none and the line has not ended. The caller holds the lock."""
        if self.ended or self._worker is not None:
            return False
        self._worker = threading.current_thread()
        return True

    def stop(self) -> None:
        """End after the message that is being sent. The caller holds the lock, and notifies."""
        self._stopped = True

    def join(self, timeout: float) -> list[Delivery]:
        """Wait for the end, at most so many seconds, and return what was not settled."""
        if self._worker is not None and self._worker is not threading.current_thread():
            self._worker.join(timeout)
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
                hold = self._message.backoff or self._sink.hold()
                begins_s = (time.monotonic_ns() - began_ns) / SECOND_NS + (0.0 if hold is None else hold.left_s())
                if within_s is not None and begins_s >= within_s:
                    with self._changed:
                        self._worker = None
                    return
                if hold is None:
                    self._send()
                else:
                    self._wait_out(hold)
        except BaseException:  # a thread that is made to die takes its line along, but leaves nobody waiting for it
            for delivery in self._unsettled():
                delivery.abandoned()
            self._end()
            raise
        self._end()

    def _work_when_started(self) -> None:
        with self._changed:
            self._changed.wait_for(lambda: self._started)
        self.work(self._linger_s)

    def _load(self, linger_s: float) -> bool:
        """Fill the message; false, and ended, where there is nothing to fill it with."""
        while not self._stopped:
            with self._changed:
                self._message.held |= self._piled_up > 0
                loaded = self._message.load(self._waiting, self._sink.most_per_message)
                self._piled_up = max(self._piled_up - loaded, 0)
                dropped, self._dropped = self._dropped, 0
            if dropped and self._first_dropped is not None:
                what = "an alert was" if dropped == 1 else f"{dropped} alerts were"
                self._first_dropped.failed(f"{what} dropped, since {MOST_WAITING} newer ones were waiting")
            if self._message.sift():
                return True
            if not self._rest(linger_s):
                return False
        return False

    def _rest(self, linger_s: float) -> bool:
        """Wait for more; false, and ended, where nothing came."""
        self._sink.close()
        with self._changed:
            if not self._waiting:
                self.idle = True
                self._changed.notify_all()
                self._changed.wait_for(lambda: bool(self._waiting) or self._stopped, linger_s)
            if not self._waiting:
                self._end()  # before the lock is free: what comes next starts another line
            return not self.ended

    def _wait_out(self, hold: Hold) -> None:
        message, left_s = self._message, hold.left_s()
        if message.waited_s + left_s > PATIENCE_S:
            self._fail(f"its destination is to be left alone for {left_s:.0f} s: {hold.reason}")
            return
        with self._changed:
            self._changed.wait_for(lambda: self._stopped, left_s)
            self._piled_up = len(self._waiting)
        hold.over = True
        message.backoff = None
        message.waited_s += left_s
        message.held = True

    def _send(self) -> None:
        message = self._message
        message.tries += 1
        try:
            undelivered = self._sink.send([each.alert for each in message.deliveries], again=message.uncertain)
        except Exception as error:  # noqa: BLE001  # a notifier is foreign code, and the next alert needs this thread
            undelivered = Undelivered(f"{type_name(error)}: {message_of(error)}")
        if undelivered is None:
            self._message = _Message()
            for delivery in message.deliveries:
                delivery.delivered()
        elif not undelivered.try_again:
            self._fail(undelivered.problem)
        elif message.tries == MOST_TRIES:
            self._fail(f"{undelivered.problem} (gave up after {MOST_TRIES} tries)")
        else:
            message.uncertain |= undelivered.may_have_arrived
            if undelivered.backs_off:
                message.backoff = Hold(_backoff_s(message.tries), undelivered.problem)

    def _fail(self, problem: str) -> None:
        deliveries, self._message = self._message.deliveries, _Message()
        for delivery in deliveries:
            delivery.failed(problem)

    def _unsettled(self) -> list[Delivery]:
        dropped = [self._first_dropped] if self._dropped and self._first_dropped is not None else []
        return [*self._message.deliveries, *dropped, *self._waiting]

    def _end(self) -> None:
        with self._changed:
            self.idle = self.ended = True
            self._changed.notify_all()


@final
class _Message:
    """What leaves together, and how it has fared.

    Attributes:
        tries: How often it was sent.
        waited_s: What its waits add up to.
        held: It has had to wait, or has piled up behind one that had to, so it takes others along.
        uncertain: It may have arrived, so it must stay as it is.
        backoff: The wait before the next try.
    """

    def __init__(self) -> None:
        self.deliveries: list[Delivery] = []
        self.tries = 0
        self.waited_s = 0.0
        self.held = False
        self.uncertain = False
        self.backoff: Hold | None = None

    def load(self, waiting: deque[Delivery], most: int) -> int:
        """Take along what may leave with it; return how many that are."""
        room = (most if self.held and not self.uncertain else 1) - len(self.deliveries)
        loaded = max(min(room, len(waiting)), 0)
        for _ in range(loaded):
            self.deliveries.append(waiting.popleft())
        return loaded

    def sift(self) -> bool:
        """Leave behind what must not leave; tell whether anything does."""
        stays = [each for each in self.deliveries if not each.leaves()]
        for delivery in stays:
            self.deliveries.remove(delivery)
            delivery.abandoned()
        return bool(self.deliveries)


def _backoff_s(tries: int) -> float:
    from resilience._engine import wait_equal_jitter

    return random.uniform(*wait_equal_jitter(_LONGEST_BACKOFF_S).bounds(tries))  # noqa: S311  # jitter is no secret
