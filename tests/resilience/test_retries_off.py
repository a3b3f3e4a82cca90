"""`retries_off`: one switch for tests that want the failure and not the waiting."""

from __future__ import annotations

import threading

import pytest
import tenacity

from resilience import conn_retry, continuous_retry, create_retry_decorator
from resilience.testing import retries_off

DECORATORS = {
    "retry": create_retry_decorator(5),
    "connection": conn_retry("Redis", "connect"),
    "continuous": continuous_retry(),
}
every_decorator = pytest.mark.parametrize("decorator", DECORATORS)


@every_decorator
def test_a_failing_call_makes_one_attempt(mode, ends, decorator):
    """It gives up at once and raises the error of the function, with a note that says why."""
    error = ConnectionError("refused")
    fetch = DECORATORS[decorator](mode.function(error))
    with retries_off():
        assert mode.fails(fetch) is error
    assert mode.attempts == 1
    assert [(end.outcome, end.reason) for end in ends] == [("gave_up", "attempts")]
    assert error.__notes__ == [f"{fetch.failpoint}: gave up after 1 attempt, reason: attempts (retries are turned off)"]


@every_decorator
def test_after_the_block_calls_are_retried(mode, decorator):
    """The switch is back where it was, whatever happened in the block."""
    with pytest.raises(ZeroDivisionError), retries_off():
        raise ZeroDivisionError
    fetch = DECORATORS[decorator](mode.function(ConnectionError, "stock"))
    mode.waits_of(fetch)
    assert mode.run(fetch) == "stock"


def test_what_succeeds_is_not_concerned(mode):
    """A call that needs no second attempt is made as ever."""
    with retries_off():
        assert mode.run(create_retry_decorator()(mode.function("stock"))) == "stock"


def test_a_refused_result_is_not_asked_for_again(mode):
    """It raises what it would raise after the last attempt."""
    fetch = create_retry_decorator(retry_on_result=lambda result: result == 0)(mode.function(0))
    with retries_off():
        mode.fails(fetch, tenacity.RetryError)
    assert mode.attempts == 1


def test_it_binds_every_thread(sync_mode):
    """Threads that the test starts, or has started, make one attempt as well."""
    fetch = create_retry_decorator()(sync_mode.function(ConnectionError))
    thread = threading.Thread(target=lambda: sync_mode.fails(fetch))
    with retries_off():
        thread.start()
        thread.join()
    assert sync_mode.attempts == 1


def test_blocks_may_overlap_in_any_way(sync_mode):
    """Retries are off as long as any block lasts."""
    first, second = retries_off(), retries_off()
    fetch = create_retry_decorator(2, max_wait=0)(sync_mode.function(ConnectionError))
    first.__enter__()
    second.__enter__()
    first.__exit__(None, None, None)
    sync_mode.fails(fetch)
    assert sync_mode.attempts == 1
    second.__exit__(None, None, None)
    sync_mode.fails(fetch)
    assert sync_mode.attempts == 3


def test_it_decorates_a_test_too(sync_mode):
    """The length of a function is a block as well."""

    @retries_off()
    def run():
        sync_mode.fails(create_retry_decorator()(sync_mode.function(ConnectionError)))

    run()
    assert sync_mode.attempts == 1
