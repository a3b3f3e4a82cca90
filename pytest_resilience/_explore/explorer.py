"""The explorer: which plans are run, in which order, and what their runs are taken for."""

from __future__ import annotations

import contextlib
import sys
import time
import weakref
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from typing import Any, final

from pytest_resilience._explore.agenda import Agenda, is_fault
from pytest_resilience._explore.decisions import SEPARATOR, Decisions, Draw, Plan
from pytest_resilience._explore.findings import Exploration, Run, finding_of
from pytest_resilience._explore.function_points import functions_of
from pytest_resilience._explore.limits import Limits
from pytest_resilience._explore.menu import Fault, Menus
from pytest_resilience._explore.oracle.leaks import HELD_LOCK
from pytest_resilience._explore.oracle.outcome import hangs_for_ever, judge
from pytest_resilience._explore.oracle.pace import in_step, too_early
from pytest_resilience._explore.oracle.suspicion import Suspicion, of_error
from pytest_resilience._explore.oracle.watch import Watch, uncounted_garbage
from pytest_resilience._explore.patience import Patience, has_lost_another
from pytest_resilience._explore.points import Points
from pytest_resilience._explore.schedule import Schedule
from pytest_resilience._explore.served_points import check_urls, is_url
from pytest_resilience._explore.shrinking import shrunk
from pytest_resilience._explore.subject import Ending, Subject
from pytest_resilience._timeline.timeline import Timeline
from pytest_resilience.clock._plugin import held_locks, staying_patched
from resilience.testing import counted

# Where a function has run untraced, its next traced run is told of no instruction, and so of no middle of a line.
_FORGETS_INSTRUCTIONS = sys.version_info >= (3, 13)


class NotExplorableError(Exception):
    """What was to be explored can't be: it fails without faults, reaches no point, or differs from run to run."""


@final
class Explorer:
    """Explores one test.

    Args:
        subject: The test.
        limits: How far to go.
        progress: Told after each run what has been explored so far.
        first: Plans that are tried before all others: those that failed the last time.
    """

    def __init__(
        self,
        subject: Subject,
        limits: Limits,
        progress: Callable[[Exploration], None] = lambda _: None,
        first: Sequence[Plan] = (),
    ) -> None:
        self.exploration = Exploration(limits)
        self._subject = subject
        self._limits = limits
        self._progress = progress
        self._first = first
        self._functions = functions_of([each for each in limits.points if not is_url(each)])
        self._urls = [each for each in limits.points if isinstance(each, str) and is_url(each)]
        check_urls(self._urls)
        self._menus = Menus()
        self._agenda = Agenda(self.exploration, subject.seed)
        self._steps = 0
        self._reached: dict[str, int] = {}
        self._usual_s: float | None = None
        self._same: set[tuple[Plan, str, str]] = set()
        self._keys: set[tuple[str, str]] = set()
        self._usual: Counter[Suspicion] = Counter()
        self._leave_out: Callable[[], None] = lambda: None
        self._began = time.perf_counter()

    def explore(self) -> Exploration:
        """Run the plans, as far as the budget goes.

        Raises:
            NotExplorableError: There is nothing to explore, or two runs without faults differ.
        """
        try:
            with self.opened():
                return self._explored()
        finally:
            self.exploration.seconds = time.perf_counter() - self._began

    @contextlib.contextmanager
    def opened(self) -> Iterator[None]:
        """Put the functions that are points under control for the length of a ``with`` block, and clocks in place."""
        with contextlib.ExitStack() as opening:
            opening.enter_context(staying_patched())
            for each in self._functions:
                opening.enter_context(each.installed())
            self._leave_out = opening.enter_context(uncounted_garbage())
            yield

    def _explored(self) -> Exploration:
        golden = self._golden()
        self._steps = _steps_of(golden)
        self._agenda.add_first(self._first)
        self._agenda.extend((), golden.asked)
        while not self.exploration.stopped:
            left = self._left_over()
            upcoming = self._agenda.upcoming(left, self._steps)
            self.exploration.exhausted = upcoming is None
            if upcoming is None or left < 1:
                break
            plan, draw = upcoming
            if draw is None and self._is_known_to_be_same(plan, golden):
                self.exploration.known -= 1
                continue
            self._explore(plan, draw)
            self._progress(self.exploration)
        return self.exploration

    def warm_up(self) -> Run:
        """Find out whether there are several threads, and trace the program once if so: both change what runs ask.

        Returns:
            The first run.
        """
        first = self._right_run(is_first=True)
        if self.exploration.threaded:  # from 3.12 on, code that is traced for the first time tells less of itself
            self._right_run()
        return first

    def run(self, plan: Plan, draw: Draw | None = None, *, traced: bool = True) -> Run:
        """Run the test once, as a plan says, and chance where it says nothing.

        Without ``traced``, threads can't be stopped at each line, which takes half of the time of a run that has them.
        """
        decisions = Decisions(plan, draw)
        schedule = Schedule(decisions, traced=traced and self.exploration.threaded)
        with Watch() as watch:
            run, timeline, is_void, taken_s = self._run(plan, decisions, schedule, watch)
            seen = Counter(watch.suspicions())
            if is_void:
                seen.clear()
            self._leave_out()
        self.exploration.threaded = self.exploration.threaded or schedule.switched
        self.exploration.deviating = self.exploration.deviating or _steps_of(run) > 0
        if run.plan:
            run.suspicions += [*(seen - self._usual)]
        else:
            self._usual |= seen
            self._reached = run.reached
            self._usual_s = max(self._usual_s or 0.0, taken_s)
        run.timeline = str(timeline) if run.suspicions else ""
        return run

    def _run(
        self, plan: Plan, decisions: Decisions, schedule: Schedule, watch: Watch
    ) -> tuple[Run, Timeline | None, bool, float]:
        """Run the test, and judge how it ended. Nothing that this returns keeps objects of the test alive.

        Returns:
            The run, what happened in it, whether that tells nothing of the program, and how long it took.
        """
        points = Points(decisions, self._menus, self._functions, self._urls, self._subject.test)
        patience = Patience(self._usual_s)
        locks: list[weakref.ref[Any]] = []

        @contextlib.contextmanager
        def around() -> Iterator[None]:
            with patience, points, schedule if self._limits.schedules else contextlib.nullcontext():
                try:
                    yield
                finally:
                    locks.extend(held_locks())

        ending = self._subject.run(around)
        ending.held_locks = locks
        plan = decisions.taken or plan
        late = None if has_lost_another(points.strikes) else patience.error
        others = (each for each in ending.errors if each is not patience.error)
        ending.errors = [*filter(None, [points.endless, late]), *others]
        suspicions = self._judged(plan, ending, points)
        is_void = hangs_for_ever(ending.errors, points.strikes, ending.beyond)
        watch.read(ending)
        self._subject.forget()
        if ending.timeline is not None:
            ending.timeline.release()
        run = Run(plan, decisions.asked, dict(points.calls), decisions.unmet, suspicions, bool(ending.errors))
        return run, ending.timeline, is_void, patience.taken_s

    def _judged(self, plan: Plan, ending: Ending, points: Points) -> list[Suspicion]:
        if plan:
            return [
                *judge(ending.errors, points.strikes, self._limits.allowed, ending.beyond),
                *too_early(points.strikes, points.times, self._reached),
                *in_step(points.strikes),
            ]
        return [of_error("other error", each) for each in ending.errors]

    def _golden(self) -> Run:
        """Run the test without faults, until its imports are warm and its course is known."""
        first = self.warm_up()
        second, third = self._right_run(), self._right_run()
        for number, (one, other) in enumerate(zip(_course(second), _course(third), strict=False), start=1):
            if one != other:
                raise NotExplorableError(_differs(f"decision {number} was `{one}`, then `{other}`"))
        if len(second.asked) != len(third.asked):
            longer = max(second, third, key=lambda run: len(run.asked))
            extra = _course(longer)[min(len(second.asked), len(third.asked))]
            raise NotExplorableError(_differs(f"`{extra}` came in one of them only"))
        if not third.asked and first.reached:
            called = ", ".join(sorted(first.reached))
            raise NotExplorableError(
                f"there is nothing to explore: the first run called {called}, and later ones in the same process do "
                "not. Something that outlives the test, such as a cache, keeps what it got: make it anew in a fixture"
            )
        if not third.asked:
            raise NotExplorableError(
                "there is nothing to explore: the test has one thread, and reaches no decorated callable, no failpoint "
                "and no place of fault_server or fault_proxy. Name what can fail: "
                '@pytest.mark.explore(points=["orders.stock:*", "GET https://api.example.com/*"])'
            )
        return third

    def _right_run(self, *, is_first: bool = False) -> Run:
        run = self.run(())
        if run.suspicions and is_first:
            raise NotExplorableError(f"it fails without any fault: {run.suspicions[0]}")
        if run.suspicions:
            raise NotExplorableError(
                "the test passed, and fails when it is run again in the same process, without any fault: "
                f"{run.suspicions[0]}. Something that outlives the test keeps a state: "
                "make it anew in a fixture"
            )
        return run

    def _explore(self, plan: Plan, draw: Draw | None = None) -> None:
        run = self.run(plan, draw)
        self.exploration.runs += 1
        self._steps = self._steps or _steps_of(run)
        if draw is None or self._agenda.is_new(run.plan):
            self.exploration.explored += 1
        self._note(run)
        poisoned = self._poisoned_by(run)
        if draw is None and not run.unmet and not run.suspicions:
            self._agenda.extend(run.plan, run.asked)
        for suspicion in [*run.suspicions, *poisoned]:
            self._found(suspicion, run)

    def _poisoned_by(self, run: Run) -> list[Suspicion]:
        """Run the test without faults: what went wrong must not make it fail."""
        if HELD_LOCK in run.suspicions:
            self.exploration.stopped = "a lock is still held, which the next run might wait for in real time, for ever"
            return []
        after = self.run((), traced=_FORGETS_INSTRUCTIONS)
        if not after.suspicions:
            return []
        seen = after.suspicions[0]
        self.exploration.stopped = "the test no longer passes without faults, so that nothing more can be told"
        run.timeline = run.timeline or after.timeline
        return [Suspicion("poisoned", f"the next run, without any fault, fails: {seen.text}", seen.where)]

    def _found(self, suspicion: Suspicion, run: Run) -> None:
        key = suspicion.key
        if key in self._keys:
            return
        if suspicion.kind != "poisoned" and len(run.plan) > 1:
            run = shrunk(run, self.run, lambda tried: any(each.key == key for each in tried.suspicions))
        self._keys.add(key)
        self.exploration.findings.append(finding_of(suspicion, run, self._subject.seed))

    def _note(self, run: Run) -> None:
        """Note what became of each fault of a run, and which plans would take the same course."""
        self.exploration.unreached += len(run.unmet)
        options = {each.about: each.options[each.choice - 1] for each in run.asked if each.choice}
        fate = "BUG" if run.suspicions else "failed loudly" if run.failed else "survived"
        for about, fault in options.items():
            point, _, call = about.rpartition(SEPARATOR)
            if not isinstance(fault, Fault):
                continue
            self.exploration.fates[point, int(call), fate] += 1
            if fault.calls is not None:
                came = run.reached.get(point, 0) - int(call) + 1
                if came <= fault.calls:  # one that went on for longer would have struck nothing more
                    before = tuple(each for each in run.plan if each.about != about)
                    self._same.add((before, about, str(fault.strike)))
        for about, _ in run.unmet:
            point, _, call = about.rpartition(SEPARATOR)
            if point:
                self.exploration.fates[point, int(call), "unreached"] += 1

    def _is_known_to_be_same(self, plan: Plan, golden: Run) -> bool:
        options = {each.about: each.options for each in golden.asked}
        about, choice = plan[-1]
        if about not in options or choice > len(options[about]) or plan in self._first:
            return False
        fault = options[about][choice - 1]
        return (plan[:-1], about, str(getattr(fault, "strike", fault))) in self._same

    def _left_over(self) -> float:
        """How many plans can still be run."""
        budget = self._limits.budget
        if budget.runs is not None:
            return budget.runs - self.exploration.runs
        assert budget.seconds is not None
        gone = time.perf_counter() - self._began
        each = gone / (self.exploration.runs + 2)  # four runs came before the first plan, and each has two
        return max(0.0, budget.seconds - gone) and max(1.0, (budget.seconds - gone) / each)


def _steps_of(run: Run) -> int:
    """Return how many decisions about the schedule a run has asked."""
    return sum(not is_fault(each) for each in run.asked)


def _course(run: Run) -> list[str]:
    return [f"{each.about} ({counted(len(each.options), 'option')})" for each in run.asked]


def _differs(what: str) -> str:
    return (
        f"the test is not deterministic: of two runs without faults, {what}. Usual causes: the order of a set, "
        "os.urandom or uuid4, real time in time.perf_counter, a thread or process outside of the virtual clock, or a "
        "state that outlives the test"
    )
