"""What the watchers of a run have in common."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterator
from typing import Self

from pytest_resilience._explore.oracle.suspicion import Suspicion
from pytest_resilience._explore.subject import Ending


class Watcher(ABC):
    """Watches one run, for the length of a ``with`` block."""

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        return

    def read(self, ending: Ending) -> None:  # noqa: B027  # most need nothing of it
        """Keep what is to be known of the objects of the run, which are forgotten after this."""

    @abstractmethod
    def suspicions(self) -> Iterator[Suspicion]:
        """Yield what was seen; what a run without faults shows, too, is no finding."""
