"""`stop_retry_loops`: every call of the process gives up instead of waiting, wherever it sleeps."""

from __future__ import annotations

import asyncio
import multiprocessing
import os
import signal
import threading
import time

import pytest

from resilience import conn_retry, continuous_retry, create_retry_decorator, resume_retry_loops, stop_retry_loops

DECORATORS = {
    "retry": create_retry_decorator(5, max_wait=3600.0),
    "connection": conn_retry("Redis", "connect"),
    "continuous": continuous_retry(retry_delay=3600.0),
    "with an event": continuous_retry(retry_delay=3600.0, stop_event=threading.Event()),
    "with an event of processes": continuous_retry(
        retry_delay=3600.0, stop_event=multiprocessing.get_context("fork").Event()
    ),
}
NOTE = "shop.stock:fetch: gave up after {}, reason: stop_event (retry loops are stopped)"
every_decorator = pytest.mark.parametrize("decorator", DECORATORS)


@pytest.fixture(autouse=True)
def resumed():
    """What a test has stopped goes on after it."""
    yield
    resume_retry_loops()


@every_decorator
def test_a_call_gives_up_at_its_next_wait(mode, ends, decorator):
    """A call that fails after loops were stopped makes no further attempt, and raises its own error."""
    stop_retry_loops()
    error = ConnectionError("refused")
    assert mode.fails(DECORATORS[decorator](mode.function(error))) is error
    assert mode.attempts == 1
    assert [(end.outcome, end.reason, end.error) for end in ends] == [("gave_up", "stop_event", error)]


def test_the_note_and_the_line_say_why(mode, log):
    """It was asked for, and so is no more than INFO."""
    stop_retry_loops()
    raised = mode.fails(create_retry_decorator()(mode.function(ConnectionError)))
    assert raised.__notes__ == [NOTE.format("1 attempt")]
    assert log.lines == [("INFO", "Giving up after 1 attempts for 'fetch': ConnectionError: refused")]


def test_what_succeeds_is_not_concerned(mode):
    """Calls that need no second attempt are made as ever."""
    stop_retry_loops()
    assert mode.run(create_retry_decorator()(mode.function("stock"))) == "stock"


def test_after_resuming_calls_are_retried_again(mode):
    """Stopping is undone as a whole, however often it was called."""
    stop_retry_loops()
    stop_retry_loops()
    resume_retry_loops()
    fetch = create_retry_decorator()(mode.function(ConnectionError, "stock"))
    mode.waits_of(fetch)
    assert mode.run(fetch) == "stock"


@every_decorator
def test_a_sleep_ends_at_once(timed_mode, virtual_clock, ends, decorator):
    """Whoever sleeps between two attempts when loops are stopped is woken there and then, in threads and in tasks."""
    function = timed_mode.function(ConnectionError)
    at = 0.5
    stopper = threading.Timer(at, stop_retry_loops)
    stopper.start()
    timed_mode.fails(DECORATORS[decorator](function))
    stopper.join()
    assert at <= virtual_clock.elapsed <= at + 0.05  # an event of processes is looked at every 50 ms
    assert timed_mode.attempts == 1
    assert [end.reason for end in ends] == ["stop_event"]


def test_a_signal_handler_wakes_a_sleeping_thread(ends):
    """In real time, a signal that comes while the main thread sleeps for an hour ends the sleep."""

    @continuous_retry(retry_delay=3600.0)
    def consume():
        raise ConnectionError("refused")

    before = signal.signal(signal.SIGUSR1, lambda *_: stop_retry_loops())
    sleeping = threading.Thread(target=_signal_when_asleep)
    try:
        sleeping.start()
        with pytest.raises(ConnectionError):
            consume()
    finally:
        sleeping.join()
        signal.signal(signal.SIGUSR1, before)
    assert [end.reason for end in ends] == ["stop_event"]


def _signal_when_asleep():
    """Send the signal until the main thread has seen it."""
    from resilience._engine.stopping import loops_are_stopped

    while not loops_are_stopped():
        os.kill(os.getpid(), signal.SIGUSR1)
        time.sleep(0.001)


@pytest.mark.parametrize("library", ["asyncio", "uvloop", "trio"])
def test_a_signal_handler_wakes_a_sleeping_task(ends, library):
    """A plain handler, which the event loop knows nothing of, ends the sleeps of its tasks."""

    @continuous_retry(retry_delay=3600.0)
    async def consume():
        raise ConnectionError("refused")

    before = signal.signal(signal.SIGUSR1, lambda *_: stop_retry_loops())
    sleeping = threading.Thread(target=_signal_when_asleep)
    try:
        sleeping.start()
        with pytest.raises(ConnectionError):
            _run_with(library, consume)
    finally:
        sleeping.join()
        signal.signal(signal.SIGUSR1, before)
    assert [end.reason for end in ends] == ["stop_event"]


def _run_with(library, function):
    if library == "trio":
        import trio

        trio.run(function)
        return
    if library == "uvloop":
        import uvloop

        with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
            runner.run(function())
        return
    asyncio.run(function())


def test_a_hundred_sleepers_are_woken_together(virtual_clock):
    """Threads and tasks, of several event loops, all end at once."""
    ended = []

    @continuous_retry(retry_delay=3600.0)
    def consume():
        raise ConnectionError

    @continuous_retry(retry_delay=3600.0)
    async def consume_async():
        raise ConnectionError

    def in_thread():
        with pytest.raises(ConnectionError):
            consume()
        ended.append("thread")

    def in_loop():
        async def main():
            return list(await asyncio.gather(*(consume_async() for _ in range(20)), return_exceptions=True))

        ended.extend(type(error).__name__ for error in asyncio.run(main()))

    threads = [threading.Thread(target=target) for target in [in_thread] * 20 + [in_loop] * 4]
    for thread in threads:
        thread.start()
    threading.Timer(5.0, stop_retry_loops).start()
    for thread in threads:
        thread.join()
    assert sorted(ended) == ["ConnectionError"] * 80 + ["thread"] * 20
    assert virtual_clock.elapsed == 5.0


def test_a_cancellation_still_comes_through(virtual_clock):
    """A task that is cancelled in its sleep is cancelled, and stopping loops later disturbs nobody."""

    @continuous_retry(retry_delay=3600.0)
    async def consume():
        raise ConnectionError

    async def main():
        task = asyncio.create_task(consume())
        await asyncio.sleep(1.0)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
        stop_retry_loops()
        await asyncio.sleep(1.0)

    asyncio.run(main())
    assert virtual_clock.elapsed == 2.0


@pytest.mark.parametrize("own", ["time.sleep", "retry.sleep"])
def test_a_sleep_of_ones_own_is_called_as_it_is(sync_mode, monkeypatch, own):
    """A mock in the place of `time.sleep`, and what is set on the controller, get each wait."""
    waits = []
    fetch = continuous_retry(retry_delay=2.0)(sync_mode.function(KeyError, KeyError, "stock"))
    if own == "time.sleep":
        monkeypatch.setattr(time, "sleep", waits.append)
    else:
        fetch.retry.sleep = waits.append
    assert sync_mode.run(fetch) == "stock"
    assert waits == [2.0, 2.0]


def test_the_sleeps_are_those_of_the_clock(timed_mode, virtual_clock):
    """The virtual clock notes each wait as the sleep that it is."""
    fetch = continuous_retry(retry_delay=2.0)(timed_mode.function(KeyError, KeyError, "stock"))
    assert timed_mode.run(fetch) == "stock"
    assert virtual_clock.sleeps == [2.0, 2.0]


def test_a_child_does_not_wake_the_sleepers_of_its_parent():
    """After a fork the child has no sleepers; stopping its loops stops its own calls, and none of the parent's."""
    asleep = threading.Event()

    @continuous_retry(retry_delay=3600.0, stop_event=(stop := threading.Event()))
    def consume():
        asleep.set()
        raise ConnectionError("refused")

    def in_thread():
        with pytest.raises(ConnectionError):
            consume()

    thread = threading.Thread(target=in_thread)
    thread.start()
    asleep.wait()
    child = os.fork()
    if child == 0:
        stop_retry_loops()
        os._exit(0)
    assert os.waitpid(child, 0)[1] == 0
    assert thread.is_alive()
    stop.set()
    thread.join()
