"""One alert on its way to its destinations."""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING, Final

from resilience._alerts.events import AlertFailed
from resilience._events import stream
from resilience._support.latch import Latch

if TYPE_CHECKING:
    from resilience._alerts.admission.admission import Claim
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

    Attributes:
        reached: A destination has it.
        settled: Opens when a destination has it, or when none will have it any more.
        finished: Opens when all of its destinations have settled it.
    """

    def __init__(self, claim: Claim) -> None:
        self.claim = claim
        self.reached = False
        self.settled = Latch()
        self.finished = Latch()
        self._alert: Alert | None = None
        self._unsettled = 0
        self._counting = threading.RLock()  # reentrant: a signal handler may alert, too
        self._leaves: bool | None = None
        self._deciding = threading.RLock()

    def write(self) -> Alert:
        """Make the alert. Two threads may do so at the same time, with the same result."""
        raise NotImplementedError

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
            self._alert = self.write()
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
        """Settle it for one destination, which has it."""
        with self._counting:
            is_first, self.reached = not self.reached, True
        if is_first:
            self.on_delivered()
            self.settled.open()
        self._settle()

    def failed(self, problem: str) -> None:
        """Settle it for one destination, which can't have it."""
        stream.emit(AlertFailed(problem=problem))
        self._settle()

    def dropped(self) -> None:
        """Settle it for one destination, whose queue was full."""
        self._settle(dropped=True)

    def abandoned(self) -> None:
        """Settle it for one destination, without a word."""
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
