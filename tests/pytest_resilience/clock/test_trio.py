"""trio, and anyio on both of its backends, in virtual time."""

from __future__ import annotations

import gc
import time

import anyio
import pytest
import trio
import trio.lowlevel

from pytest_resilience.clock import DeadlockError, VirtualClock


def test_sleeping_takes_virtual_time(clock):
    """`trio.sleep` moves every clock, and is recorded as it was asked for."""

    async def main():
        before = trio.current_time(), time.monotonic()
        await trio.sleep(0.1)
        await trio.sleep(3600)
        await trio.lowlevel.checkpoint()
        return trio.current_time() - before[0], time.monotonic() - before[1]

    assert trio.run(main) == pytest.approx((3600.1, 3600.1), abs=1e-6)
    assert clock.elapsed == 3600.1
    assert clock.sleeps == [0.1, 3600.0]


def test_a_thousand_uneven_sleeps_add_up_exactly(clock):
    """No rounding of deadlines makes a sleep longer than it was asked to be."""

    async def main():
        for _ in range(1000):
            await trio.sleep(0.1)

    trio.run(main)
    assert clock.elapsed_ns == 100_000_000_000


def test_timeouts_fire_exactly(clock):
    """Cancel scopes end at their deadline, in the order of deadlines and arrivals."""
    log = []

    async def nap(name, seconds):
        with trio.move_on_after(seconds):
            await trio.sleep_forever()
        log.append((name, clock.elapsed))

    async def main():
        async with trio.open_nursery() as nursery:
            for name, seconds in (("a", 3), ("b", 1), ("c", 3), ("d", 2), ("e", 3)):
                nursery.start_soon(nap, name, seconds)
        with pytest.raises(trio.TooSlowError), trio.fail_after(5):
            await trio.sleep(6)

    trio.run(main)
    assert log == [("b", 1.0), ("d", 2.0), ("a", 3.0), ("c", 3.0), ("e", 3.0)]
    assert clock.elapsed == 8.0


@pytest.mark.parametrize("run", [1, 2])
def test_threads_of_trio_belong_to_the_clock(clock, run):
    """`to_thread` works in virtual time, in every clock of the process, though trio keeps its threads."""

    async def main():
        log = []

        async def ticker():
            for _ in range(3):
                await trio.sleep(10)
                log.append(clock.elapsed)

        async with trio.open_nursery() as nursery:
            nursery.start_soon(ticker)
            log.append(await trio.to_thread.run_sync(lambda: (time.sleep(15), "thread")[1]))
            log.append(await trio.to_thread.run_sync(lambda: trio.from_thread.run(trio.sleep, 1)))
        return log

    assert trio.run(main) == [10.0, "thread", None, 20.0, 30.0]
    assert clock.guesses == 0


def test_a_deadlock_is_raised_in_the_main_task(clock):
    """The error shows the tasks, reaches the caller of `trio.run`, and leaves trio in working order."""

    async def forlorn():
        await trio.Event().wait()

    async def main():
        await trio.sleep(10)
        await forlorn()

    with pytest.raises(DeadlockError) as caught:
        trio.run(main)
    assert [name.rpartition(".")[2] for name in caught.value.tasks] == ["main"]
    assert "in forlorn\n    await trio.Event().wait()" in str(caught.value)
    assert clock.elapsed == 10.0
    trio.run(trio.sleep, 5)
    assert clock.elapsed == 15.0


def test_a_deadlock_in_a_nursery_stays_a_deadlock(clock):
    """Where tasks are blocked in a nursery, the error comes in a group, as trio has it, and cancels them."""

    async def main():
        async with trio.open_nursery() as nursery:
            nursery.start_soon(trio.sleep_forever)
            nursery.start_soon(trio.sleep_forever)

    with pytest.raises(BaseExceptionGroup) as caught:
        trio.run(main)
    assert caught.group_contains(DeadlockError)


@pytest.mark.parametrize("backend", ["asyncio", "trio"])
def test_anyio_sleeps_and_times_out(clock, backend):
    """anyio's own functions see virtual time on either backend."""

    async def main():
        start = anyio.current_time()
        await anyio.sleep(10)
        with anyio.move_on_after(5):
            await anyio.sleep(6)
        await anyio.to_thread.run_sync(time.sleep, 7)
        return anyio.current_time() - start

    assert anyio.run(main, backend=backend) == 22.0
    assert clock.elapsed == 22.0
    assert clock.sleeps == [10.0, 6.0, 7.0]


def test_two_runs_take_the_same_course():
    """Tasks that become runnable together run in one order, in every run."""

    def program():
        log = []

        async def worker(name, period):
            for _ in range(5):
                await trio.sleep(period)
                log.append(name)

        async def main():
            async with trio.open_nursery() as nursery:
                for name in range(10):
                    nursery.start_soon(worker, name, 1 + name % 3)

        with VirtualClock():
            trio.run(main)
        return log

    assert program() == program()


def test_trio_has_its_own_clock_back_afterwards():
    """After the clock, a run of trio lives in real time."""
    with VirtualClock():
        trio.run(trio.sleep, 1_000_000)

    async def main():
        return trio.current_time()

    assert trio.run(main) < 1_000_000 + time.perf_counter()


def test_advance_is_refused_where_trio_runs(clock):
    """It would make other tasks late, and the text says what to write instead."""

    async def main():
        with pytest.raises(RuntimeError) as caught:
            clock.advance(5)
        assert str(caught.value) == (
            "advance() would block trio, and its other tasks would be late; write `await trio.sleep(seconds)` instead"
        )

    trio.run(main)


@pytest.mark.parametrize("backend", ["asyncio", "trio"])
def test_the_idle_worker_threads_of_anyio_are_no_leftovers(backend):
    """A loop that goes on after the clock keeps its workers, of which nothing is said."""

    async def main():
        with VirtualClock() as clock:
            await anyio.to_thread.run_sync(time.sleep, 5)
            assert clock.elapsed == 5.0

    anyio.run(main, backend=backend)


async def linger(sleep, log, number):
    """Log when it is cancelled."""
    try:
        await sleep(100)
    finally:
        log.append(number)


async def linger_in_scope(sleep, log, number):
    """The same, in a scope of its own."""
    with trio.CancelScope() if sleep is trio.sleep else anyio.CancelScope():
        await linger(sleep, log, number)


@pytest.mark.parametrize("task", [linger, linger_in_scope])
def test_a_nursery_cancels_in_the_same_order_in_each_run(run_often, task):
    """trio cancels the tasks of a nursery, and those in scopes of their own, in the same order each time."""

    async def main(log):
        with trio.move_on_after(5):
            async with trio.open_nursery() as nursery:
                for number in range(12):
                    nursery.start_soon(task, trio.sleep, log, number)

    assert sorted(run_often(lambda log: trio.run(main, log))) == list(range(12))


@pytest.mark.parametrize("task", [linger, linger_in_scope])
@pytest.mark.parametrize("backend", ["asyncio", "trio"])
def test_anyio_cancels_in_the_same_order_in_each_run(run_often, backend, task):
    """So does anyio with the tasks of a group, on both backends."""

    async def main(log):
        with anyio.move_on_after(5):
            async with anyio.create_task_group() as group:
                for number in range(12):
                    group.start_soon(task, anyio.sleep, log, number)

    assert sorted(run_often(lambda log: anyio.run(main, log, backend=backend))) == list(range(12))


def test_a_nursery_from_before_the_clock_goes_on():
    """A nursery in which the clock opens, and closes, still knows all its tasks."""

    async def main(log):
        async with trio.open_nursery() as nursery:
            for number in range(6):
                nursery.start_soon(linger, trio.sleep, log, number)
            with VirtualClock():
                for number in range(6, 12):
                    nursery.start_soon(linger_in_scope, trio.sleep, log, number)
                await trio.sleep(1)
                assert all(isinstance(task, trio.lowlevel.Task) for task in nursery.child_tasks)
            nursery.cancel_scope.cancel()

    log = []
    trio.run(main, log)
    assert sorted(log) == list(range(12))


def test_the_clock_of_a_run_does_not_end_with_that_of_an_earlier_one():
    """The clocks of runs are equal inside the bubble, and each tells the time for as long as its own run needs it."""
    earlier = trio.lowlevel.current_clock

    async def clock_of_this_run():
        return earlier()

    async def sleep_on(kept):
        began = trio.current_time()
        kept.clear()
        gc.collect()
        await trio.sleep(100)
        return trio.current_time() - began

    with VirtualClock() as clock:
        kept = [trio.run(clock_of_this_run)]
        assert trio.run(sleep_on, kept) == pytest.approx(100)
        assert clock.elapsed == pytest.approx(100)
