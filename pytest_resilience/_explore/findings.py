"""What an exploration found, in the form that is shown."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field
from typing import Final, final

from pytest_resilience._explore.decisions import SEPARATOR, Asked, Plan, Taken, token_of
from pytest_resilience._explore.limits import Limits
from pytest_resilience._explore.menu import Fault
from pytest_resilience._explore.oracle.suspicion import Kind, Suspicion
from resilience.redact import clean
from resilience.testing import counted

_LONGEST: Final = 200  # characters of a decision, as of a script that holds a body


@final
@dataclass(slots=True)
class Run:
    """One run, in plain data.

    Attributes:
        plan: What it was told.
        asked: What it was asked.
        reached: How many calls came to each point.
        unmet: How many decisions of the plan were never asked.
        suspicions: What was wrong with it.
        failed: Whether the test failed.
        timeline: What happened, as text; empty where nothing was wrong.
    """

    plan: Plan
    asked: list[Asked]
    reached: dict[str, int]
    unmet: list[Taken]
    suspicions: list[Suspicion]
    failed: bool
    timeline: str = ""


@final
@dataclass(frozen=True, slots=True)
class Finding:
    """A bug that exploring has found, with the smallest plan that shows it.

    Attributes:
        kind: Which rule was broken, such as ``wrong result`` or ``leak``.
        text: What happened, in one line.
        where: File and line of the user's code at which it was seen, as ``path:line``; empty where there is none.
        plan: What went otherwise in that run, one line for each fault.
        scripts: The lines that make an ordinary test fail in the same way; empty where no script alone does.
        token: What ``--resilience-replay`` takes.
        timeline: What happened in that run.
    """

    kind: Kind
    text: str
    where: str
    plan: tuple[str, ...]
    scripts: tuple[str, ...]
    token: str
    timeline: str

    def __str__(self) -> str:
        return f"{self.kind}: {self.text}"


@final
@dataclass(slots=True)
class Exploration:
    """What exploring a test, or a function, came to.

    Attributes:
        findings: The bugs, each once.
        runs: How many runs had a plan.
        explored: How many plans these were: of those that chance has drawn, two may be the same.
        known: How many plans are known; more may show themselves in runs that were not made.
        exhausted: Whether all of them were run.
        unreached: How many planned faults never struck.
        seconds: How much real time it took.
        threaded: Whether several threads took turns.
        deviating: Whether the schedule was explored, too: that of threads, or of timers that may be late.
        stopped: Why it ended before all plans were run; empty where the budget ended it, or nothing did.

    Example:
        ``assert not explore(place_order).findings``
    """

    limits: Limits
    findings: list[Finding] = field(default_factory=list)
    runs: int = 0
    explored: int = 0
    known: int = 0
    exhausted: bool = False
    unreached: int = 0
    seconds: float = 0.0
    stopped: str = ""
    threaded: bool = False
    deviating: bool = False
    fates: Counter[tuple[str, int, str]] = field(default_factory=Counter)

    @property
    def _most(self) -> str:
        limits = [(self.limits.faults, "fault"), (self.limits.schedules if self.deviating else 0, "deviation")]
        said = " and ".join(counted(number, word) for number, word in limits if number)
        return f"at most {said}" if said else "no fault"

    @property
    def extent(self) -> str:
        """How much was explored: ``explored all 64 plans with at most 1 fault``."""
        if not self.exhausted:
            return f"explored {self.explored} of at least {self.known} plans"
        return f"explored all {self.known} plans with {self._most}"


def finding_of(suspicion: Suspicion, run: Run, seed: int) -> Finding:
    """Return what was wrong with a run whose random numbers were drawn from a seed, with the plan that led to it."""
    taken = {each.about: each.options[each.choice - 1] for each in run.asked if each.choice}
    steps = [(about, taken[about]) for about, _ in run.plan if about in taken]
    faults = [(about.rpartition(SEPARATOR), fault) for about, fault in steps if isinstance(fault, Fault)]
    replayable = (
        run.failed  # as it would under a script
        and suspicion.kind != "poisoned"
        and len(faults) == len(steps)
        and all(fault.is_replayable for _, fault in faults)
        and len({point for (point, _, _), _ in faults}) == len(faults)
    )
    scripts = [
        f"faults.inject({fault.place or _quoted(point)}, {_quoted(str(fault.script_from(int(call))))})"
        for (point, _, call), fault in faults
    ]
    return Finding(
        kind=suspicion.kind,
        text=suspicion.text,
        where=suspicion.where,
        plan=tuple(clean(f"{about}: {what}", limit=_LONGEST) for about, what in steps),
        scripts=tuple(scripts) if replayable else (),
        token=token_of(run.plan, seed),
        timeline=run.timeline,
    )


def _quoted(text: str) -> str:
    return '"' + text.replace("\\", "\\\\").replace('"', '\\"') + '"'
