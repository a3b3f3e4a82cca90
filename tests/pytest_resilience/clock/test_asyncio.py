"""asyncio in virtual time."""

from __future__ import annotations

import asyncio
import contextlib
import gc
import math
import time
import weakref
from asyncio import sleep as copied_sleep

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pytest_resilience.clock import DeadlockError, VirtualClock


def test_sleeping_takes_virtual_time(clock):
    """`asyncio.sleep` moves every clock, and is recorded as it was asked for."""

    async def main():
        before = time.monotonic(), asyncio.get_running_loop().time()
        await asyncio.sleep(0.1)
        await copied_sleep(3600)
        return [now - then for now, then in zip((time.monotonic(), asyncio.get_running_loop().time()), before)]

    assert asyncio.run(main()) == pytest.approx([3600.1, 3600.1], abs=1e-6)
    assert clock.elapsed == 3600.1
    assert clock.sleeps == [0.1, 3600.0]


def test_a_sleep_of_zero_is_no_sleep(clock):
    """`asyncio.sleep(0)` only lets the other tasks run."""
    asyncio.run(asyncio.sleep(0))
    assert (clock.elapsed, clock.sleeps) == (0.0, [])


@settings(deadline=None)
@given(st.lists(st.floats(1e-3, 1e6), max_size=20))
def test_tasks_wake_at_their_own_time(delays):
    """Any number of tasks that sleep together wake in order of their delays, to the nanosecond."""
    with VirtualClock() as clock:
        log = []

        async def nap(delay):
            await asyncio.sleep(delay)
            log.append(clock.elapsed)

        async def main():
            await asyncio.gather(*map(nap, delays))

        asyncio.run(main())
        assert log == pytest.approx(sorted(delays), abs=2e-9)
        assert clock.guesses == 0


def test_timeouts_fire_exactly(clock):
    """`wait_for`, `timeout` and `wait` give up at their deadline, and not before what they wait for."""

    async def main():
        with pytest.raises(TimeoutError):
            await asyncio.wait_for(asyncio.Event().wait(), 30)
        assert clock.elapsed == 30.0
        assert await asyncio.wait_for(asyncio.sleep(29, "slept"), 30) == "slept"
        with pytest.raises(TimeoutError):
            async with asyncio.timeout(10):
                await asyncio.sleep(11)
        done, pending = await asyncio.wait([asyncio.ensure_future(asyncio.sleep(n)) for n in (5, 50)], timeout=20)
        assert (len(done), len(pending)) == (1, 1)

    asyncio.run(main())
    assert clock.elapsed == 89.0


def test_call_later_calls_later(clock):
    """Callbacks run in the order of their times."""
    log = []

    async def main():
        loop = asyncio.get_running_loop()
        loop.call_later(2, log.append, "c")
        loop.call_at(loop.time() + 1, log.append, "b")
        loop.call_soon(log.append, "a")
        loop.call_later(1.5, log.append, "never").cancel()
        await asyncio.sleep(3)

    asyncio.run(main())
    assert log == ["a", "b", "c"]


def test_a_cancelled_sleep_ends_at_once(clock):
    """Cancelling a task that sleeps takes no time."""

    async def main():
        task = asyncio.create_task(asyncio.sleep(1000))
        await asyncio.sleep(1)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task

    asyncio.run(main())
    assert clock.elapsed == 1.0


def test_sockets_of_one_loop_are_read_before_time_moves(clock):
    """A conversation over loopback within one loop takes no virtual time and meets no spurious timeout."""

    async def main():
        async def serve(reader, writer):
            while line := await reader.readline():
                await asyncio.sleep(1)
                writer.write(line.upper())
                await writer.drain()
            writer.close()

        server = await asyncio.start_server(serve, "127.0.0.1", 0)
        async with server:
            reader, writer = await asyncio.open_connection(*server.sockets[0].getsockname())
            for number in range(20):
                writer.write(b"line %d\n" % number)
                assert await asyncio.wait_for(reader.readline(), 1.5) == b"LINE %d\n" % number
            writer.close()
            await writer.wait_closed()

    asyncio.run(main())
    assert clock.elapsed == 20.0


def test_equal_timers_fire_in_the_order_of_their_creation(clock):
    """Tasks that sleep until the same instant wake in the order in which they began, as they do in real time."""
    log = []

    async def nap(name, seconds):
        await asyncio.sleep(seconds)
        log.append(name)

    async def main():
        early = [asyncio.create_task(nap(number, 10)) for number in range(50)]
        await asyncio.sleep(5)
        late = [asyncio.create_task(nap(number, 5)) for number in range(50, 100)]
        await asyncio.gather(*early, *late)

    asyncio.run(main())
    assert log == list(range(100))


def test_a_task_that_cancels_itself_does_not_sleep(clock):
    """A pending cancellation ends a sleep before it begins."""

    async def main():
        asyncio.current_task().cancel()
        await asyncio.sleep(5)

    with pytest.raises(asyncio.CancelledError):
        asyncio.run(main())
    assert clock.elapsed == 0.0


def test_advance_does_not_make_tasks_late(clock):
    """`advance` in a coroutine is refused if anything of its loop is due meanwhile, and works if nothing is."""

    async def main():
        clock.advance(10)
        task = asyncio.create_task(asyncio.sleep(5))
        for seconds in (0, 10):
            await asyncio.sleep(0)
            if seconds == 0:
                clock.advance(1)
                continue
            with pytest.raises(RuntimeError) as caught:
                clock.advance(seconds)
        await task
        return str(caught.value)

    assert asyncio.run(main()) == (
        "advance() would block the event loop that runs this coroutine, and its other tasks would be late; "
        "write `await asyncio.sleep(seconds)` instead"
    )
    assert clock.elapsed == 15.0


def test_a_stopped_loop_stops(clock):
    """A sleep after `loop.stop` does not go on in this run of the loop."""
    loop = asyncio.new_event_loop()
    log = []

    async def main():
        loop.stop()
        await asyncio.sleep(5)
        log.append(clock.elapsed)

    task = loop.create_task(main())
    loop.run_forever()
    assert log == []
    loop.run_until_complete(task)
    assert log == [5.0]
    loop.close()


@pytest.mark.skipif(not hasattr(asyncio, "eager_task_factory"), reason="eager tasks are new in Python 3.12")
def test_an_eager_task_does_not_take_its_creator_along(clock):
    """A task that begins to sleep inside `create_task` leaves its creator at its own time."""

    async def main():
        asyncio.get_running_loop().set_task_factory(asyncio.eager_task_factory)
        task = asyncio.create_task(asyncio.sleep(5))
        assert clock.elapsed == 0.0
        await task

    asyncio.run(main())
    assert clock.elapsed == 5.0


def test_a_debug_loop_sees_no_slow_steps(clock, caplog):
    """Virtual sleeps do not look like slow callbacks."""

    async def main():
        for _ in range(20):
            await asyncio.sleep(100)

    asyncio.run(main(), debug=True)
    assert clock.elapsed == 2000.0
    assert not [record for record in caplog.records if "took" in record.getMessage()]


def test_a_task_that_only_sleeps_still_hears_signals(clock):
    """A signal handler of the loop runs although its only task never waits for anything but time."""
    import os
    import signal

    async def main():
        stop = asyncio.Event()
        asyncio.get_running_loop().add_signal_handler(signal.SIGUSR1, stop.set)
        os.kill(os.getpid(), signal.SIGUSR1)
        while not stop.is_set():
            await asyncio.sleep(1)

    asyncio.run(main())


def test_sleep_refuses_what_it_always_refused(clock):
    """Wrong arguments raise the errors that the real function raises."""
    with pytest.raises(TypeError):
        asyncio.run(asyncio.sleep("1"))
    assert asyncio.iscoroutinefunction(asyncio.sleep) if not hasattr(asyncio, "eager_task_factory") else True
    assert clock.sleeps == []


def test_sleeping_for_ever_can_be_cancelled(clock):
    """An infinite sleep takes as long as whoever cancels it lets it."""

    async def main():
        for _ in range(20):
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(asyncio.sleep(math.inf), 5)

    asyncio.run(main())
    assert clock.elapsed == 100.0


def test_a_timer_at_infinity_is_no_timer(clock):
    """A loop whose only timer never fires is deadlocked, and does not go on day by day."""

    async def main():
        asyncio.get_running_loop().call_at(math.inf, print)
        await asyncio.Event().wait()

    with pytest.raises(DeadlockError):
        asyncio.run(main())


def test_a_timer_that_is_years_ahead_is_one_jump(monkeypatch):
    """The loop, which really waits a day at most, is woken once; what is due in more than 292 years is no timer."""
    monkeypatch.setattr(VirtualClock, "_most_questions", 500)  # after which time passes for the loop
    with VirtualClock() as clock:
        asyncio.run(asyncio.wait_for(asyncio.sleep(10**9), 2 * 10**9))
        assert clock.elapsed == pytest.approx(1e9, rel=1e-15)
        assert len(clock.jumps) <= 2  # as a float, such a time has no single nanoseconds
        with pytest.raises(DeadlockError):
            asyncio.run(asyncio.sleep(1e300))


def test_timers_from_before_the_clock_keep_their_order():
    """A loop of the whole session, with several timers under way, goes on in the clock and after it."""

    async def tick(count):
        for _ in range(count):
            await asyncio.sleep(0.001)

    async def main():
        tasks = [asyncio.create_task(tick(3)) for _ in range(8)]
        await asyncio.sleep(0)
        with VirtualClock() as clock:
            await asyncio.sleep(5)
            assert clock.elapsed == 5.0
        await asyncio.gather(*tasks)

    asyncio.run(main())


def test_a_timer_that_outlives_the_clock_has_left_to_wait_what_it_had_left():
    """A loop that lives on, as one of a whole session, does not stand still for the hours that were virtual."""
    loop = asyncio.new_event_loop()
    older = loop.call_later(600, print)
    with VirtualClock():
        loop.run_until_complete(asyncio.sleep(60))
        timers = [loop.call_later(delay, print) for delay in (500, 7200, 400)]
        loop.run_until_complete(asyncio.sleep(300))
    left = [timer.when() - loop.time() for timer in timers]
    assert [each <= expected for each, expected in zip(left, [200, 6900, 100])] == [True] * 3
    assert [each > expected - 60 for each, expected in zip(left, [200, 6900, 100])] == [True] * 3
    assert 180 < older.when() - loop.time() <= 240
    assert loop._scheduled[0] is timers[2]
    loop.close()


def test_the_time_of_a_loop_that_outlives_clocks_goes_on():
    """It never goes back, in real time and in the next clock, in which sleeps and timeouts are as exact as ever."""
    loop, times = asyncio.new_event_loop(), []

    async def look(seconds):
        times.append(loop.time())
        with contextlib.suppress(TimeoutError):
            await asyncio.wait_for(asyncio.sleep(seconds), 7200)
        await asyncio.gather(asyncio.sleep(seconds / 2), asyncio.sleep(seconds / 4))
        times.append(loop.time())

    loop.run_until_complete(look(0))
    for _ in range(3):
        with VirtualClock() as clock:
            loop.run_until_complete(look(7201))
            assert clock.elapsed == pytest.approx(7200 + 3600.5, abs=1e-6)
        loop.run_until_complete(look(0))
    assert times == sorted(times)
    assert times[-1] - times[0] >= 3 * 10_800
    loop.close()


def test_a_loop_that_has_outlived_a_clock_is_not_blocked_beyond_its_timers():
    """`advance` is refused where a timer is due before its end, and there only."""
    loop = asyncio.new_event_loop()
    with VirtualClock():
        loop.run_until_complete(asyncio.sleep(3600))

    async def main(clock):
        loop.call_later(5, print)
        clock.advance(4)
        with pytest.raises(RuntimeError, match="would block the event loop"):
            clock.advance(2)

    with VirtualClock() as clock:
        loop.run_until_complete(main(clock))
    loop.close()


def test_a_loop_that_outlives_a_clock_dies_with_its_last_reference():
    """Nothing that makes its time go on keeps it."""
    loop = asyncio.new_event_loop()
    with VirtualClock():
        loop.run_until_complete(asyncio.sleep(60))
    loop.close()
    reference = weakref.ref(loop)
    del loop
    gc.collect()
    assert reference() is None


def test_a_loop_has_the_time_of_the_monotonic_clock(clock):
    """To the last bit, whatever fraction of a second it is."""

    async def main():
        for _ in range(20):
            await asyncio.sleep(0.1)
            assert asyncio.get_running_loop().time() == time.monotonic()

    asyncio.run(main())
    assert clock.elapsed == 2.0
