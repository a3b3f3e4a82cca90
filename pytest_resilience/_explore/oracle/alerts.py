"""Whether the channel is flooded: the same alert more than once in its window."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator
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

    def __init__(self) -> None:
        super().__init__()
        self._times: defaultdict[tuple[str, str], list[float]] = defaultdict(list)

    def read(self, ending: Ending) -> None:
        """Sort the alerts by what they say; numbers in them make no difference."""
        for alert in ending.alerts:
            self._times[str(alert.channel), without_numbers(clean(alert.content, limit=100))].append(alert.at)

    def suspicions(self) -> Iterator[Suspicion]:
        """Yield the alerts that came again too soon."""
        for (_, shape), at in self._times.items():
            soon = sum(later - earlier < ALERT_RATE_LIMIT_SECONDS for earlier, later in pairwise(sorted(at)))
            if soon:
                told = f"{soon + 1} alerts in less than {ALERT_RATE_LIMIT_SECONDS} s say the same: {shape}"
                yield Suspicion("alert storm", told)
