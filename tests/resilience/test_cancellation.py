"""What is never retried: Ctrl-C, the end of the program, and cancellation in each of its forms."""

from __future__ import annotations

import asyncio
import contextvars
import re

import anyio
import pytest
import tenacity
import trio
import trio.testing

from resilience import conn_retry, continuous_retry, create_retry_decorator

NO_WAIT = tenacity.wait_none()

DECORATORS = {
    "retry": create_retry_decorator(5, wait=NO_WAIT),
    "excluding another": create_retry_decorator(5, ValueError, wait=NO_WAIT),
    "excluding everything": create_retry_decorator(5, BaseException, wait=NO_WAIT),
    "with a deadline": create_retry_decorator(5, timeout=60.0, wait=NO_WAIT),
    "without reraise": create_retry_decorator(5, reraise=False, wait=NO_WAIT),
    "connection": conn_retry("Redis", "connect", 5, wait=NO_WAIT),
    "continuous": continuous_retry(retry_delay=0),
}


class OwnBase(BaseException):
    """A user's own exception that is no `Exception`."""


PASSING = {
    "KeyboardInterrupt": KeyboardInterrupt,
    "SystemExit": lambda: SystemExit(3),
    "GeneratorExit": GeneratorExit,
    "CancelledError": asyncio.CancelledError,
    "own": OwnBase,
    "group": lambda: BaseExceptionGroup("tasks", [ValueError("a"), KeyboardInterrupt()]),
    "nested group": lambda: BaseExceptionGroup(
        "outer", [ExceptionGroup("a", [KeyError()]), BaseExceptionGroup("b", [SystemExit()])]
    ),
    "group of a cancellation": lambda: BaseExceptionGroup("tasks", [ValueError("a"), asyncio.CancelledError()]),
}


@pytest.mark.parametrize("decorator", DECORATORS)
@pytest.mark.parametrize("kind", [kind for kind in PASSING if kind not in {"KeyboardInterrupt", "SystemExit"}])
def test_what_is_no_exception_passes_straight_through(mode, kind, decorator):
    """The very object reaches the caller after one attempt, whatever was excluded."""
    error = PASSING[kind]()
    fetch = DECORATORS[decorator](mode.function(error))
    if mode.name == "asyncio" and kind == "CancelledError":
        assert isinstance(mode.fails(fetch, asyncio.CancelledError), asyncio.CancelledError)
    else:
        assert mode.fails(fetch, BaseException) is error
    assert mode.attempts == 1


@pytest.mark.parametrize("decorator", DECORATORS)
@pytest.mark.parametrize("kind", ["KeyboardInterrupt", "SystemExit"])
def test_ctrl_c_and_exit_pass_straight_through(mode, kind, decorator):
    """Ctrl-C and the end of the program are never retried, at whichever attempt they come."""
    fetch = DECORATORS[decorator](mode.function(PASSING[kind]()))
    mode.fails(fetch, type(PASSING[kind]()))
    assert mode.attempts == 1


@pytest.mark.parametrize("kind", PASSING)
def test_it_passes_at_a_later_attempt_too(sync_mode, kind):
    """What is no `Exception` ends a call that is being retried, and doesn't have the earlier error as context."""
    error = PASSING[kind]()
    fetch = create_retry_decorator(5, wait=NO_WAIT)(sync_mode.function(ConnectionError, ConnectionError, error))
    assert sync_mode.fails(fetch, BaseException) is error
    assert sync_mode.attempts == 3
    assert error.__context__ is None


@pytest.mark.parametrize("attempt", [1, 3])
@pytest.mark.parametrize("kind", PASSING)
def test_its_one_end_is_cancelled(sync_mode, ends, kind, attempt):
    """Such a call ends once, as cancelled."""
    error = PASSING[kind]()
    outcomes = [ConnectionError] * (attempt - 1) + [error]
    fetch = create_retry_decorator(5, wait=NO_WAIT)(sync_mode.function(*outcomes))
    sync_mode.fails(fetch, BaseException)
    assert [(end.outcome, end.reason, end.attempts, end.error) for end in ends] == [
        ("cancelled", "cancelled", attempt, error)
    ]


def test_nothing_says_that_a_cancelled_call_gave_up(mode, log):
    """A cancelled call has no line above DEBUG about its end."""
    for kind in ("retry", "connection"):
        mode.fails(DECORATORS[kind](mode.function(GeneratorExit)), GeneratorExit)
    assert {level for level, _ in log.lines} <= {"DEBUG", "INFO"}
    assert not any("completed" in text or "after retries" in text or "Giving up" in text for _, text in log.lines)
    retry, connection = log.texts("DEBUG")
    assert retry == "Cancelled after 1 attempts for 'fetch': GeneratorExit: refused"
    assert re.fullmatch(
        r"\[PID-\d+\|THREAD-\d+\|.+\|Redis-\w{8}\] connect cancelled after 1 attempt: refused", connection
    )


def test_a_cancelled_asyncio_task_stays_cancelled_in_an_attempt(virtual_clock, ends):
    """A task that is cancelled in the middle of an attempt ends there, and makes no other attempt."""
    attempts = 0

    @create_retry_decorator(5)
    async def fetch():
        nonlocal attempts
        attempts += 1
        await asyncio.sleep(3600)

    async def main():
        task = asyncio.create_task(fetch())
        await asyncio.sleep(2.0)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
        assert task.cancelled()

    asyncio.run(main())
    assert attempts == 1
    assert virtual_clock.elapsed == 2.0
    assert [end.outcome for end in ends] == ["cancelled"]


@pytest.mark.parametrize(
    "decorator",
    [
        create_retry_decorator(5, wait=tenacity.wait_fixed(60)),
        continuous_retry(retry_delay=60),
        conn_retry("Redis", "connect"),
    ],
)
def test_a_cancelled_asyncio_task_stays_cancelled_in_a_wait(virtual_clock, ends, decorator):
    """A task that is cancelled between two attempts ends there."""
    attempts = 0

    async def fetch():
        nonlocal attempts
        attempts += 1
        raise ConnectionError("refused")

    async def main():
        task = asyncio.create_task(decorator(fetch)())
        await asyncio.sleep(0.5)
        task.cancel()
        with pytest.raises(asyncio.CancelledError) as caught:
            await task
        assert caught.value.__context__ is None or isinstance(caught.value.__context__, asyncio.CancelledError)

    asyncio.run(main())
    assert attempts == 1
    assert virtual_clock.elapsed == 0.5
    assert [(end.outcome, end.reason) for end in ends] == [("cancelled", "cancelled")]


@pytest.mark.parametrize("fails_after", [0.0, 10.0], ids=["in a wait", "in an attempt"])
def test_wait_for_is_obeyed(virtual_clock, fails_after):
    """`asyncio.wait_for` around a retried call ends it on time, once."""
    attempts = 0

    @create_retry_decorator(5, wait=tenacity.wait_fixed(60))
    async def fetch():
        nonlocal attempts
        attempts += 1
        await asyncio.sleep(fails_after)
        raise ConnectionError("refused")

    async def main():
        with pytest.raises(TimeoutError):
            await asyncio.wait_for(fetch(), 5.0)

    asyncio.run(main())
    assert attempts == 1
    assert virtual_clock.elapsed == 5.0


def test_a_task_group_that_fails_cancels_its_retries(virtual_clock):
    """When one task of a group fails, the retried call of another is cancelled and leaves no error of its own."""

    @continuous_retry(retry_delay=1.0)
    async def consume():
        raise ConnectionError("refused")

    async def fail():
        await asyncio.sleep(4.5)
        raise ValueError("stop")

    async def main():
        async with asyncio.TaskGroup() as group:
            group.create_task(consume())
            group.create_task(fail())

    with pytest.raises(ExceptionGroup) as caught:
        asyncio.run(main())
    assert [type(error) for error in caught.value.exceptions] == [ValueError]
    assert virtual_clock.elapsed == 4.5


@pytest.mark.parametrize("kind", ["attempt", "wait", "deadline", "stop_event"])
def test_a_cancelled_trio_task_stays_cancelled(ends, kind):
    """A cancel scope of trio ends an attempt and a wait, with and without a deadline or an event of the call's own."""
    attempts = 0

    async def main():
        settings = {"wait": tenacity.wait_fixed(60)}
        decorator = create_retry_decorator(5, **settings)
        if kind == "deadline":
            decorator = create_retry_decorator(5, timeout=3600.0, **settings)
        elif kind == "stop_event":
            decorator = continuous_retry(retry_delay=60, stop_event=trio.Event())

        @decorator
        async def fetch():
            nonlocal attempts
            attempts += 1
            if kind in {"attempt", "deadline"}:
                await trio.sleep_forever()
            raise ConnectionError("refused")

        began = trio.current_time()
        with trio.move_on_after(5.0) as scope:
            await fetch()
        assert scope.cancelled_caught
        return trio.current_time() - began

    assert trio.run(main, clock=trio.testing.MockClock(autojump_threshold=0)) == 5.0
    assert attempts == 1
    assert [(end.outcome, type(end.error)) for end in ends] == [("cancelled", trio.Cancelled)]


def test_a_group_with_a_trio_cancellation_passes(ends):
    """A nursery inside a retried function is cancelled from outside without another attempt."""
    attempts = 0

    async def main():
        @create_retry_decorator(5, wait=NO_WAIT)
        async def fetch():
            nonlocal attempts
            attempts += 1
            async with trio.open_nursery() as nursery:
                nursery.start_soon(trio.sleep_forever)
                nursery.start_soon(trio.sleep_forever)

        with trio.move_on_after(1.0):
            await fetch()

    trio.run(main, clock=trio.testing.MockClock(autojump_threshold=0))
    assert attempts == 1
    assert [end.outcome for end in ends] == ["cancelled"]


@pytest.mark.parametrize("backend", ["asyncio", "trio"])
@pytest.mark.parametrize("where", ["attempt", "wait"])
def test_an_anyio_scope_cancels_a_call(backend, where, virtual_clock):
    """A cancel scope of anyio ends a retried call on either backend."""
    attempts = 0

    @create_retry_decorator(5, wait=tenacity.wait_fixed(60))
    async def fetch():
        nonlocal attempts
        attempts += 1
        if where == "attempt":
            await anyio.sleep_forever()
        raise ConnectionError("refused")

    async def main():
        with anyio.move_on_after(5.0) as scope:
            await fetch()
        return scope.cancelled_caught

    clock = {"clock": trio.testing.MockClock(autojump_threshold=0)} if backend == "trio" else {}
    assert anyio.run(main, backend=backend, backend_options=clock)
    assert attempts == 1


@pytest.mark.parametrize("backend", ["asyncio", "trio"])
def test_an_anyio_call_recovers(backend, virtual_clock):
    """A function written for anyio is retried, with real waits of the backend, on either of them."""
    attempts = 0

    @create_retry_decorator(5)
    async def fetch():
        nonlocal attempts
        attempts += 1
        await anyio.sleep(1)
        if attempts < 4:
            raise ConnectionError("refused")
        return "stock"

    clock = {"clock": trio.testing.MockClock(autojump_threshold=0)} if backend == "trio" else {}
    assert anyio.run(fetch, backend=backend, backend_options=clock) == "stock"
    assert attempts == 4


@pytest.mark.parametrize("timeout", [None, 60.0])
@pytest.mark.parametrize("where", ["attempt", "wait"])
def test_a_coroutine_that_is_closed_ends_quietly(ends, where, timeout):
    """A coroutine that is thrown away in the middle of an attempt or a wait lets go without a complaint."""

    class Pause:
        def __await__(self):
            yield

    attempts = 0

    @create_retry_decorator(5, timeout=timeout)
    async def fetch():
        nonlocal attempts
        attempts += 1
        if where == "attempt":
            await Pause()
        raise ConnectionError("refused")

    async def pause(_seconds):
        await Pause()

    made = fetch
    made.retry.sleep = pause

    async def main():
        pending = made()
        contextvars.copy_context().run(pending.send, None)  # as a task does, which has a context of its own
        pending.close()

    asyncio.run(main())
    assert attempts == 1
    assert [end.outcome for end in ends] == ["cancelled"]


def test_a_timeout_error_of_ones_own_is_an_error_like_any_other(virtual_clock):
    """`asyncio.timeout` inside an attempt raises a TimeoutError, which is retried."""
    attempts = 0

    @create_retry_decorator(3, wait=NO_WAIT)
    async def fetch():
        nonlocal attempts
        attempts += 1
        async with asyncio.timeout(5):
            await asyncio.sleep(3600)

    with pytest.raises(TimeoutError):
        asyncio.run(fetch())
    assert attempts == 3
    assert virtual_clock.elapsed == 15.0


def test_a_hook_or_a_wait_that_is_interrupted_passes(mode):
    """Ctrl-C inside a hook or a wait strategy reaches the caller."""

    def interrupt(state):
        raise KeyboardInterrupt

    fetch = create_retry_decorator(5, wait=NO_WAIT)(mode.function(ConnectionError))
    for name in ("wait", "before_sleep", "after", "before"):
        mode.fails(fetch.retry_with(**{name: interrupt}), KeyboardInterrupt)
    assert mode.attempts == 3
