"""What the watchers of a run have in common."""

from __future__ import annotations

import contextlib
from abc import abstractmethod
from collections.abc import Iterator

from pytest_resilience._explore.oracle.suspicion import Suspicion
from pytest_resilience._explore.subject import Ending


class Watcher(contextlib.ExitStack):
    """Watches one run, for the length of a ``with`` block, at whose end it undoes what it has changed for that."""

    def read(self, ending: Ending) -> None:
        """Keep what is to be known of the objects of the run, which are forgotten after this."""

    @abstractmethod
    def suspicions(self) -> Iterator[Suspicion]:
        """Yield what was seen; what a run without faults shows, too, is no finding."""
