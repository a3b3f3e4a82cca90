"""The time that has passed in a test, whichever tool is in charge of the clock."""

from __future__ import annotations

import functools
import sys
import threading
import time
from datetime import datetime, timedelta
from typing import Any, Final, final

_BEGINNING: Final = datetime(1970, 1, 1)  # noqa: DTZ001  # freezegun's instants have no zone
_found = getattr(sys.modules.get("freezegun.api"), "real_monotonic_ns", time.monotonic_ns)
_monotonic_ns: Final = functools.partial(_found)  # freezegun replaces references to the function itself
del _found


@final
class Stopwatch:
    """Counts from when it was made: virtual time where a virtual clock is open, else frozen time, else real time.

    Freezing the time, and letting it go again, sets clocks to another instant; that is no time that passes.
    """

    def __init__(self) -> None:
        self._reading = threading.Lock()
        self._passed_ns = 0
        self._frozen, self._last_ns = _read()

    def seconds(self) -> float:
        """Return the seconds that have passed; never less than before."""
        return self.nanoseconds() / 1e9

    def nanoseconds(self) -> int:
        """Return the whole nanoseconds that have passed."""
        with self._reading:
            frozen, now_ns = _read()
            if frozen is self._frozen:
                self._passed_ns += max(now_ns - self._last_ns, 0)
            self._frozen, self._last_ns = frozen, now_ns
            return self._passed_ns


def _read() -> tuple[Any, int]:
    """Return what has frozen the time, if anything, and the instant on whatever clock goes on."""
    factories = getattr(sys.modules.get("freezegun.api"), "freeze_factories", ())
    if not factories:
        clocks = sys.modules.get("pytest_resilience.clock._calls.clocks")
        virtual = None if clocks is None else clocks.bubble_ns()
        return None, _monotonic_ns() if virtual is None else virtual
    frozen = factories[-1]
    return frozen, (frozen() - _BEGINNING) // timedelta(microseconds=1) * 1000
