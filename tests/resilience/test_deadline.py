"""``timeout=``: a deadline for the whole call that no wait passes and async attempts are cut off at."""

from __future__ import annotations

import asyncio
import time

import pytest
import tenacity
import trio
import trio.testing

from pytest_resilience.clock import VirtualClock
from resilience import conn_retry, create_retry_decorator

NO_WAIT = tenacity.wait_none()
DEADLINE = "gave up after {}, reason: deadline ("


def within_virtual_time(main, library):
    """Run an async function in virtual time; return its result and how long it took."""
    with VirtualClock() as clock:
        result = asyncio.run(main()) if library == "asyncio" else trio.run(main)
        return result, clock.elapsed


@pytest.mark.parametrize("kind", ["retry", "connection"])
def test_no_wait_starts_that_would_pass_it(timed_mode, virtual_clock, ends, kind):
    """Attempts go on while the next one could begin in time; then the call gives up at once."""
    settings = {"timeout": 10.0, "wait": tenacity.wait_fixed(3)}
    decorator = (
        create_retry_decorator(100, **settings) if kind == "retry" else conn_retry("Redis", "connect", **settings)
    )
    error = ConnectionError("refused")
    assert timed_mode.fails(decorator(timed_mode.function(error))) is error
    assert timed_mode.attempts == 4
    assert virtual_clock.elapsed == 9.0
    assert DEADLINE.format("4 attempts") in error.__notes__[0]
    assert [(end.outcome, end.reason, end.attempts) for end in ends] == [("gave_up", "deadline", 4)]


def test_a_wait_that_ends_at_the_deadline_is_made(timed_mode, virtual_clock):
    """An attempt may begin at the very deadline, and is the last."""
    fetch = create_retry_decorator(100, timeout=9.0, wait=tenacity.wait_fixed(3))(timed_mode.function(ConnectionError))
    timed_mode.fails(fetch, Exception)
    assert virtual_clock.elapsed == 9.0


@pytest.mark.parametrize("reraise", [True, False])
def test_no_attempt_starts_after_a_sleep_that_took_too_long(timed_mode, virtual_clock, ends, reraise):
    """A wait that would have ended in time, and did not, is followed by no attempt."""
    settings = {"timeout": 10.0, "wait": tenacity.wait_fixed(9), "reraise": reraise}
    fetch = create_retry_decorator(100, **settings)(timed_mode.function(ConnectionError))
    sleep = fetch.retry.sleep
    fetch.retry.sleep = lambda seconds: sleep(seconds + 2)
    raised = timed_mode.fails(fetch, Exception)
    assert type(raised) is (ConnectionError if reraise else tenacity.RetryError)
    assert timed_mode.attempts == 1
    assert virtual_clock.elapsed == 11.0
    assert [(end.outcome, end.reason, end.attempts) for end in ends] == [("gave_up", "deadline", 1)]


def test_the_deadline_of_an_outer_call_binds_the_waits_of_inner_ones(timed_mode, virtual_clock, ends):
    """A call that has no deadline of its own starts no wait that would pass that of the call around it."""
    inner = create_retry_decorator(50, wait=tenacity.wait_fixed(4))(timed_mode.function(ConnectionError))
    timed_mode.fails(create_retry_decorator(1, timeout=10.0)(inner), ConnectionError)
    assert timed_mode.attempts == 3
    assert virtual_clock.elapsed == 8.0
    assert [(end.reason, end.attempts) for end in ends] == [("deadline", 3), ("attempts", 1)]


def test_time_spent_in_attempts_counts(virtual_clock, ends):
    """Slow attempts use up the deadline as waits do."""
    attempts = 0

    @create_retry_decorator(100, timeout=10.0, wait=tenacity.wait_fixed(3))
    def fetch():
        nonlocal attempts
        attempts += 1
        time.sleep(4)
        raise ConnectionError("refused")

    with pytest.raises(ConnectionError):
        fetch()
    assert attempts == 2
    assert virtual_clock.elapsed == 11.0
    assert ends[0].reason == "deadline"


def test_without_a_wait_no_attempt_starts_after_it(virtual_clock, ends):
    """Attempts that follow each other at once stop at the deadline too."""
    attempts = 0

    @create_retry_decorator(100, timeout=10.0, wait=NO_WAIT)
    def fetch():
        nonlocal attempts
        attempts += 1
        time.sleep(4)
        raise ConnectionError("refused")

    with pytest.raises(ConnectionError):
        fetch()
    assert attempts == 3
    assert ends[0].reason == "deadline"


def test_a_success_after_the_deadline_is_a_success(virtual_clock):
    """A plain function can't be cut off; what it returns late is returned."""

    @create_retry_decorator(timeout=1.0)
    def fetch():
        time.sleep(5)
        return "stock"

    assert fetch() == "stock"


def test_the_last_attempt_has_its_own_reason(timed_mode, ends):
    """Where no attempt is left anyhow, that is the reason."""
    fetch = create_retry_decorator(2, timeout=10.0, wait=tenacity.wait_fixed(8))(timed_mode.function(ConnectionError))
    timed_mode.fails(fetch, ConnectionError)
    assert ends[0].reason == "attempts"


def test_an_excluded_error_keeps_its_reason(timed_mode, ends):
    """An error that is not retried ends the call as excluded, with and without a deadline."""
    timed_mode.fails(create_retry_decorator(5, KeyError, timeout=10.0)(timed_mode.function(KeyError)), KeyError)
    assert ends[0].reason == "excluded"


def test_the_default_waits_keep_to_it(timed_mode, virtual_clock):
    """Jittered waits never pass the deadline either."""
    for _ in range(10):
        began = virtual_clock.elapsed
        timed_mode.fails(
            create_retry_decorator(100, timeout=45.0)(timed_mode.function(ConnectionError)), ConnectionError
        )
        assert 45.0 - 30.0 <= virtual_clock.elapsed - began <= 45.0


def test_giving_up_at_the_deadline_logs_once(timed_mode, log):
    """There is one ERROR, and no WARNING about a retry that never comes."""
    fetch = create_retry_decorator(9, timeout=5.0, wait=tenacity.wait_fixed(3))(timed_mode.function(ConnectionError))
    timed_mode.fails(fetch, ConnectionError)
    assert log.lines == [
        ("WARNING", "Retry attempt 1 for 'fetch': ConnectionError: refused"),
        ("ERROR", "Giving up after 2 attempts for 'fetch': ConnectionError: refused"),
    ]


def test_every_call_has_its_own_deadline(timed_mode, virtual_clock):
    """The time of one call is not taken from the next."""
    fetch = create_retry_decorator(100, timeout=10.0, wait=tenacity.wait_fixed(3))(timed_mode.function(ConnectionError))
    for _ in range(3):
        timed_mode.fails(fetch, ConnectionError)
    assert timed_mode.attempts == 12


@pytest.mark.parametrize("library", ["asyncio", "trio"])
def test_an_async_attempt_is_cut_off(library, ends):
    """An attempt that hangs ends at the deadline with a TimeoutError, and the call with it."""
    cleaned = []

    @create_retry_decorator(5, timeout=10.0)
    async def fetch():
        try:
            await (asyncio if library == "asyncio" else trio).sleep(3600)
        finally:
            cleaned.append("up")

    async def main():
        with pytest.raises(TimeoutError) as caught:
            await fetch()
        return caught.value

    error, took = within_virtual_time(main, library)
    assert took == 10.0
    assert str(error) == "the attempt was cut off at the deadline of its call"
    assert DEADLINE.format("1 attempt") in error.__notes__[0]
    assert cleaned == ["up"]
    assert [(end.outcome, end.reason) for end in ends] == [("gave_up", "deadline")]


@pytest.mark.parametrize("library", ["asyncio", "trio"])
def test_a_later_attempt_is_cut_off_at_the_same_deadline(library):
    """The deadline is that of the call: what earlier attempts and waits took is gone."""
    attempts = 0

    @create_retry_decorator(5, timeout=10.0, wait=tenacity.wait_fixed(2))
    async def fetch():
        nonlocal attempts
        attempts += 1
        if attempts < 3:
            raise ConnectionError("refused")
        await (asyncio if library == "asyncio" else trio).sleep(3600)

    async def main():
        with pytest.raises(TimeoutError):
            await fetch()

    assert within_virtual_time(main, library)[1] == 10.0
    assert attempts == 3


@pytest.mark.parametrize("library", ["asyncio", "trio"])
@pytest.mark.parametrize(
    "settings",
    [{"retry_on": ConnectionError}, {"exclude_exceptions": TimeoutError}, {"exclude_exceptions": OSError}],
    ids=["not retried", "excluded", "base excluded"],
)
def test_cut_off_is_the_deadline_whatever_is_retried(library, settings, ends):
    """An attempt that is cut off ends the call for the deadline, although its TimeoutError is not one to be retried."""

    @create_retry_decorator(5, timeout=10.0, **settings)
    async def fetch():
        await (asyncio if library == "asyncio" else trio).sleep(3600)

    async def main():
        with pytest.raises(TimeoutError):
            await fetch()

    within_virtual_time(main, library)
    assert [(end.outcome, end.reason) for end in ends] == [("gave_up", "deadline")]


def test_cut_off_is_the_deadline_by_whichever_clock(ends):
    """A clock of trio's own, which the process doesn't share, ends the call as well when it cuts the attempt off."""

    @create_retry_decorator(5, timeout=10.0)
    async def fetch():
        await trio.sleep(3600)

    with pytest.raises(TimeoutError):
        trio.run(fetch, clock=trio.testing.MockClock(autojump_threshold=0))
    assert [(end.outcome, end.reason, end.attempts) for end in ends] == [("gave_up", "deadline", 1)]


@pytest.mark.parametrize("library", ["asyncio", "trio"])
def test_an_attempt_that_answers_in_time_is_not_cut_off(library):
    """A deadline that doesn't come changes nothing, and nothing of it is left after the call."""

    @create_retry_decorator(5, timeout=10.0)
    async def fetch():
        await (asyncio if library == "asyncio" else trio).sleep(9.5)
        return "stock"

    async def main():
        result = await fetch()
        await (asyncio if library == "asyncio" else trio).sleep(60)
        return result

    assert within_virtual_time(main, library) == ("stock", 69.5)


@pytest.mark.parametrize("library", ["asyncio", "trio"])
def test_a_cancellation_from_outside_is_no_timeout(library):
    """A call with a deadline that is cancelled before it stays cancelled."""

    @create_retry_decorator(5, timeout=10.0)
    async def fetch():
        await (asyncio if library == "asyncio" else trio).sleep(3600)

    async def main():
        if library == "trio":
            with trio.move_on_after(2.0) as scope:
                await fetch()
            return "cancelled" if scope.cancelled_caught else "not"
        task = asyncio.create_task(fetch())
        await asyncio.sleep(2.0)
        task.cancel()
        await asyncio.wait([task])
        return "cancelled" if task.cancelled() else "not"

    assert within_virtual_time(main, library) == ("cancelled", 2.0)


@pytest.mark.parametrize("library", ["asyncio", "trio"])
def test_an_error_raised_while_cut_off_is_the_error(library, ends):
    """What the attempt's own clean-up raises when it is cut off is what the caller gets, for the same reason."""

    @create_retry_decorator(5, timeout=10.0)
    async def fetch():
        try:
            await (asyncio if library == "asyncio" else trio).sleep(3600)
        finally:
            raise ConnectionError("while closing")  # such clean-up exists

    async def main():
        with pytest.raises(ConnectionError, match="while closing"):
            await fetch()

    assert within_virtual_time(main, library)[1] == 10.0
    assert [(end.outcome, end.reason, end.attempts) for end in ends] == [("gave_up", "deadline", 1)]


@pytest.mark.parametrize("library", ["asyncio", "trio"])
def test_a_result_that_comes_in_spite_of_the_cut_is_kept(library):
    """An attempt that finishes what it has begun when it is cut off has succeeded."""

    @create_retry_decorator(5, timeout=10.0)
    async def fetch():
        if library == "trio":
            with trio.CancelScope(shield=True):
                await trio.sleep(12)
            return "stock"
        try:
            await asyncio.sleep(3600)
        except asyncio.CancelledError:
            return "stock"
        return "late"

    assert within_virtual_time(fetch, library)[0] == "stock"


def test_the_wall_clock_has_no_say(sync_mode, monkeypatch):
    """A wall clock that jumps brings no deadline nearer."""
    times = iter(range(0, 10**9, 3600))
    monkeypatch.setattr(time, "time", lambda: float(next(times)))
    fetch = create_retry_decorator(4, timeout=60.0, wait=NO_WAIT)(sync_mode.function(ConnectionError))
    sync_mode.fails(fetch, ConnectionError)
    assert sync_mode.attempts == 4


def test_a_lambda_that_returns_a_coroutine_is_cut_off_too(virtual_clock, ends):
    """What turns out to be async is treated as async."""
    fetch = create_retry_decorator(3, timeout=10.0)(lambda: asyncio.sleep(3600))

    async def main():
        with pytest.raises(TimeoutError):
            await fetch()

    asyncio.run(main())
    assert virtual_clock.elapsed == 10.0
    assert ends[0].reason == "deadline"


def test_the_note_of_an_attempt_that_was_cut_off_is_true(virtual_clock):
    """Where the attempt itself met the deadline, the note doesn't blame a wait."""

    @create_retry_decorator(5, timeout=10.0)
    async def fetch():
        await asyncio.sleep(3600)

    with pytest.raises(TimeoutError) as caught:
        asyncio.run(fetch())
    assert caught.value.__notes__[0].partition(": ")[2].startswith("gave up after 1 attempt, reason: deadline (")
    assert "wait would pass" not in caught.value.__notes__[0]
