"""What leaves together, and how it has fared."""

from __future__ import annotations

from queue import Empty, SimpleQueue
from typing import TYPE_CHECKING, final

if TYPE_CHECKING:
    from resilience._alerts.delivery.cooldowns import Cooldown
    from resilience._alerts.delivery.queued_alert import QueuedAlert


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
