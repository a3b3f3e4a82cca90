"""Trio as a guest of another event loop, whose threads wait for it."""

from __future__ import annotations

import asyncio
import queue
import threading
import time

import pytest
import trio

from pytest_resilience.clock import DeadlockError, VirtualClock


@pytest.fixture(autouse=True)
def _threads_end_soon(monkeypatch):
    """Let trio's idle threads that have real time end at once: a test leaves none behind."""
    monkeypatch.setattr(trio._core._thread_cache, "IDLE_TIMEOUT", 0.001)


async def beside(guest, host):
    """Run ``guest`` in trio, as a guest of the event loop that runs ``host`` meanwhile; what it returns."""
    loop = asyncio.get_running_loop()
    done = loop.create_future()
    trio.lowlevel.start_guest_run(
        guest,
        run_sync_soon_threadsafe=loop.call_soon_threadsafe,
        done_callback=done.set_result,
        host_uses_signal_set_wakeup_fd=True,
    )
    await host()
    return (await done).unwrap()


async def nothing():
    await trio.sleep(0.001)


@pytest.mark.parametrize("has_run_before", [False, True])
def test_guest_and_host_share_one_time(has_run_before):
    """Each wakes at its own deadlines, also where an idle thread is there that has waited for an earlier run."""
    if has_run_before:
        asyncio.run(beside(nothing, lambda: asyncio.sleep(0.001)))
    for _ in range(2):
        with VirtualClock() as clock:
            log = []

            async def nap(seconds, log=log, clock=clock):
                await trio.sleep(seconds)
                log.append(("trio", clock.elapsed))

            async def guest(nap=nap):
                with trio.move_on_after(3600):
                    async with trio.open_nursery() as nursery:
                        for seconds in (500, 1500, 2500, 9999):
                            nursery.start_soon(nap, seconds)
                await trio.to_thread.run_sync(time.sleep, 100)
                return trio.current_time()

            async def host(log=log, clock=clock):
                for _ in range(3):
                    await asyncio.sleep(1000)
                    log.append(("asyncio", clock.elapsed))

            assert asyncio.run(beside(guest, host)) == pytest.approx(time.monotonic())
            assert log == [
                ("trio", 500),
                ("asyncio", 1000),
                ("trio", 1500),
                ("asyncio", 2000),
                ("trio", 2500),
                ("asyncio", 3000),
            ]
            assert (clock.elapsed, clock.guesses) == (3700, 0)


def begin(main):
    """Start ``main`` as a guest of the test itself; what goes on with it until something is so, and its outcomes."""
    calls, done = queue.SimpleQueue(), []

    def go_on_until(is_so):
        while not is_so():
            calls.get()()

    trio.lowlevel.start_guest_run(main, run_sync_soon_threadsafe=calls.put, done_callback=done.append)
    return go_on_until, done


def test_a_guest_that_waits_for_nothing_is_a_deadlock():
    """Its thread waits for a day at most, which is no timer."""
    scope = trio.CancelScope()

    async def main():
        await trio.sleep(5)
        with scope:
            await trio.sleep_forever()

    with VirtualClock() as clock:
        go_on_until, done = begin(main)
        with pytest.raises(DeadlockError):
            go_on_until(lambda: done)
        assert clock.elapsed == 5
        scope.cancel()
        go_on_until(lambda: done)


def test_a_run_that_is_older_than_the_clock_and_outlives_it_goes_on(monkeypatch):
    """Its time never goes back and leaps nowhere, and who sleeps in it has left to sleep what was left in the clock.

    The thread that waited for it as the clock opened, and is idle then, is not given its next wait.
    """
    monkeypatch.setattr(trio._core._thread_cache, "IDLE_TIMEOUT", 0.3)
    seen, tokens, opened = [], [], trio.Event()

    async def look_after(seconds):
        await trio.sleep(seconds)
        seen.append(trio.current_time())

    async def main():
        tokens.append(trio.lowlevel.current_trio_token())
        await look_after(0.001)
        await opened.wait()
        async with trio.open_nursery() as nursery:
            nursery.start_soon(look_after, 3600)
            nursery.start_soon(look_after, 3599.999)

    go_on_until, done = begin(main)
    go_on_until(lambda: seen)
    with VirtualClock(grace=60) as clock:
        with clock.hold():  # until the thread outside is back that waits for the run
            tokens[0].run_sync_soon(opened.set)
            go_on_until(opened.is_set)
        go_on_until(lambda: seen[-1] - seen[0] > 3599)
    go_on_until(lambda: done)
    first, last, very_last = seen[0], *seen[-2:]
    assert seen == sorted(seen)
    assert 3599 < last - first < 7200
    assert very_last - last < 3600
    for thread in threading.enumerate():
        if thread.name.startswith("Trio thread"):
            thread.join()
