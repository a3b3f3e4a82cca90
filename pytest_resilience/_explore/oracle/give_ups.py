"""Whether each give-up is said, once, by the log as it really is."""

from __future__ import annotations

import logging
import re
from collections import Counter
from collections.abc import Callable, Iterator
from typing import Final, Self, final

from pytest_resilience._explore.oracle.suspicion import Suspicion
from pytest_resilience._explore.oracle.watcher import Watcher
from pytest_resilience._explore.subject import Ending
from resilience.events import CallEnded
from resilience.redact import clean

_SAYS_SO: Final = re.compile(r"Giving up after|failed after retries")


@final
class GiveUps(Watcher):
    """Counts the records of give-ups that some handler takes."""

    def __init__(self) -> None:
        super().__init__()
        self._logger = logging.getLogger("resilience")
        self._heard: Counter[str] = Counter()
        self._gave_up: Counter[str] = Counter()

    def __enter__(self) -> Self:
        self._logger.handle = self._listening(self._logger.handle)  # type: ignore[assignment, method-assign]  # of this logger alone
        self.callback(delattr, self._logger, "handle")  # which the class has
        return self

    def read(self, ending: Ending) -> None:
        """Count the calls that gave up."""
        ends = [] if ending.timeline is None else [event for _, event in ending.timeline.of(CallEnded)]
        self._gave_up = Counter(
            end.call.failpoint
            for end in ends
            if end.outcome == "gave_up" and not end.foreseen and end.call.policy.kind != "continuous"
        )

    def suspicions(self) -> Iterator[Suspicion]:
        """Yield the failpoints whose calls gave up without a word, or with several."""
        for name, number in self._gave_up.items():
            heard = self._heard[name]
            if heard < number:
                yield Suspicion("silent give-up", f"{clean(name)} gave up, and no handler of the log said so")
            elif heard > number:
                yield Suspicion("silent give-up", f"{clean(name)} gave up once, and the log said so more than once")

    def _listening(self, handle: Callable[[logging.LogRecord], None]) -> Callable[[logging.LogRecord], None]:
        def handle_and_count(record: logging.LogRecord) -> None:
            name = getattr(record, "failpoint", None)
            if name is not None and _SAYS_SO.search(record.getMessage()) and _is_taken(self._logger, record.levelno):
                self._heard[str(name)] += 1
            handle(record)

        return handle_and_count


def _is_taken(logger: logging.Logger, level: int) -> bool:
    """Tell whether a handler takes records of a level; pytest's own, which no real program has, are none."""
    if logger.disabled:
        return False
    handlers: list[logging.Handler] = []
    each: logging.Logger | None = logger
    while each is not None:
        handlers += [handler for handler in each.handlers if not type(handler).__module__.startswith("_pytest")]
        each = each.parent if each.propagate else None
    return not handlers or any(level >= handler.level for handler in handlers)  # without any, Python writes to stderr
