"""How long a run may take in virtual time before it counts as one that never ends."""

from __future__ import annotations

import asyncio
import math
from collections.abc import Sequence
from typing import Any, Final, NoReturn, Self, final

from pytest_resilience._explore.points import EndlessError, Strike
from pytest_resilience.clock._plugin import Member, OverdueError, current
from resilience.errors import Crash
from resilience.events import CallStarted, stream

_TIMES: Final = 10  # as long as without faults: what has to be done again takes its time again
_MORE_S: Final = 3_600.0  # the program may have waits of its own for what fails, such as those of a circuit breaker
_LATER: Final = 60_000_000_000  # nanoseconds, where the thread of the test can't be interrupted just then


@final
class TooLongError(EndlessError, OverdueError):
    """A run takes more virtual time than it may."""


@final
class Patience:
    """Ends a run that takes more virtual time than the policies of its calls and their timeouts allow.

    It is a ``with`` block inside of the clock, in the thread of the test.

    Args:
        usual_s: How long the run takes without faults; None where that is not known, and nothing is ended.

    Attributes:
        taken_s: How long it took.
        error: What has ended it; None where nothing had to.
    """

    def __init__(self, usual_s: float | None) -> None:
        self.taken_s = 0.0
        self.error: TooLongError | None = None
        self._usual_s = usual_s
        self._waits_s = 0.0
        self._began = 0
        self._test: Member | None = None
        self._scheduler: Any = None
        self._unsubscribe: Any = None

    def __enter__(self) -> Self:
        self._test = current()
        if self._test is not None:
            self._scheduler = self._test.scheduler
            self._began = self._scheduler.now
            self._unsubscribe = stream.subscribe(self._note_call, CallStarted)
            if self._usual_s is not None:
                self._scheduler.overdue = self._look
                self._scheduler.latest = self._latest()
        return self

    def __exit__(self, *_: object) -> None:
        if self._test is not None:
            self._unsubscribe()
            self._scheduler.latest = math.inf
            self.taken_s = (self._scheduler.now - self._began) / 1e9

    def _note_call(self, event: CallStarted) -> None:
        policy = event.call.policy
        longest_s = (policy.max_attempts or 1) * max(policy.max_wait or 0.0, policy.max_retry_after)
        self._waits_s += longest_s if policy.timeout is None else policy.timeout

    def _latest(self) -> int:
        return self._began + round((_TIMES * (self._usual_s or 0) + self._waits_s + _MORE_S) * 1e9)

    def _look(self) -> None:
        """Interrupt the test where time is about to move beyond what is allowed now."""
        latest = self._latest()
        if (self._scheduler.deadlines.earliest() or 0) <= latest:
            self._scheduler.latest = latest
        elif not self._scheduler.interrupt(self._test, self._end):
            self._scheduler.latest = self._scheduler.now + _LATER

    def _end(self) -> NoReturn:
        passed = (self._scheduler.now - self._began) / 1e9
        self.error = TooLongError(
            f"{passed:.0f} s of virtual time have passed, and the test is not over: without faults it takes "
            f"{self._usual_s:g} s, and the policies of its calls let them wait for {self._waits_s:g} s"
        )
        raise self.error


def has_lost_another(strikes: Sequence[Strike]) -> bool:
    """Tell whether a fault has ended another thread or task than the test's own, which may wait for it for ever."""
    return any(isinstance(each.error, (Crash, asyncio.CancelledError)) and not each.is_own for each in strikes)
