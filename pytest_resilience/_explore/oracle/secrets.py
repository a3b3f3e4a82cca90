"""Whether a secret reaches a log line or an alert."""

from __future__ import annotations

import functools
import logging
from collections.abc import Iterator
from typing import Final, Self, final

from pytest_resilience._explore.oracle.suspicion import Suspicion, is_users, short
from pytest_resilience._explore.oracle.watcher import Watcher
from pytest_resilience._explore.subject import Ending
from resilience.redact import clean, redact

_MOST_LINES: Final = 500  # of one run
_LONGEST: Final = 5_000  # characters of a line: redaction takes its time for each


@final
class Secrets(logging.Handler, Watcher):
    """Reads what the program logs; the lines of the kit itself are cleaned when they are made."""

    def __init__(self) -> None:
        logging.Handler.__init__(self)
        Watcher.__init__(self)
        self._lines: dict[str, str] = {}
        self._alerts: list[str] = []

    def __enter__(self) -> Self:
        logging.getLogger().addHandler(self)
        self.callback(logging.getLogger().removeHandler, self)
        return self

    def emit(self, record: logging.LogRecord) -> None:
        """Keep a line, and what the exception says that is shown below it."""
        if record.name == "resilience" or len(self._lines) >= _MOST_LINES:
            return
        where = f"{short(record.pathname)}:{record.lineno}" if is_users(record.pathname) else ""
        try:
            error = record.exc_info[1] if record.exc_info else None
            said = [record.getMessage(), *([] if error is None else [str(error)])]
        except Exception:  # noqa: BLE001  # a line that can't be made is logging's business
            return
        self._lines |= {line[:_LONGEST]: where for line in said}

    def read(self, ending: Ending) -> None:
        """Keep what the alerts say."""
        self._alerts = [alert.content[:_LONGEST] for alert in ending.alerts]

    def suspicions(self) -> Iterator[Suspicion]:
        """Yield the lines that hold a secret."""
        for line, where in self._lines.items():
            if _holds_secret(line):
                yield Suspicion("secret", f"a log line holds a secret: {clean(line, limit=100)}", where)
        for text in self._alerts:
            if _holds_secret(text):
                yield Suspicion("secret", f"an alert holds a secret: {clean(text, limit=100)}")


@functools.lru_cache(maxsize=4096)  # the runs of one test log the same lines
def _holds_secret(line: str) -> bool:
    return redact(line) != line
