"""Calls and their attempts, as the timeline tells them: how each way of ending a call looks."""

from __future__ import annotations

import asyncio
import contextlib
import functools
import threading
import types
from collections.abc import Callable
from typing import Any

import pytest
import trio
import trio.testing

from pytest_resilience import Faults, Retries, VirtualClock
from resilience import conn_retry, continuous_retry, create_retry_decorator

Run = Callable[[Callable[[], Any]], Any]


def run_sync(function):
    """Run a plain function."""
    return function()


def run_asyncio(function):
    """Run an async function on asyncio."""
    return asyncio.run(function())


def run_trio(function):
    """Run an async function on trio."""
    return trio.run(function)


def made(run, function):
    """Return the function as it is, or as an async one where the runner wants that."""
    if run is run_sync:
        return function

    @functools.wraps(function)
    async def function_async():
        return function()

    return function_async


every_way = pytest.mark.parametrize("run", [run_sync, run_asyncio, run_trio])


def only_call(run, decorator, function, script):
    """Run a decorated function once under a script, whatever it raises, and return its one call."""
    decorated = decorator(made(run, function))
    with VirtualClock(), Faults() as faults, Retries() as retries:
        faults.inject(decorated, script, strict=False)
        with contextlib.suppress(OSError, KeyError, asyncio.CancelledError, KeyboardInterrupt):
            run(decorated)
        (call,) = retries[decorated]
    return call


def answer():
    """Succeed."""
    return "answer"


@every_way
@pytest.mark.parametrize(
    ("script", "attempts", "outcome", "reason", "error"),
    [
        ("off", 1, "succeeded", None, None),
        ("1*raise(OSError('x'))", 2, "recovered", None, None),
        ("2*raise(OSError('x'))", 3, "recovered", None, None),
        ("raise(OSError('x'))", 3, "gave_up", "attempts", OSError),
        ("raise(KeyError('x'))", 1, "gave_up", "excluded", KeyError),
        ("1*raise(OSError('x'))->raise(KeyError('x'))", 2, "gave_up", "excluded", KeyError),
    ],
)
def test_each_end_of_a_call_has_its_outcome_and_reason(run, script, attempts, outcome, reason, error):
    """Success, recovery, running out of attempts and an excluded error are told apart, sync and async."""
    decorator = create_retry_decorator(max_attempts=3, exclude_exceptions=(KeyError,))

    call = only_call(run, decorator, answer, script)

    assert [attempt.number for attempt in call.attempts] == list(range(1, attempts + 1))
    assert (call.outcome, call.reason) == (outcome, reason)
    assert type(call.error) is (type(None) if error is None else error)
    assert type(call.attempts[-1].error) is type(call.error)
    assert call.attempts[-1].wait is None


@every_way
def test_a_call_without_time_for_another_wait_ends_at_its_deadline(run):
    """A wait that would pass the timeout ends the call, with that reason and before the wait."""
    call = only_call(run, create_retry_decorator(max_attempts=50, timeout=10.0), answer, "raise(OSError('x'))")

    assert (call.outcome, call.reason) == ("gave_up", "deadline")
    assert call.attempts[-1].at <= 10.0
    assert len(call.attempts) == len(call.waits) + 1


def test_a_stop_event_ends_a_call_with_its_last_error():
    """The event ends the sleep at once; there is no further attempt, and the attempts are those that were made."""
    stop = threading.Event()

    @continuous_retry(retry_delay=60.0, stop_event=stop)
    def consume():
        raise OSError("down")

    with VirtualClock() as clock, Retries() as retries:
        threading.Timer(150.0, stop.set).start()
        with pytest.raises(OSError, match="down"):
            consume()
        (call,) = retries[consume]
        assert clock.elapsed == 150.0

    assert (call.outcome, call.reason) == ("gave_up", "stop_event")
    assert [(attempt.at, attempt.wait) for attempt in call.attempts] == [(0.0, 60.0), (60.0, 60.0), (120.0, 60.0)]


@pytest.mark.parametrize("run", [run_sync, run_asyncio])
@pytest.mark.parametrize("error", ["KeyboardInterrupt", "asyncio.CancelledError"])
@pytest.mark.parametrize("before", [0, 1])
def test_what_is_never_retried_is_a_cancellation(run, error, before):
    """Ctrl-C and cancellation end a call at whatever attempt they come, as cancelled."""
    script = f"raise({error})" if not before else f"{before}*raise(OSError)->raise({error})"
    call = only_call(run, create_retry_decorator(max_attempts=5), answer, script)

    assert (call.outcome, call.reason) == ("cancelled", "cancelled")
    assert len(call.attempts) == before + 1
    assert type(call.error).__name__ == error.rpartition(".")[2]


def test_a_task_that_is_cancelled_in_its_wait_is_a_cancellation():
    """Cancelling a task between two attempts ends its call as cancelled."""

    @create_retry_decorator(max_attempts=5)
    async def fetch():
        raise OSError("down")

    async def main():
        task = asyncio.create_task(fetch())
        await asyncio.sleep(0.5)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task

    with VirtualClock(), Retries() as retries:
        asyncio.run(main())
        (call,) = retries[fetch]

    assert (call.outcome, call.reason) == ("cancelled", "cancelled")
    assert isinstance(call.error, asyncio.CancelledError)


def test_a_trio_scope_that_is_cancelled_is_a_cancellation():
    """A call that trio's timeout breaks off in its wait ends as cancelled."""

    @create_retry_decorator(max_attempts=5)
    async def fetch():
        raise OSError("down")

    async def main():
        with trio.move_on_after(0.5) as scope:
            await fetch()
        assert scope.cancelled_caught

    with Retries() as retries:
        trio.run(main, clock=trio.testing.MockClock(autojump_threshold=0))
        (call,) = retries[fetch]

    assert (call.outcome, call.reason) == ("cancelled", "cancelled")
    assert isinstance(call.error, trio.Cancelled)


def test_an_asyncio_event_ends_a_call_with_its_last_error():
    """The stop event of an async call ends its wait at once, with that reason."""

    async def main():
        stop = asyncio.Event()

        @continuous_retry(retry_delay=60.0, stop_event=stop)
        async def consume():
            raise OSError("down")

        asyncio.get_running_loop().call_later(90.0, stop.set)
        with pytest.raises(OSError, match="down"):
            await consume()

    with VirtualClock() as clock, Retries() as retries:
        asyncio.run(main())
        assert clock.elapsed == 90.0

    (call,) = retries.all
    assert (call.outcome, call.reason, len(call.attempts)) == ("gave_up", "stop_event", 2)


def test_attempts_tell_when_each_ended_and_how_long_it_waited():
    """Numbers, times and waits add up to the virtual time of the call."""

    @conn_retry("Cellar", "open", max_retry=5)
    def open_cellar():
        return "open"

    with VirtualClock() as clock, Faults() as faults, Retries() as retries:
        faults.inject("Cellar.open", "3*raise(OSError('x'))->1*sleep(10)")
        clock.advance(7)
        open_cellar()
        (call,) = retries["Cellar.open"]

    assert call.at == 7.0
    assert call.attempts[0].at == 7.0
    for attempt, following in zip(call.attempts[:2], call.attempts[1:3], strict=True):
        assert attempt.wait is not None
        assert following.at == pytest.approx(attempt.at + attempt.wait, abs=1e-6)
    assert call.attempts[3].at == pytest.approx(7 + sum(call.waits) + 10, abs=1e-6)
    assert [type(attempt.error) for attempt in call.attempts] == [OSError, OSError, OSError, type(None)]


def test_a_call_that_still_runs_has_no_outcome_yet():
    """Seen from inside, a call has its attempts so far and no end."""
    seen = []

    with VirtualClock(), Retries() as retries:

        @create_retry_decorator(max_attempts=3)
        def fetch():
            seen.extend(retries[fetch])
            raise OSError("x")

        with pytest.raises(OSError, match="x"):
            fetch()

    assert [(len(call.attempts), call.outcome, str(call)) for call in seen] == [
        (0, None, "still running after 0 attempts"),
        (1, None, "still running after 1 attempt"),
        (2, None, "still running after 2 attempts"),
    ]


def test_calls_of_many_threads_are_kept_apart():
    """Calls that run at once each have their own attempts."""

    @create_retry_decorator(max_attempts=4, max_wait=8)
    def fetch():
        raise OSError("x")

    def call_it():
        with pytest.raises(OSError, match="x"):
            fetch()

    with VirtualClock(), Retries() as retries:
        threads = [threading.Thread(target=call_it) for _ in range(10)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        calls = retries[fetch]

    assert len(calls) == 10
    assert all([attempt.number for attempt in call.attempts] == [1, 2, 3, 4] for call in calls)


def test_nested_calls_are_told_apart():
    """A decorated function that calls another one gives a call of each name, in the order in which they began."""

    @create_retry_decorator(max_attempts=2, max_wait=0)
    def inner():
        raise OSError("x")

    @create_retry_decorator(max_attempts=2, max_wait=0)
    def outer():
        inner()

    with Retries() as retries:
        with pytest.raises(OSError, match="x"):
            outer()

        assert [call.function for call in retries.all] == ["outer", "inner", "inner"]
        assert [len(call.attempts) for call in retries.all] == [2, 2, 2]


@pytest.mark.parametrize(
    ("script", "text"),
    [
        ("off", "succeeded after 1 attempt"),
        ("1*raise(OSError)", "recovered after 2 attempts"),
        ("raise(OSError)", "gave up (attempts) after 3 attempts with OSError"),
        ("raise(KeyError)", "gave up (excluded) after 1 attempt with KeyError"),
        ("raise(KeyboardInterrupt)", "cancelled after 1 attempt with KeyboardInterrupt"),
    ],
)
def test_a_call_reads_as_a_sentence(script, text):
    """The text of a call says how it ended, why, after how many attempts and with what."""
    decorator = create_retry_decorator(max_attempts=3, exclude_exceptions=(KeyError,))

    assert str(only_call(run_sync, decorator, answer, script)) == text


def test_the_policy_of_a_call_is_what_its_decorator_was_told():
    """A call carries the checked arguments, its failpoint and the name of its function."""
    call = only_call(run_sync, conn_retry("Cellar", "close", max_retry=7), answer, "off")

    assert (call.failpoint, call.function, call.policy.max_attempts) == ("Cellar.close", "answer", 8)
    assert isinstance(answer, types.FunctionType)
