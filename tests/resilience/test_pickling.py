"""Decorated callables travel to other processes, as those of joblib and dask do, and begin there anew."""

from __future__ import annotations

import asyncio
import logging
import pickle
import subprocess
import sys

import pytest
import tenacity

from pytest_resilience import Faults
from resilience import conn_retry, continuous_retry, create_retry_decorator, func_retry
from resilience.events import stream

NO_WAIT = tenacity.wait_none()
DECORATORS = {
    "retry": create_retry_decorator(3, wait=NO_WAIT),
    "ready made": func_retry,
    "connection": conn_retry("Redis", "connect", wait=NO_WAIT, timeout=60.0),
    "continuous": continuous_retry(retry_delay=0),
}


@pytest.fixture
def cloudpickle():
    """What pickles functions by value."""
    return pytest.importorskip("cloudpickle")


def made(decorator, *, is_async=False):
    """A decorated function that no module has a name for, which fails at every other attempt."""
    attempts = []

    def fetch(number):
        attempts.append(number)
        if len(attempts) % 2:
            raise ConnectionError("refused")
        return number + 1

    async def fetch_async(number):
        return fetch(number)

    return DECORATORS[decorator](fetch_async if is_async else fetch)


@pytest.mark.parametrize("decorator", DECORATORS)
@pytest.mark.parametrize("is_async", [False, True], ids=["sync", "async"])
def test_a_decorated_function_is_pickled_by_value(cloudpickle, decorator, is_async):
    """The copy is retried as the function is, and has a controller and statistics of its own."""
    fetch = made(decorator, is_async=is_async)
    fetch.retry.sleep = tenacity.sleep if not is_async else asyncio.sleep
    fetch.retry.wait = NO_WAIT
    copy = pickle.loads(cloudpickle.dumps(fetch))
    assert (asyncio.run(copy(1)) if is_async else copy(1)) == 2
    assert copy.statistics["attempt_number"] == 2
    assert copy.statistics is copy.retry.statistics
    assert fetch.statistics == {}
    assert copy.failpoint == fetch.failpoint


def test_state_starts_anew(cloudpickle):
    """What the latest call did is not known in another process."""
    fetch = made("retry")
    fetch(1)
    assert fetch.statistics["attempt_number"] == 2
    assert pickle.loads(cloudpickle.dumps(fetch)).statistics == {}


def test_faults_and_events_of_this_process_concern_the_copy(cloudpickle):
    """A copy belongs to the process in which it is: whatever is armed and listens there."""
    copy = pickle.loads(cloudpickle.dumps(made("retry")))
    with Faults() as faults:
        injection = faults.inject(copy.failpoint, "1*return(42)")
        assert copy(1) == 42
        assert injection.fired == 1


@pytest.mark.slow
def test_it_runs_in_another_process(cloudpickle):
    """A new interpreter needs the package alone to run the copy."""
    pickled = cloudpickle.dumps(func_retry(lambda number: number + 1))
    program = "import pickle, sys; print(pickle.load(sys.stdin.buffer)(1))"
    done = subprocess.run([sys.executable, "-c", program], input=pickled, capture_output=True, check=True)
    assert done.stdout.decode() == "2\n"


def test_what_is_of_this_process_is_pickled_as_a_name():
    """The stream of events, the controller of a function and its statistics can be pickled by anything."""
    fetch = create_retry_decorator(3, wait=NO_WAIT)(logging.getLogger)
    fetch()
    assert pickle.loads(pickle.dumps(stream)) is stream
    copy = pickle.loads(pickle.dumps(fetch.retry))
    assert copy.statistics == {}
    assert copy.stop.max_attempt_number == 3
    assert not copy.direct
    assert pickle.loads(pickle.dumps(fetch.statistics)) == {}
