"""The function `explore`, its limits, and what it refuses."""

from __future__ import annotations

import functools
import itertools

import pytest

from pytest_resilience import NotExplorableError, explore
from resilience import create_retry_decorator, failpoint
from resilience.testing import Interceptor, arming


@create_retry_decorator(max_attempts=3)
def fetch():
    return "stock"


def read_a_file():
    return "line"


def test_all_plans_are_run_where_the_budget_allows_it():
    """With no cut, the exploration says so, and how many plans there were."""
    exploration = explore(fetch)

    assert exploration.exhausted
    assert exploration.extent == f"explored all {exploration.runs} plans with at most 1 fault"
    assert exploration.unreached == 0


def test_what_the_budget_cuts_off_is_said():
    """A truncated exploration is none that found nothing."""
    exploration = explore(fetch, budget=2)

    assert not exploration.exhausted
    assert exploration.extent == f"explored 2 of at least {exploration.known} plans"
    assert exploration.known > 2


IN_C = """
import os
from pytest_resilience import Faults, explore
from resilience import create_retry_decorator

@create_retry_decorator(max_attempts=3)
def fetch():
    return "stock"

def reading():
    with Faults() as faults:
        faults.inject(os.getpid, "1*return(1)")
        assert (os.getpid(), fetch()) == (1, "stock")

exploration = explore(reading, budget=3)
assert (exploration.runs, exploration.findings) == (3, [])
"""


@pytest.mark.slow
def test_a_run_can_put_a_fault_on_a_function_in_c(run_importing):
    """What a run injects itself strikes there, though exploring keeps the collector away from what is loaded."""
    ran = run_importing(IN_C)  # each run looks for the function in all objects, which are many in this process
    assert ran.returncode == 0, ran.stderr


def test_a_function_that_is_named_is_a_point():
    """`points` adds functions that are neither decorated nor failpoints: as they are, by name, or by pattern."""

    def reading():
        assert read_a_file() == "line"

    for point in (read_a_file, f"{__name__}:read_a_file", f"{__name__}:read_*"):
        assert explore(reading, points=[point]).runs == 3


class Recorder(Interceptor):
    """Counts the calls, which are none at first, so that it is false then."""

    def __init__(self):
        self.calls = 0

    def __len__(self):
        return self.calls

    def call(self, function, args, kwargs):
        self.calls += 1
        return function(*args, **kwargs)


def test_a_call_passes_what_the_test_has_armed_itself():
    """A point stands before that, whatever its truth is."""
    numbers = []

    def recorded():
        recorder = Recorder()
        with arming("Surface.recorded", recorder):
            failpoint("Surface.recorded")
        numbers.append(len(recorder))

    explore(recorded, budget=1)
    assert numbers
    assert {*numbers[:3]} == {1}


def test_a_function_that_fails_by_itself_is_not_explored():
    """The run without faults comes first."""

    def failing():
        raise ValueError("wrong")

    with pytest.raises(NotExplorableError) as refusal:
        explore(failing)
    assert str(refusal.value).startswith("it fails without any fault: ValueError: wrong (")


def test_a_function_without_points_is_not_explored():
    """There is nothing that could go wrong, and the message says what to write."""
    with pytest.raises(NotExplorableError) as refusal:
        explore(read_a_file)
    assert str(refusal.value) == (
        "there is nothing to explore: the test has one thread, and reaches no decorated callable, no failpoint and no "
        'place of fault_server or fault_proxy. Name what can fail: @pytest.mark.explore(points=["orders.stock:*", "GET '
        'https://api.example.com/*"])'
    )


def test_a_cache_that_outlives_the_test_is_named_where_it_leaves_nothing_to_explore():
    """What the first run has called, and no later one does, shows why there is nothing."""
    known = functools.cache(fetch)

    with pytest.raises(NotExplorableError) as caught:
        explore(lambda: known())

    assert str(caught.value) == (
        f"there is nothing to explore: the first run called {__name__}:fetch, and later ones in the same process do "
        "not. Something that outlives the test, such as a cache, keeps what it got: make it anew in a fixture"
    )


def test_a_function_that_takes_another_course_each_time_is_named_with_the_first_difference():
    """Without determinism no plan could be replayed."""
    numbers = itertools.count()

    def changing():
        fetch()
        if next(numbers) % 2:
            fetch()

    with pytest.raises(NotExplorableError) as refusal:
        explore(changing)
    assert str(refusal.value).startswith(
        f"the test is not deterministic: of two runs without faults, `{__name__}:fetch, call 2 (7 options)` came in one "
        "of them only. Usual causes: the order of a set, os.urandom or uuid4, "
    )


def test_a_function_that_can_be_run_once_only_is_not_explored():
    """What outlives the run is told from a fault."""
    runs = []

    def once():
        fetch()
        runs.append(True)
        assert len(runs) == 1

    with pytest.raises(NotExplorableError) as refusal:
        explore(once)
    assert str(refusal.value).startswith(
        "the test passed, and fails when it is run again in the same process, without any fault: assert 2 == 1"
    )


@pytest.mark.parametrize(
    ("limits", "message"),
    [
        ({"faults": -1}, "faults must be from 0 to 5, got -1"),
        ({"faults": True}, "faults must be an int, got True"),
        ({"points": 3}, "points must be a list of functions or of patterns of names, such as 'orders.stock:*', got 3"),
        ({"allowed": [3]}, "allowed must be a list of exception types, got [3]"),
        ({"budget": 0}, "budget must be a number of runs, such as 200, or real time, such as 30s or 5m, got 0"),
        (
            {"budget": "soon"},
            "budget must be a number of runs, such as 200, or real time, such as 30s or 5m, got 'soon'",
        ),
        (
            {"budget": "1.5"},
            "budget must be a number of runs, such as 200, or real time, such as 30s or 5m, got '1.5'",
        ),
        ({"budget": 1.5}, "budget must be a number of runs, such as 200, or real time, such as 30s or 5m, got 1.5"),
    ],
)
def test_limits_that_make_no_sense_are_refused(limits, message):
    """The message names the argument, the value, and what is valid."""
    with pytest.raises((TypeError, ValueError)) as refusal:
        explore(fetch, **limits)
    assert str(refusal.value) == message


def test_what_can_t_be_called_is_refused():
    """`explore` wants a function."""
    with pytest.raises(TypeError) as refusal:
        explore("fetch")
    assert str(refusal.value) == "explore() takes a function to be run, got 'fetch'"
