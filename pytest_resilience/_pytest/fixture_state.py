"""What the fixtures of one test share: its timeline, its seed, and what is to be said when it is over."""

from __future__ import annotations

import contextlib
import random
import threading
from collections import Counter
from collections.abc import Callable
from contextlib import AbstractContextManager
from typing import TYPE_CHECKING, Final, Self, final

from pytest_resilience._objections import Objections
from pytest_resilience._openings import note_closed, note_open
from pytest_resilience._pytest.native_clocks import said_of_native_clocks
from pytest_resilience._timeline.timeline import TITLE, Timeline
from pytest_resilience._uninterrupted import Uninterrupted
from resilience import resume_retry_loops
from resilience.alerts import isolated
from resilience.events import AttemptFailed, Event, FaultInjected, stream
from resilience.testing import Outlet

if TYPE_CHECKING:
    from pytest_resilience._faults.faults import Faults
    from pytest_resilience._pytest.options import Options
    from pytest_resilience.clock import VirtualClock

_NOWHERE: Final = Outlet(
    reason="this is a test and does not use the fixture discord, which takes the place of Discord and of all notifiers"
)


@final
class FixtureState:
    """One test that uses the fixtures.

    Attributes:
        clock: The virtual clock of the test, if it has one.
        passed: Whether the test passed; None before its end.
        left: What other fixtures complain of at their end; None where they don't.
        around: What the body of the test runs inside of.
        beyond: Which limit the test has reached; None where it has reached none.
    """

    def __init__(self, seed: str, limits: Options, clock: VirtualClock | None) -> None:
        self.seed = seed
        self.clock = clock
        self.timeline = Timeline()
        self.objections = Objections()
        self.faults: Faults | None = None
        self._open = contextlib.ExitStack()
        self.passed: bool | None = None
        self.left: list[str | None] = []
        self.around: Callable[[], AbstractContextManager[object]] = contextlib.nullcontext
        self.beyond: str | None = None
        self._limits = limits
        self._failures: Counter[type[Event]] = Counter()
        self._counting = threading.Lock()

    def __enter__(self) -> Self:
        """Start recording, with the random numbers of this test's seed, and with no alert sent so far.

        Retry loops that the test stops may go on after it.
        """
        note_open(self)
        self._open.callback(random.setstate, random.getstate())
        self.reseed()
        self._open.enter_context(isolated(_NOWHERE))
        self._open.callback(resume_retry_loops)
        self._open.enter_context(self.timeline)
        self._open.callback(stream.subscribe(self._check_limits, AttemptFailed, FaultInjected))
        return self

    def __exit__(self, *_: object) -> None:
        with Uninterrupted():
            note_closed(self)
            self._open.close()

    def __repr__(self) -> str:
        return "<the fixtures' own state>"

    def reseed(self) -> None:
        """Draw the random numbers of this test from their beginning."""
        random.seed(self.seed)

    def _check_limits(self, event: Event) -> None:
        """Object to what would go on for ever; the listener runs in the call itself, which this ends."""
        with self._counting:
            self._failures[type(event)] += 1
            if self.beyond is None:
                self.beyond = self._limit_reached()
            beyond = self.beyond
        if beyond is not None:
            self.objections.object(f"{beyond}\n\n{self.timeline}")

    def _limit_reached(self) -> str | None:
        failures = max(self._failures.values())  # those of decorated callables, or faults, which may be the same
        if failures >= self._limits.max_attempts:
            return (
                f"{failures} attempts failed in this test, and it is not over: plan faults with a count, such as "
                "3*raise(OSError), or allow more with --resilience-max-attempts"
            )
        if self.clock is not None and self.clock.elapsed > self._limits.max_virtual_s:
            return (
                f"{self.clock.elapsed:.0f} s of virtual time have passed in this test, and it is not over: plan faults "
                "with a count, such as 3*raise(OSError), or allow more with --resilience-max-virtual-time"
            )
        return None

    def account(self, shown: str) -> str:
        """Return what the report of a failing test is to say besides what it shows already."""
        return "\n".join([*self.complaints(shown), *([] if TITLE in shown else [str(self.timeline)])])

    def said_of_time(self) -> str:
        """Return what the report of a failing test is to say of clocks that are not virtual; empty for nothing."""
        return "" if self.clock is None else said_of_native_clocks()

    def complaints(self, shown: str = "") -> list[str]:
        """Say what the test got wrong without noticing, but for the objections that are shown already."""
        said = {
            text: f"the kit objected during the test, and the code under test did not let it through:\n  {text}"
            for text in self.objections.texts
        }
        unfired = None if self.faults is None else self.faults.complaint()
        said |= {text: text for text in filter(None, [unfired, *self.left])}
        return [whole for text, whole in said.items() if not (shown and text.partition("\n")[0] in shown)]
