"""Event loops beside threads, and several of them."""

from __future__ import annotations

import asyncio
import threading
import time

import pytest

from pytest_resilience.clock import VirtualClock


def test_threads_and_the_loop_share_one_time(clock):
    """`to_thread` sleeps in virtual time while the loop's own timers go on."""

    async def main():
        log = []

        async def ticker():
            for _ in range(3):
                await asyncio.sleep(10)
                log.append(("tick", clock.elapsed))

        async def worker():
            log.append(("thread", await asyncio.to_thread(lambda: (time.sleep(15), clock.elapsed)[1])))

        await asyncio.gather(ticker(), worker())
        return log

    assert asyncio.run(main()) == [("tick", 10.0), ("thread", 15.0), ("tick", 20.0), ("tick", 30.0)]


def test_a_thread_wakes_the_loop_at_its_instant(clock):
    """`call_soon_threadsafe` from a thread comes before any later timer, whatever its timeout."""

    async def main():
        loop = asyncio.get_running_loop()
        future = loop.create_future()

        def answer():
            time.sleep(0.05)
            loop.call_soon_threadsafe(future.set_result, "answer")

        threading.Thread(target=answer).start()
        return await asyncio.wait_for(future, 5)

    assert asyncio.run(main()) == "answer"
    assert clock.elapsed == 0.05
    assert clock.guesses == 0


def test_loops_in_several_threads(clock):
    """Each loop sees its own timers at their time."""
    log = []

    async def ticker(name, period):
        for _ in range(3):
            await asyncio.sleep(period)
            log.append((name, clock.elapsed))

    threads = [threading.Thread(target=lambda a=a: asyncio.run(ticker(*a))) for a in (("a", 10), ("b", 7), ("c", 10))]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert log == [
        ("b", 7.0),
        ("a", 10.0),
        ("c", 10.0),
        ("b", 14.0),
        ("a", 20.0),
        ("c", 20.0),
        ("b", 21.0),
        ("a", 30.0),
        ("c", 30.0),
    ]


def test_coroutines_of_another_thread_are_awaited(clock):
    """`run_coroutine_threadsafe` gives its result at the right time, or its timeout."""
    loop = asyncio.new_event_loop()
    thread = threading.Thread(target=loop.run_forever)
    thread.start()
    future = asyncio.run_coroutine_threadsafe(asyncio.sleep(60, "done"), loop)
    with pytest.raises(TimeoutError):
        future.result(timeout=20)
    assert clock.elapsed == 20.0
    assert future.result(timeout=60) == "done"
    assert clock.elapsed == 60.0
    loop.call_soon_threadsafe(loop.stop)
    thread.join()
    loop.close()


def test_a_loop_from_before_the_clock_joins_in():
    """A loop that exists already, such as one of a wider fixture, runs in virtual time while the clock is open."""
    loop = asyncio.new_event_loop()
    try:
        loop.run_until_complete(asyncio.sleep(0))
        for _ in range(2):
            with VirtualClock() as clock:
                loop.run_until_complete(asyncio.sleep(3600))
                assert clock.elapsed == 3600.0
    finally:
        loop.close()
