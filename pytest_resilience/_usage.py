"""What the tools of the kit have done since the plugin asked last, whether fixtures or `with` blocks of the test's own.

Each tool notes at its end what it knows. The plugin asks at the end of each test.
"""

from __future__ import annotations

import threading
from dataclasses import dataclass
from typing import final


@final
@dataclass(slots=True, kw_only=True)
class Usage:
    """What was done in a test.

    Attributes:
        faults: How many faults struck, planned answers of Discord included.
        attempts: How many attempts were made by decorated callables.
        calls: How many calls reached places with faults, whichever library made them.
        virtual_s: Seconds of virtual time that passed.
        alerts: How many alerts reached Discord.
        slept_s: For how many seconds the calls of decorated callables were to wait between their attempts: the longest
            of them, in tests without a virtual clock.
        real_s: How many seconds that part of the test really took.
    """

    faults: int = 0
    attempts: int = 0
    calls: int = 0
    virtual_s: float = 0.0
    alerts: int = 0
    slept_s: float = 0.0
    real_s: float = 0.0

    @property
    def tally(self) -> dict[str, float]:
        """What the summary shows, in a form that travels between processes.

        Attempts of other retry libraries are those calls that reached faults, as far as they are seen.
        """
        return {
            "faults": self.faults,
            "attempts": self.attempts or self.calls,
            "virtual_s": self.virtual_s,
            "alerts": self.alerts,
        }

    @property
    def overslept_s(self) -> float:
        """For how many seconds retries really slept; 0.0 where that is too short to be a nuisance."""
        really = not self.virtual_s and 1.0 <= self.slept_s <= self.real_s
        return self.slept_s if really else 0.0


_noted: Usage | None = None
_noting = threading.Lock()


def note(**numbers: float) -> None:
    global _noted  # noqa: PLW0603  # taken as a whole
    with _noting:
        _noted = _noted or Usage()
        for name, number in numbers.items():
            setattr(_noted, name, getattr(_noted, name) + number)


def take() -> Usage | None:
    """Return what has been noted, and forget it; None where nothing was."""
    global _noted  # as above
    with _noting:
        taken, _noted = _noted, None
        return taken
