"""What the watchers of a run have in common."""

from __future__ import annotations

import contextlib
from collections.abc import Iterable

from pytest_resilience._explore.oracle.suspicion import Suspicion
from pytest_resilience._explore.subject import Ending


class Watcher(contextlib.ExitStack):
    """Watches one run, for the length of a ``with`` block, at whose end it undoes what it has changed for that.

    Attributes:
        seen: What has gone wrong so far, as often as it has: other threads may go on to append to it.
    """

    def __init__(self) -> None:
        super().__init__()
        self.seen: list[Suspicion] = []

    def read(self, ending: Ending) -> None:
        """Keep what is to be known of the objects of the run, which are forgotten after this."""

    def note_once(self, suspicion: Suspicion) -> None:
        if suspicion not in self.seen:
            self.seen.append(suspicion)

    def suspicions(self) -> Iterable[Suspicion]:
        """Return what was seen in all; what a run without faults shows, too, is no finding."""
        return self.seen
