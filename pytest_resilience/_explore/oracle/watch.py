"""All that watches one run, besides what comes out of it."""

from __future__ import annotations

import contextlib
import gc
from collections.abc import Callable, Iterator
from typing import Self, final

from pytest_resilience._explore.oracle.alerts import Alerts
from pytest_resilience._explore.oracle.backlogs import Backlogs
from pytest_resilience._explore.oracle.blocking import Blocking
from pytest_resilience._explore.oracle.give_ups import GiveUps
from pytest_resilience._explore.oracle.leaks import Leaks
from pytest_resilience._explore.oracle.secrets import Secrets
from pytest_resilience._explore.oracle.suspicion import Suspicion
from pytest_resilience._explore.oracle.unseen import Unseen
from pytest_resilience._explore.oracle.watcher import Watcher
from pytest_resilience._explore.subject import Ending
from pytest_resilience.discord import Alert
from pytest_resilience.discord._mock import at_the_end


@final
class Watch(contextlib.ExitStack):
    """Watches one run, until all that it has made has ended."""

    def __init__(self) -> None:
        super().__init__()
        self._watchers: list[Watcher] = [Leaks(), Unseen(), GiveUps(), Alerts(), Secrets(), Backlogs(), Blocking()]
        self._alerts: list[Alert] = []

    def __enter__(self) -> Self:
        for each in self._watchers:
            self.enter_context(each)
        at_the_end.append(self._alerts.extend)
        self.callback(at_the_end.remove, self._alerts.extend)
        return self

    def read(self, ending: Ending) -> None:
        """Keep what is to be known of the run; after this its objects must be forgotten."""
        ending.alerts = self._alerts
        for each in self._watchers:
            each.read(ending)

    def suspicions(self) -> list[Suspicion]:
        gc.collect()
        return [seen for each in self._watchers for seen in each.suspicions()]


@contextlib.contextmanager
def uncounted_garbage() -> Iterator[Callable[[], None]]:
    """Leave what there is, garbage as well, out of every later collection, which then takes no time.

    What it returns does so again: the plans that an exploration knows become more with each run. A heap that was
    frozen before is thawed at the end, too: what was frozen when can't be told apart, and to ask whether anything is
    takes a walk.
    """
    gc.freeze()
    try:
        yield gc.freeze
    finally:
        gc.unfreeze()
