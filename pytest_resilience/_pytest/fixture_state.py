"""What the fixtures of one test share: its timeline, its seed, and what is to be said when it is over."""

from __future__ import annotations

import contextlib
import random
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Final, final

from pytest_resilience._objections import Objections
from pytest_resilience._timeline.timeline import TITLE, Timeline
from resilience import resume_retry_loops
from resilience.alerts import isolated
from resilience.events import AttemptFailed, CallEnded, FaultInjected
from resilience.testing import Outlet

if TYPE_CHECKING:
    from pytest_resilience._faults.faults import Faults

_NOWHERE: Final = Outlet(
    reason="this is a test and does not use the fixture discord, which takes the place of Discord and of all notifiers"
)


@final
@dataclass(frozen=True, slots=True)
class Tally:
    """What one test did, for the summary.

    Attributes:
        faults: How many faults struck, planned answers of Discord included.
        attempts: How many attempts were made by decorated callables, and how many calls reached other faults.
        virtual_s: Seconds of virtual time that passed.
        alerts: How many alerts reached Discord.
    """

    faults: int
    attempts: int
    virtual_s: float
    alerts: int

    def as_dict(self) -> dict[str, float]:
        """Return it in a form that travels between processes."""
        return asdict(self)


@final
class FixtureState:
    """One test that uses the fixtures.

    Attributes:
        virtual_s: How much virtual time passed, as the clock said at its end.
        alerts: How many alerts Discord had at its end.
        passed: Whether the test passed; None before its end.
        left: What other fixtures complain of at their end; None where they don't.
    """

    def __init__(self, seed: str) -> None:
        self.seed = seed
        self.timeline = Timeline()
        self.objections = Objections()
        self.faults: Faults | None = None
        self.open = contextlib.ExitStack()
        self.virtual_s = 0.0
        self.alerts = 0
        self.passed: bool | None = None
        self.left: list[str | None] = []

    def begin(self) -> None:
        """Start recording, with the random numbers of this test's seed, and with no alert sent so far.

        Retry loops that the test stops may go on after it.
        """
        self.open.callback(random.setstate, random.getstate())
        self.reseed()
        self.open.enter_context(isolated(_NOWHERE))
        self.open.callback(resume_retry_loops)
        self.open.enter_context(self.timeline)

    def reseed(self) -> None:
        """Draw the random numbers of this test from their beginning."""
        random.seed(self.seed)

    def tally(self) -> Tally:
        """Count what the test did."""
        ends = self.timeline.of(CallEnded)
        failures = self.timeline.of(AttemptFailed)
        ended = {id(event.call) for _, event in ends}
        running = [event for _, event in failures if id(event.call) not in ended]
        attempts = sum(event.attempts for _, event in ends) + len(running)
        injections = [] if self.faults is None else self.faults.injections
        others = sum(len(each.calls) for each in injections)  # what other retry libraries made, as far as it is seen
        return Tally(
            faults=len(self.timeline.of(FaultInjected)),
            attempts=attempts or others,
            virtual_s=self.virtual_s,
            alerts=self.alerts,
        )

    def account(self, shown: str) -> str:
        """Return what the report of a failing test is to say besides what it shows already."""
        return "\n".join([*self.complaints(shown), *([] if TITLE in shown else [str(self.timeline)])])

    def complaints(self, shown: str = "") -> list[str]:
        """Say what the test got wrong without noticing, but for the objections that are shown already."""
        said = {
            text: f"the kit objected during the test, and the code under test did not let it through:\n  {text}"
            for text in self.objections.texts
        }
        unfired = None if self.faults is None else self.faults.complaint()
        said |= {text: text for text in filter(None, [unfired, *self.left])}
        return [whole for text, whole in said.items() if not (shown and text.partition("\n")[0] in shown)]
