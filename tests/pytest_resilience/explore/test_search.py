"""In which order plans are run, and what is said of those that were not."""

from __future__ import annotations

import threading

from pytest_resilience import explore
from resilience import create_retry_decorator
from tests.pytest_resilience.explore.test_schedules import run_all


def depositing(steps, *, guarded=False):
    """Two threads count in a loop of so many steps, each of them once more than the other one looks."""
    account, lock = {"balance": 0}, threading.Lock()

    def deposit():
        for _ in range(steps):
            with lock if guarded else threading.Lock():
                balance = account["balance"]
                account["balance"] = balance + 1

    run_all(deposit, deposit)
    assert account["balance"] == 2 * steps


def test_more_schedules_than_the_budget_are_drawn_by_chance():
    """Random priorities find in few runs what some hundreds of plans would, and what is left out is told."""
    exploration = explore(lambda: depositing(15), budget=20)
    (finding,) = exploration.findings
    assert finding.kind == "wrong result"
    assert len(finding.plan) <= 3  # however many decisions chance has taken
    assert exploration.extent == f"explored {exploration.explored} of at least {exploration.known} plans"
    assert exploration.runs == 20 >= exploration.explored > 10  # a thread that falls behind may have been last anyway
    assert exploration.known > 100


def test_chance_finds_nothing_where_there_is_nothing():
    """Whatever the priorities, a lock is heeded, and nobody waits for ever."""
    assert explore(lambda: depositing(6, guarded=True), budget=15).findings == []


def test_what_chance_draws_is_the_same_each_time():
    """The seed decides, so that each exploration runs the same plans, and finds the same."""
    first, second = (explore(lambda: depositing(6), budget=10) for _ in range(2))
    assert [each.token for each in first.findings] == [each.token for each in second.findings]
    assert first.extent == second.extent
    other = explore(lambda: depositing(6), budget=10, seed=1)
    assert [each.plan for each in other.findings] != [each.plan for each in first.findings]


def test_a_budget_of_real_time_is_spent_and_not_exceeded_by_more_than_a_run():
    """Where all plans fit they are run, and it ends before its time."""
    exploration = explore(lambda: depositing(2), budget="0.5m30s")
    assert exploration.exhausted
    assert exploration.seconds < 60


def test_what_was_run_exactly_as_far_as_the_budget_goes_was_not_cut_off():
    """The last plan that there is and the last run of the budget may be the same."""

    @create_retry_decorator(max_attempts=2)
    def fetch():
        return 1

    runs = explore(fetch).runs
    assert explore(fetch, budget=runs).extent == f"explored all {runs} plans with at most 1 fault"
    assert explore(fetch, budget=runs - 1).extent == f"explored {runs - 1} of at least {runs} plans"
