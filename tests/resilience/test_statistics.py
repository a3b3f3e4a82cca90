"""``.retry``, ``.retry_with`` and ``.statistics``: what tenacity's users expect on a decorated callable."""

from __future__ import annotations

import functools
import time
import traceback
from typing import Any

import pytest
import tenacity

from resilience import conn_retry, continuous_retry, create_retry_decorator

NO_WAIT = tenacity.wait_none()
KINDS = {
    "retry": lambda: create_retry_decorator(4, wait=NO_WAIT),
    "connection": lambda: conn_retry("Redis", "connect", 3, wait=NO_WAIT),
    "continuous": lambda: continuous_retry(retry_delay=0),
    "deadline": lambda: create_retry_decorator(4, wait=NO_WAIT, timeout=3600.0),
}


@pytest.fixture(params=KINDS)
def decorator(request):
    """Each decorator."""
    return KINDS[request.param]()


def test_the_controller_is_tenacitys(mode, decorator):
    """``.retry`` is a controller of tenacity, of the kind that fits the function."""
    fetch = decorator(mode.function("stock"))
    assert isinstance(fetch.retry, tenacity.AsyncRetrying if mode.is_async else tenacity.Retrying)


def test_before_the_first_call_statistics_are_empty(mode, decorator):
    """Nothing has been counted before anything has been called."""
    fetch = decorator(mode.function("stock"))
    assert fetch.statistics == {}
    assert fetch.retry.statistics == {}


@pytest.mark.parametrize("failures", [0, 1, 3])
def test_they_show_the_last_call(mode, decorator, failures):
    """Attempts, time waited and time passed are those of the call that ended last."""
    fetch = decorator(mode.function(*[ConnectionError] * failures, "stock"))
    mode.run(fetch)
    shown = fetch.statistics
    assert set(shown) == {"start_time", "attempt_number", "idle_for", "delay_since_first_attempt"}
    assert shown["attempt_number"] == failures + 1
    assert shown["idle_for"] == 0
    assert shown["start_time"] <= time.monotonic()
    mode.run(fetch)
    assert fetch.statistics["attempt_number"] == 1


def test_a_call_that_is_broken_off_at_once_is_the_last_one(mode):
    """After Ctrl-C at the first attempt nothing is left of the call before."""
    fetch = create_retry_decorator(3)(mode.function(ConnectionError, "stock", KeyboardInterrupt))
    mode.waits_of(fetch)
    mode.run(fetch)
    assert fetch.statistics["attempt_number"] == 2
    mode.fails(fetch, KeyboardInterrupt)
    assert fetch.statistics["attempt_number"] == 1


def test_they_are_there_after_giving_up(mode):
    """A call that gives up is counted like any other."""
    fetch = create_retry_decorator(4, wait=tenacity.wait_fixed(2))(mode.function(ConnectionError))
    mode.waits_of(fetch)
    mode.fails(fetch, ConnectionError)
    assert fetch.statistics["attempt_number"] == 4
    assert fetch.statistics["idle_for"] == 6


def test_they_count_waits_and_delay(timed_mode, virtual_clock):
    """``idle_for`` is the time waited, ``delay_since_first_attempt`` the time until the last failure."""
    began = time.monotonic()
    fetch = create_retry_decorator(4, wait=tenacity.wait_fixed(2.5))(timed_mode.function(*[KeyError] * 3, "stock"))
    timed_mode.run(fetch)
    assert fetch.statistics == {
        "start_time": pytest.approx(began),
        "attempt_number": 4,
        "idle_for": 7.5,
        "delay_since_first_attempt": pytest.approx(5.0),
    }


def test_the_dictionary_stays_the_same_object(mode, decorator):
    """Who holds ``.statistics``, such as an outer decorator, sees every call."""
    fetch = decorator(mode.function(ConnectionError, "stock"))
    held = fetch.statistics

    @functools.wraps(fetch)
    def outer(*args):
        return fetch(*args)

    mode.run(fetch)
    assert held is fetch.statistics is fetch.retry.statistics is outer.statistics
    assert held["attempt_number"] == 2


def test_functions_have_statistics_of_their_own(mode, decorator):
    """Functions of one decorator, and the copies that ``retry_with`` makes, count apart."""
    first, second = decorator(mode.function(KeyError, "stock")), decorator(mode.function("stock"))
    copy = first.retry_with(wait=NO_WAIT)
    mode.run(first)
    assert second.statistics == copy.statistics == {}
    assert first.statistics["attempt_number"] == 2


@pytest.mark.parametrize(
    ("changed", "attempts"),
    [
        ({"stop": tenacity.stop_after_attempt(2)}, 2),
        ({"stop": tenacity.stop_after_attempt(7)}, 7),
        ({"stop": tenacity.stop_after_attempt(9) | tenacity.stop_after_attempt(3)}, 3),
        ({"retry": tenacity.retry_if_exception_type(ValueError)}, 1),
        ({"retry": tenacity.retry_never}, 1),
        ({"enabled": False}, 1),
    ],
    ids=["fewer", "more", "either", "another error", "never", "disabled"],
)
@pytest.mark.parametrize("how", ["retry_with", "attribute"])
def test_stop_and_predicate_can_be_changed(mode, how, changed, attempts):
    """What ``retry_with`` makes, and what is set on ``.retry``, decides about the attempts."""
    fetch = create_retry_decorator(4, wait=NO_WAIT)(mode.function(ConnectionError))
    if how == "retry_with":
        fetch = fetch.retry_with(**changed)
    else:
        for name, value in changed.items():
            setattr(fetch.retry, name, value)
    mode.fails(fetch, ConnectionError)
    assert mode.attempts == attempts


def test_retry_with_leaves_the_original_alone(mode):
    """The decorated function itself stays as it was."""
    fetch = create_retry_decorator(2, wait=NO_WAIT)(mode.function(ConnectionError))
    fetch.retry_with(stop=tenacity.stop_after_attempt(9))
    mode.fails(fetch, ConnectionError)
    assert mode.attempts == 2


def test_retry_with_keeps_the_rest(mode, log):
    """What is not changed stays: log lines, exclusions, names, signature, and ``retry_with`` itself."""
    fetch = create_retry_decorator(2, PermissionError, context="billing", wait=NO_WAIT)(
        mode.function(ConnectionError, ConnectionError, PermissionError)
    )
    other = fetch.retry_with(stop=tenacity.stop_after_attempt(5)).retry_with(wait=NO_WAIT)
    mode.fails(other, PermissionError)
    assert [text for _, text in log.lines] == [
        "billing: Retry attempt 1 for 'fetch': ConnectionError: refused",
        "billing: Retry attempt 2 for 'fetch': ConnectionError: refused",
        "billing: Giving up after 3 attempts for 'fetch': PermissionError: refused",
    ]
    assert other.__name__ == "fetch"
    assert other.__wrapped__ is fetch.__wrapped__
    assert other.failpoint == fetch.failpoint


def test_a_predicate_of_ones_own_never_retries_ctrl_c(mode):
    """Even a predicate that asks to retry everything gets to see only an `Exception`."""
    fetch = create_retry_decorator(3, wait=NO_WAIT)(mode.function(KeyboardInterrupt))
    for predicate in (tenacity.retry_always, tenacity.retry_if_not_exception_type(ValueError)):
        mode.fails(fetch.retry_with(retry=predicate), KeyboardInterrupt)
    assert mode.attempts == 2


@pytest.mark.parametrize("hook", ["before", "after", "before_sleep"])
@pytest.mark.parametrize("how", ["retry_with", "attribute"])
def test_hooks_run_when_tenacitys_do(mode, how, hook):
    """``before`` runs before each attempt, ``after`` after each failure, ``before_sleep`` before each wait."""
    seen = []
    error = ConnectionError("refused")

    def note(state):
        seen.append((state.attempt_number, state.outcome and state.outcome.exception()))

    fetch = create_retry_decorator(3, wait=NO_WAIT)(mode.function(error))
    if how == "retry_with":
        fetch = fetch.retry_with(**{hook: note})
    else:
        setattr(fetch.retry, hook, note)
    mode.fails(fetch, ConnectionError)
    assert (
        seen
        == {
            "before": [(1, None), (2, None), (3, None)],
            "after": [(1, error), (2, error), (3, error)],
            "before_sleep": [(1, error), (2, error)],
        }[hook]
    )


def test_before_runs_for_a_call_that_succeeds_at_once(mode):
    """The first attempt has its hook too, at every call."""
    seen = []
    fetch = create_retry_decorator()(mode.function("stock"))
    fetch.retry.before = lambda state: seen.append(state.attempt_number)
    mode.run(fetch)
    mode.run(fetch)
    assert seen == [1, 1]
    fetch.retry.before = tenacity.before_nothing
    mode.run(fetch)
    assert seen == [1, 1]


def test_async_hooks_are_awaited(async_mode):
    """The hooks of an async function may be async themselves."""
    seen = []

    def hook(name):
        async def note(state):
            seen.append(name)

        return note

    fetch = create_retry_decorator(2, wait=NO_WAIT)(async_mode.function(ConnectionError))
    names = ("before", "after", "before_sleep")
    async_mode.fails(fetch.retry_with(**{name: hook(name) for name in names}), ConnectionError)
    assert seen == ["before", "after", "before_sleep", "before", "after"]


def test_an_async_predicate_is_awaited(async_mode):
    """The predicate of an async function may be async."""

    async def predicate(state):
        return state.attempt_number < 3

    fetch = create_retry_decorator(9, wait=NO_WAIT)(async_mode.function(ConnectionError))
    async_mode.fails(fetch.retry_with(retry=predicate), ConnectionError)
    assert async_mode.attempts == 3


@pytest.mark.parametrize("name", ["wait", "stop"])
def test_an_async_wait_and_an_async_stop_are_awaited(async_mode, name):
    """Wait and stop strategies of an async function may be async, as tenacity's may."""

    async def strategy(state):
        return state.attempt_number >= 3

    fetch = create_retry_decorator(3, wait=NO_WAIT)(async_mode.function(ConnectionError))
    fetch = fetch.retry_with(**{name: strategy})
    waits = async_mode.waits_of(fetch)
    async_mode.fails(fetch, ConnectionError)
    assert async_mode.attempts == 3
    assert waits == [0.0, 0.0]


def test_a_retry_error_callback_replaces_the_error(mode, log):
    """What the callback returns is the result; the call has given up all the same, and says so once."""
    fetch = create_retry_decorator(2, wait=NO_WAIT)(mode.function(ConnectionError))
    assert mode.run(fetch.retry_with(retry_error_callback=lambda state: state.attempt_number)) == 2
    assert log.lines == [
        ("WARNING", "Retry attempt 1 for 'fetch': ConnectionError: refused"),
        ("ERROR", "Giving up after 2 attempts for 'fetch': ConnectionError: refused"),
    ]


def test_results_can_be_retried(mode):
    """A predicate that asks about results works as in tenacity."""
    fetch = create_retry_decorator(4, wait=NO_WAIT)(mode.function(None, None, "stock"))
    assert mode.run(fetch.retry_with(retry=tenacity.retry_if_result(lambda result: result is None))) == "stock"
    assert mode.attempts == 3


def test_results_that_never_please_end_in_a_retry_error(mode, log):
    """When no result is good enough, tenacity's RetryError holds the last one, and giving up is logged once."""
    fetch = create_retry_decorator(2, reraise=False, wait=NO_WAIT)(mode.function("empty"))
    raised = mode.fails(fetch.retry_with(retry=tenacity.retry_if_result(lambda result: True)), tenacity.RetryError)
    assert raised.last_attempt.result() == "empty"
    assert [level for level, _ in log.lines] == ["WARNING", "ERROR"]


def test_try_again_is_obeyed(mode):
    """`tenacity.TryAgain` asks for another attempt, whatever is retried."""
    fetch = create_retry_decorator(retry_on=OSError, wait=NO_WAIT)(mode.function(tenacity.TryAgain(), "stock"))
    assert mode.run(fetch) == "stock"


def test_sleep_may_be_replaced(mode):
    """``fn.retry.sleep`` takes the wait as its argument."""
    fetch = create_retry_decorator(3, wait=tenacity.wait_incrementing(1, 2))(mode.function(ConnectionError))
    assert mode.waits_of(fetch) == []
    waits = mode.waits_of(fetch)
    mode.fails(fetch, ConnectionError)
    assert waits == [1.0, 3.0]


def test_a_hook_that_raises_ends_the_call_with_its_error(mode):
    """As in tenacity, what a hook raises reaches the caller, and there is no further attempt."""

    def fail(state):
        raise ValueError("a hook's bug")

    for hook in ("before", "after", "before_sleep"):
        fetch = create_retry_decorator(5, wait=NO_WAIT)(mode.function(ConnectionError))
        raised = mode.fails(fetch.retry_with(**{hook: fail}))
        assert isinstance(raised, ValueError)
        assert str(raised) == "a hook's bug"
    assert mode.attempts == 2


@pytest.mark.parametrize("outcome", [ConnectionError, "empty"], ids=["error", "result"])
@pytest.mark.parametrize("hook", ["before", "after", "before_sleep", "retry_error_callback"])
def test_a_hook_that_raises_shows_where(mode, hook, outcome):
    """The traceback of a hook's error leads into the hook, whether the call was retried for an error or for a result."""

    def fail(state):
        if state.attempt_number == 2:
            raise ValueError("a hook's bug")

    fetch = create_retry_decorator(2, wait=NO_WAIT)(mode.function(outcome))
    stop, always = tenacity.stop_after_attempt(2 if hook == "retry_error_callback" else 3), tenacity.retry_always
    raised = mode.fails(fetch.retry_with(stop=stop, retry=always, **{hook: fail}), ValueError)
    assert traceback.extract_tb(raised.__traceback__)[-1].name == "fail"


@pytest.mark.parametrize("before", [0, 1, 2], ids=["first call", "after a success", "after two"])
def test_a_stop_by_time_counts_from_the_start_of_the_call(virtual_clock, before):
    """`tenacity.stop_after_delay` ends a call so long after its start, whatever went before."""
    attempts = 0

    def body():
        nonlocal attempts
        attempts += 1
        if attempts > before:
            time.sleep(8)
            raise ConnectionError("refused")

    fetch = create_retry_decorator(wait=NO_WAIT)(body)
    fetch = fetch.retry_with(stop=tenacity.stop_after_delay(15))
    for _ in range(before):
        fetch()
    with pytest.raises(ConnectionError):
        fetch()
    assert attempts - before == 2


def test_methods_have_a_controller(mode):
    """The attributes are reachable through the class and through an instance."""
    function = mode.function(ConnectionError, "stock")

    class Shop:
        fetch: Any = create_retry_decorator(wait=NO_WAIT)(function)

    assert mode.run(Shop().fetch) == "stock"
    assert Shop.fetch.statistics["attempt_number"] == 2
    assert Shop().fetch.retry is Shop.fetch.retry
