"""Shrinking: from a run that is a bug to one with a smaller plan that shows the same bug."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Final

from pytest_resilience._explore.decisions import Plan, Taken
from pytest_resilience._explore.findings import Run

_MOST_RUNS: Final = 100  # for one finding: a plan has a few decisions, or some dozens that chance has drawn


def shrunk(found: Run, run: Callable[[Plan], Run], is_same: Callable[[Run], bool]) -> Run:
    """Return a run with a smaller plan that shows the same bug, if there is one.

    Args:
        found: The run that shows it.
        run: Runs another plan.
        is_same: Tells whether a run shows the same bug.
    """
    candidates = _smaller(found.plan)
    for _ in range(_MOST_RUNS):
        plan = next(candidates, None)
        if plan is None:
            break
        tried = run(plan)
        if is_same(tried):
            found, candidates = tried, _smaller(tried.plan)
    return found


def _smaller(plan: Plan) -> Iterator[Plan]:
    """Yield the plans without some of the decisions, at first many at once, then those with a simpler one."""
    size = len(plan) // 2
    while size:
        for index in range(0, len(plan), size):
            yield (*plan[:index], *plan[index + size :])
        size //= 2
    for index, (about, choice) in enumerate(plan):
        for simpler in range(1, choice):
            yield (*plan[:index], Taken(about, simpler), *plan[index + 1 :])
