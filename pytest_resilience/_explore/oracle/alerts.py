"""Whether the channel is flooded: the same alert more than once in its window."""

from __future__ import annotations

from collections import defaultdict
from itertools import pairwise
from typing import final

from pytest_resilience._explore.oracle.suspicion import Suspicion, without_numbers
from pytest_resilience._explore.oracle.watcher import Watcher
from pytest_resilience._explore.subject import Ending
from resilience import ALERT_RATE_LIMIT_SECONDS
from resilience.redact import clean


@final
class Alerts(Watcher):
    """Reads the alerts that stand-ins for Discord have taken."""

    def read(self, ending: Ending) -> None:
        """Compare the times of those that say the same; numbers in them make no difference."""
        times: defaultdict[tuple[str, str], list[float]] = defaultdict(list)
        for alert in ending.alerts:
            times[str(alert.channel), without_numbers(clean(alert.content, limit=100))].append(alert.at)
        for (_, shape), at in times.items():
            soon = sum(later - earlier < ALERT_RATE_LIMIT_SECONDS for earlier, later in pairwise(sorted(at)))
            if soon:
                told = f"{soon + 1} alerts in less than {ALERT_RATE_LIMIT_SECONDS} s say the same: {shape}"
                self.seen.append(Suspicion("alert storm", told))
