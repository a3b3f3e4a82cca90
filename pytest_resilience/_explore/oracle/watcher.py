"""What the watchers of a run have in common."""

from __future__ import annotations

import contextlib
from collections import Counter
from collections.abc import Iterable

from pytest_resilience._explore.oracle.suspicion import Suspicion
from pytest_resilience._explore.subject import Ending


class Watcher(contextlib.ExitStack):
    """Watches one run, for the length of a ``with`` block, at whose end it undoes what it has changed for that.

    Attributes:
        seen: What has gone wrong so far, and how often.
    """

    def __init__(self) -> None:
        super().__init__()
        self.seen: Counter[Suspicion] = Counter()

    def read(self, ending: Ending) -> None:
        """Keep what is to be known of the objects of the run, which are forgotten after this."""

    def suspicions(self) -> Iterable[Suspicion]:
        """Return what was seen in all; what a run without faults shows, too, is no finding."""
        return self.seen.elements()
