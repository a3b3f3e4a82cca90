"""One alert on its way to its destinations, and the message in which it leaves, with others where it had to wait."""

from __future__ import annotations

import threading
from collections.abc import Callable
from queue import Empty, SimpleQueue
from typing import TYPE_CHECKING, Final, final

from resilience._alerts.events import AlertFailed
from resilience._events import stream
from resilience._support.latch import Latch

if TYPE_CHECKING:
    from resilience._alerts.admission.admission import Claim
    from resilience._alerts.delivery.cooldowns import Cooldown
    from resilience.alerts.notifier import Alert


class _Thread(threading.local):
    delivers = False


this_thread: Final = _Thread()
"""Whether the thread is delivering an alert: what fails in there must not alert of itself, which would never end."""


class QueuedAlert:
    """One alert on its way to its destinations, each of which settles it. Safe under threads.

    All that takes time is done by delivering threads, and is no work for the failing call.

    Args:
        claim: Its claim to be sent, which lapses where no destination has it.
        write: Makes the alert, given how many were suppressed before it. Two threads may call it at the same time, with
            the same result.

    Attributes:
        reached: A destination has it.
        settled: Opens when a destination has it, or when none will have it any more.
        finished: Opens when all of its destinations have settled it.
    """

    def __init__(self, claim: Claim, write: Callable[[int], Alert]) -> None:
        self.claim = claim
        self._write = write
        self.reached = False
        self.settled = Latch()
        self.finished = Latch()
        self._alert: Alert | None = None
        self._unsettled = 0
        self._counting = threading.RLock()  # reentrant: a signal handler may alert, too
        self._leaves: bool | None = None
        self._deciding = threading.RLock()

    def ask(self) -> bool:
        """Ask, in the failing call, whether it may be sent. Never blocks."""
        return not this_thread.delivers and self.claim.ask()

    def may_leave(self) -> bool:
        """Tell whether it may be sent at all; asked once."""
        return self.claim.confirm()

    def on_delivered(self) -> None:
        """Do what is to be done when the first destination has it."""

    @property
    def alert(self) -> Alert:
        if self._alert is None:
            self._alert = self._write(self.claim.suppressed)
        return self._alert

    def expect(self, destinations: int) -> None:
        """Say how many destinations will settle it."""
        self._unsettled = destinations

    def leaves(self) -> bool:
        """Tell whether it may be sent; the second thread that asks waits for the answer to the first."""
        with self._deciding:
            if self._leaves is None:
                self._leaves = self.may_leave()
            return self._leaves

    def delivered(self) -> None:
        """Settle the alert for one destination, which has it."""
        with self._counting:
            is_first, self.reached = not self.reached, True
        if is_first:
            self.on_delivered()
            self.settled.open()
        self._settle()

    def failed(self, problem: str) -> None:
        """Settle the alert for one destination, which can't get it."""
        stream.emit(AlertFailed(problem=problem))
        self._settle()

    def dropped(self) -> None:
        """Settle the alert for one destination, whose queue was full."""
        self._settle(dropped=True)

    def abandoned(self) -> None:
        """Settle the alert for one destination, without a word."""
        self._settle()

    def _settle(self, *, dropped: bool = False) -> None:
        with self._counting:
            self._unsettled -= 1
            is_last = self._unsettled == 0
        if is_last:
            if not self.reached:
                self.claim.lapse()
                if dropped and self._alert is None:
                    self.claim.give_back()
            self.settled.open()
            self.finished.open()


@final
class Message:
    """One message to one destination: an alert, or several where they had to wait.

    Attributes:
        alerts: What leaves together.
        tries: How often it was sent.
        waited_s: What its waits add up to, in seconds.
        is_batch: It had to wait, or has piled up behind one that had to, so it takes others along.
        uncertain: It may have arrived, so it must stay as it is.
        backoff: The wait before the next try.
    """

    def __init__(self) -> None:
        self.alerts: list[QueuedAlert] = []
        self.tries = 0
        self.waited_s = 0.0
        self.is_batch = False
        self.uncertain = False
        self.backoff: Cooldown | None = None

    def load(self, waiting: SimpleQueue[QueuedAlert | None], most: int) -> int:
        """Take along what may leave with it; return how many alerts that are."""
        before = len(self.alerts)
        room = (most if self.is_batch and not self.uncertain else 1) - before
        try:
            for _ in range(room):
                alert = waiting.get_nowait()
                if alert is not None:
                    self.alerts.append(alert)
        except Empty:
            pass
        return len(self.alerts) - before

    def sift(self) -> bool:
        """Leave behind what must not leave; tell whether anything does."""
        for alert in [each for each in self.alerts if not each.leaves()]:
            self.alerts.remove(alert)
            alert.abandoned()
        return bool(self.alerts)
