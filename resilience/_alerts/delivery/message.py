"""One alert on its way, and what a destination has to be able to do."""

from __future__ import annotations

import threading
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, NamedTuple, Protocol, final

from resilience._alerts.delivery.holds import Hold

if TYPE_CHECKING:
    from resilience.alerts.notifier import Alert


class Undelivered(NamedTuple):
    """Why a message did not get through, in words that are free of secrets, and what may be done about it.

    Attributes:
        try_again: It may get through later; otherwise the same message never will.
        backs_off: Each further try waits longer. Where false, `Sink.hold` alone says how long.
        may_have_arrived: The answer is missing or a server's failure, so a further try may deliver it twice.
    """

    problem: str
    try_again: bool = False
    backs_off: bool = True
    may_have_arrived: bool = False


class Sink(Protocol):
    """A destination. It is used by one thread at a time, and is equal to whatever delivers to the same place."""

    @property
    def most_per_message(self) -> int:
        """How many alerts one message can carry."""

    def hold(self) -> Hold | None:
        """Return what has to be waited for before the next message."""

    def send(self, alerts: Sequence[Alert], *, again: bool) -> Undelivered | None:
        """Send one message, once; ``again`` if an earlier try may have delivered it. None says that it arrived."""

    def close(self) -> None:
        """Let go of connections, since nothing more is on its way. Another message may come all the same."""


@final
class Delivery:
    """One alert on its way to all of its destinations, and what is to be done as it is settled.

    Args:
        write: Makes the alert, in a delivering thread: cleaning its texts is no work for the failing call.
        may_leave: Asked once, in a delivering thread, before anything leaves; false ends the delivery without a word.
        on_delivered: Called when the first destination has it.
        on_failed: Called with the problem, for each destination that can't have it.
        on_dropped: Called for each destination whose queue was too full for it, where nobody is told of a problem.

    Attributes:
        reached: A destination has it.
        settled: Set when a destination has it, or when none ever will.
    """

    def __init__(
        self,
        write: Callable[[], Alert],
        *,
        may_leave: Callable[[], bool] | None = None,
        on_delivered: Callable[[], None] = lambda: None,
        on_failed: Callable[[str], None] = lambda _problem: None,
        on_dropped: Callable[[], None] = lambda: None,
    ) -> None:
        self._write = write
        self._alert: Alert | None = None
        self.reached = False
        self.settled = threading.Event()
        self._may_leave = may_leave
        self._asked = False
        self._leaves = True
        self._decided = threading.Event()
        self._on_delivered = on_delivered
        self._on_failed = on_failed
        self._on_dropped = on_dropped
        self._unsettled = 0
        self._lock = threading.Lock()

    @property
    def alert(self) -> Alert:
        """What to deliver. Two threads that ask for it first at the same time both write it, and it is the same."""
        if self._alert is None:
            self._alert = self._write()
        return self._alert

    def expect(self, destinations: int) -> None:
        """Say how many destinations will settle it."""
        self._unsettled = destinations

    def leaves(self) -> bool:
        """Tell whether it may leave; whoever comes second waits for the first one's answer."""
        with self._lock:
            first, self._asked = not self._asked, True
        if not first:
            self._decided.wait()
            return self._leaves
        try:
            self._leaves = self._may_leave is None or self._may_leave()
        finally:
            self._decided.set()
        return self._leaves

    def delivered(self) -> None:
        """Settle it for one destination, which has it."""
        with self._lock:
            first, self.reached = not self.reached, True
        if first:
            self._on_delivered()
            self.settled.set()

    def failed(self, problem: str) -> None:
        """Settle it for one destination, which can't have it."""
        self._on_failed(problem)
        self.abandoned()

    def dropped(self) -> None:
        """Settle it for one destination, whose queue was full; that is told with another alert."""
        self._on_dropped()
        self.abandoned()

    def abandoned(self) -> None:
        """Settle it for one destination, without a word."""
        with self._lock:
            self._unsettled -= 1
            if self._unsettled <= 0:
                self.settled.set()
