"""`continuous_retry`: it goes on until the call succeeds, or somebody stops it."""

from __future__ import annotations

import asyncio
import multiprocessing
import threading

import pytest
import tenacity

from resilience import continuous_retry

STOPPED = "shop.stock:fetch: gave up after {}, reason: stop_event (the stop event is set)"


def test_it_never_stops_by_itself(mode):
    """Three hundred failures later it still goes on, and returns what the call returns in the end."""
    fetch = continuous_retry()(mode.function(*[ConnectionError] * 300, "stock"))
    waits = mode.waits_of(fetch)
    assert mode.run(fetch) == "stock"
    assert mode.attempts == 301
    assert waits == [1.0] * 300


@pytest.mark.parametrize("delay", [0, 0.25, 60])
def test_it_waits_retry_delay(mode, delay):
    """Between two attempts it waits ``retry_delay`` seconds, without jitter."""
    fetch = continuous_retry(retry_delay=delay)(mode.function(KeyError, KeyError, "stock"))
    waits = mode.waits_of(fetch)
    mode.run(fetch)
    assert waits == [delay, delay]


def test_a_success_is_silent(mode, log):
    """A call that succeeds at once writes no line."""
    assert mode.run(continuous_retry()(mode.function("stock"))) == "stock"
    assert log.lines == []


def test_every_tenth_failure_is_an_error_with_its_traceback(mode, log):
    """Failures are WARNINGs; the 10th, 20th, ... are ERRORs that show where it happens."""
    fetch = continuous_retry(retry_delay=2.5)(mode.function(*[ConnectionError] * 25, "stock"))
    mode.waits_of(fetch)
    mode.run(fetch)
    assert log.lines == [
        (
            "ERROR" if number % 10 == 0 else "WARNING",
            f"fetch failed for the {number} times, error: [refused] — retrying in 2.50s",
        )
        for number in range(1, 26)
    ]
    with_traceback = [number for number, record in enumerate(log.records, 1) if record.exc_text or record.exc_info]
    assert with_traceback == [10, 20]
    shown = log.records[9].exc_text
    assert shown is not None
    assert "raise outcome(" in shown
    assert shown.endswith("ConnectionError: refused")


def test_a_stop_on_error_is_raised_as_it_is(mode, log):
    """A ``stop_on`` error ends the loop at once, is logged once, and says on itself why."""
    error = PermissionError("denied")
    fetch = continuous_retry(stop_on=(KeyError, PermissionError))(mode.function(ConnectionError("refused"), error))
    mode.waits_of(fetch)
    assert mode.fails(fetch) is error
    assert mode.attempts == 2
    assert error.__notes__ == [
        "shop.stock:fetch: gave up after 2 attempts, reason: excluded (errors of this type are not retried)"
    ]
    assert log.lines == [
        ("WARNING", "fetch failed for the 1 times, error: [refused] — retrying in 1.00s"),
        ("ERROR", "Giving up after 2 attempts for 'fetch': PermissionError: denied"),
    ]


@pytest.mark.parametrize("stop_on", [PermissionError, [PermissionError], OSError])
def test_stop_on_takes_one_type_or_several(mode, stop_on):
    """A type, an iterable of types and a base class all stop the loop."""
    mode.fails(continuous_retry(stop_on=stop_on)(mode.function(PermissionError)), PermissionError)
    assert mode.attempts == 1


def test_an_event_that_is_not_set_changes_nothing(timed_mode, virtual_clock):
    """With an event that nobody sets, it waits its delay and goes on."""
    function = timed_mode.function(KeyError, KeyError, "stock")
    fetch = continuous_retry(retry_delay=3.0, stop_event=threading.Event())(function)
    assert timed_mode.run(fetch) == "stock"
    assert virtual_clock.elapsed == 6.0


def test_a_set_event_ends_the_sleep_at_once(timed_mode, virtual_clock, log):
    """When another thread sets the event, the sleep ends there and then, and no further attempt is made."""
    stop = threading.Event()
    error = ConnectionError("refused")
    fetch = continuous_retry(retry_delay=3600.0, stop_event=stop)(timed_mode.function(error))
    setter = threading.Timer(12.5, stop.set)
    setter.start()
    assert timed_mode.fails(fetch) is error
    setter.join()
    assert virtual_clock.elapsed == 12.5
    assert timed_mode.attempts == 1
    assert error.__notes__ == [STOPPED.format("1 attempt")]
    assert error.__context__ is None
    assert log.lines == [
        ("WARNING", "fetch failed for the 1 times, error: [refused] — retrying in 3600.00s"),
        ("INFO", "Giving up after 1 attempts for 'fetch': ConnectionError: refused"),
    ]


def test_an_event_set_during_an_attempt_ends_the_call_without_a_sleep(mode, log):
    """A failing attempt in which the event was set is the last; nothing says that it would be retried."""
    stop = threading.Event()

    def body():
        stop.set()
        raise ConnectionError("refused")

    fetch = continuous_retry(stop_event=stop)(mode.of(body))
    raised = mode.fails(fetch, ConnectionError)
    assert raised.__notes__ == [STOPPED.format("1 attempt")]
    assert log.lines == [("INFO", "Giving up after 1 attempts for 'fetch': ConnectionError: refused")]


def test_an_event_set_during_a_successful_attempt_loses_nothing(mode):
    """What an attempt returns is returned, although the event was set meanwhile."""
    stop = threading.Event()

    def body():
        stop.set()
        return "stock"

    assert mode.run(continuous_retry(stop_event=stop)(mode.of(body))) == "stock"


def test_an_event_set_before_the_call_allows_one_attempt(mode):
    """There is always a first attempt: without one there would be neither a result nor an error to raise."""
    stop = threading.Event()
    stop.set()
    fetch = continuous_retry(stop_event=stop)
    assert mode.run(fetch(mode.function("stock"))) == "stock"
    assert mode.fails(fetch(mode.function(ConnectionError))).__notes__ == [STOPPED.format("1 attempt")]
    assert mode.attempts == 2


def test_a_cleared_event_lets_the_next_call_go_on(mode):
    """The event is asked each time; clearing it makes calls retry again."""
    stop = threading.Event()
    stop.set()
    fetch = continuous_retry(retry_delay=0, stop_event=stop)(mode.function(KeyError, KeyError, "stock"))
    mode.fails(fetch, KeyError)
    stop.clear()
    assert mode.run(fetch) == "stock"


def test_a_stop_on_error_wins_over_the_event(mode):
    """An error that is not retried is given as the reason, whatever the event says."""
    stop = threading.Event()
    stop.set()
    raised = mode.fails(continuous_retry(stop_event=stop, stop_on=KeyError)(mode.function(KeyError)))
    assert "reason: excluded" in raised.__notes__[0]


def test_an_asyncio_event_wakes_a_task(virtual_clock):
    """An `asyncio.Event` that another task sets ends the sleep at once."""
    attempts = 0

    async def main():
        nonlocal attempts
        stop = asyncio.Event()

        @continuous_retry(retry_delay=3600.0, stop_event=stop)
        async def consume():
            nonlocal attempts
            attempts += 1
            raise ConnectionError("refused")

        task = asyncio.create_task(consume())
        await asyncio.sleep(7.0)
        stop.set()
        with pytest.raises(ConnectionError, match="refused"):
            await task

    asyncio.run(main())
    assert attempts == 1
    assert virtual_clock.elapsed == 7.0


def test_a_trio_event_wakes_a_task():
    """A `trio.Event` that another task sets ends the sleep at once."""
    import trio
    import trio.testing

    attempts = 0
    ended = []

    async def main():
        stop = trio.Event()

        @continuous_retry(retry_delay=3600.0, stop_event=stop)
        async def consume():
            nonlocal attempts
            attempts += 1
            raise ConnectionError("refused")

        async def consume_until_stopped():
            with pytest.raises(ConnectionError, match="refused"):
                await consume()
            ended.append(trio.current_time())

        began = trio.current_time()
        async with trio.open_nursery() as nursery:
            nursery.start_soon(consume_until_stopped)
            await trio.sleep(7.0)
            stop.set()
        ended[0] -= began

    trio.run(main, clock=trio.testing.MockClock(autojump_threshold=0))
    assert attempts == 1
    assert ended == [7.0]


def test_a_thread_wakes_a_task_of_another_thread(async_mode):
    """A `threading.Event` that is set by a real thread, in real time, wakes an async function at once."""
    stop, sleeping = threading.Event(), threading.Event()

    def body():
        sleeping.set()
        raise ConnectionError("refused")

    fetch = continuous_retry(retry_delay=3600.0, stop_event=stop)(async_mode.of(body))

    def set_when_sleeping():
        sleeping.wait()
        stop.set()

    setter = threading.Thread(target=set_when_sleeping)
    setter.start()
    raised = async_mode.fails(fetch, ConnectionError)
    setter.join()
    assert raised.__notes__ == [STOPPED.format("1 attempt")]


def test_one_event_stops_many_loops(virtual_clock):
    """Threads and tasks that sleep on one event are all woken by it."""
    stop = threading.Event()
    ended = []

    @continuous_retry(retry_delay=3600.0, stop_event=stop)
    def consume():
        raise ConnectionError

    @continuous_retry(retry_delay=3600.0, stop_event=stop)
    async def consume_async():
        raise ConnectionError

    def in_thread():
        with pytest.raises(ConnectionError):
            consume()
        ended.append("thread")

    def in_loop():
        async def main():
            return list(await asyncio.gather(consume_async(), consume_async(), return_exceptions=True))

        ended.extend(type(error).__name__ for error in asyncio.run(main()))

    threads = [threading.Thread(target=target) for target in (in_thread, in_loop, in_thread)]
    for thread in threads:
        thread.start()
    threading.Timer(5.0, stop.set).start()
    for thread in threads:
        thread.join()
    assert sorted(ended) == ["ConnectionError", "ConnectionError", "thread", "thread"]
    assert virtual_clock.elapsed == 5.0


def test_a_cancelled_sleep_leaves_nothing_at_the_event(virtual_clock):
    """After its task was cancelled, setting the event wakes nobody and disturbs nobody."""
    stop = threading.Event()

    @continuous_retry(retry_delay=3600.0, stop_event=stop)
    async def consume():
        raise ConnectionError

    async def main():
        task = asyncio.create_task(consume())
        await asyncio.sleep(1.0)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task

    asyncio.run(main())
    stop.set()
    assert stop.wait(0)
    assert virtual_clock.elapsed == 1.0


def test_an_event_of_multiprocessing_works(mode):
    """An event of `multiprocessing` stops the loop too."""
    stop = multiprocessing.get_context("fork").Event()
    stop.set()
    raised = mode.fails(continuous_retry(stop_event=stop)(mode.function(ConnectionError)))
    assert raised.__notes__ == [STOPPED.format("1 attempt")]


def test_a_loop_without_a_delay_lets_others_run():
    """A task that fails without waiting for anything can be cancelled, though its event can't wake it."""
    attempts = 0

    @continuous_retry(retry_delay=0, stop_event=multiprocessing.get_context("fork").Event())
    async def fetch():
        nonlocal attempts
        attempts += 1
        if attempts < 1000:
            raise ConnectionError("refused")

    async def main():
        task = asyncio.create_task(fetch())
        await asyncio.sleep(0)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task

    asyncio.run(main())
    assert attempts < 10


@pytest.mark.parametrize("library", ["asyncio", "trio"])
def test_a_plain_function_refuses_an_event_that_only_a_task_can_wait_for(library):
    """A plain function can't wait for an event of an event loop, and that is said at decoration."""
    event = __import__(library).Event()

    def fetch():
        raise AssertionError

    with pytest.raises(TypeError) as refused:
        continuous_retry(stop_event=event)(fetch)
    assert str(refused.value) == (
        f"stop_event of 'fetch' is an event of {library}, which only a coroutine can wait for: "
        "make the function async, or pass a threading.Event"
    )


def test_ctrl_c_ends_the_loop(mode):
    """Ctrl-C ends a loop that goes on for ever."""
    fetch = continuous_retry(retry_delay=0)(mode.function(ConnectionError, ConnectionError, KeyboardInterrupt))
    mode.fails(fetch, KeyboardInterrupt)
    assert mode.attempts == 3


def test_ctrl_c_in_the_sleep_ends_the_loop(sync_mode):
    """Ctrl-C during a wait passes straight through."""
    fetch = continuous_retry()(sync_mode.function(ConnectionError))

    def interrupted(seconds):
        raise KeyboardInterrupt

    fetch.retry.sleep = interrupted
    sync_mode.fails(fetch, KeyboardInterrupt)
    assert sync_mode.attempts == 1


def test_the_controller_works_as_tenacitys(mode):
    """``retry_with`` gives the loop a limit that it doesn't have itself."""
    made = continuous_retry(retry_delay=0)
    limited = made(mode.function(ConnectionError)).retry_with(stop=tenacity.stop_after_attempt(3))
    raised = mode.fails(limited, ConnectionError)
    assert mode.attempts == 3
    assert raised.__notes__ == ["shop.stock:fetch: gave up after 3 attempts, reason: attempts (no attempt is left)"]
