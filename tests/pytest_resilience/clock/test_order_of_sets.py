"""The order of tasks and futures in sets is the same in each run."""

from __future__ import annotations

import asyncio
import concurrent.futures
import copy
import pickle
import pkgutil
import queue
import sys
import threading

import pytest

from pytest_resilience.clock import VirtualClock

MANY = 12
ALL = list(range(MANY))


async def linger(log, number):
    """Log when it is cancelled."""
    try:
        await asyncio.sleep(100)
    finally:
        log.append(number)


async def fail_a_group(log):
    """A task group cancels its tasks."""
    with pytest.raises(TimeoutError):
        async with asyncio.timeout(5), asyncio.TaskGroup() as group:
            for number in range(MANY):
                group.create_task(linger(log, number))


async def leave_tasks(log):
    """`asyncio.run` cancels what is left over."""
    asyncio.current_task().kept = [asyncio.create_task(linger(log, number)) for number in range(MANY)]
    await asyncio.sleep(1)


async def leave_eager_tasks(log):
    """The same with tasks that start at once."""
    asyncio.get_running_loop().set_task_factory(asyncio.eager_task_factory)
    await leave_tasks(log)


async def leave_tasks_of_a_factory(log):
    """The same with tasks that the program makes itself."""
    asyncio.get_running_loop().set_task_factory(lambda loop, coro, **options: asyncio.Task(coro, loop=loop, **options))
    await leave_tasks(log)


async def leave_few_of_many_tasks(log):
    """The same where the numbers of the tasks are far apart."""
    kept = asyncio.current_task().kept = []
    for number in range(MANY):
        kept.append(asyncio.create_task(linger(log, number)))
        await asyncio.gather(*[asyncio.sleep(0) for _ in range(number * 7 % 13)])


async def wait_for_tasks(log):
    """`asyncio.wait` returns sets."""
    tasks = [asyncio.create_task(asyncio.sleep(5 if number % 2 else 50, number)) for number in range(MANY)]
    _, pending = await asyncio.wait(tasks, timeout=20)
    done, _ = await asyncio.wait(tasks)
    log += [task.result() for task in pending]
    log += [task.result() for task in done - pending]


async def await_finished_tasks(log):
    """`asyncio.as_completed` keeps finished tasks in a set."""
    tasks = [asyncio.create_task(asyncio.sleep(1, number)) for number in range(MANY)]
    await asyncio.sleep(2)
    log += [await turn for turn in asyncio.as_completed(tasks)]


async def await_coroutines(log):
    """`asyncio.as_completed` makes a set of what it is given, and tasks of those."""

    async def note(number):
        log.append(number)

    for turn in asyncio.as_completed([asyncio.create_task(note(number)) for number in range(MANY)]):
        await turn


async def keep_a_set(log):
    """The program has a set of its own."""
    tasks = {asyncio.create_task(linger(log, number)) for number in range(MANY)}
    await asyncio.sleep(1)
    for task in tasks:
        task.cancel()
    await asyncio.wait(tasks)


PROGRAMS = [
    fail_a_group,
    leave_tasks,
    leave_few_of_many_tasks,
    leave_tasks_of_a_factory,
    wait_for_tasks,
    await_finished_tasks,
    await_coroutines,
    keep_a_set,
]


@pytest.mark.parametrize("program", [*PROGRAMS, *([leave_eager_tasks] if sys.version_info >= (3, 12) else [])])
def test_tasks_come_in_the_same_order_in_each_run(run_often, program):
    """Tasks that a set holds are cancelled, awaited and listed in the same order each time."""
    assert sorted(run_often(lambda log: asyncio.run(program(log)))) == ALL


def test_tasks_of_earlier_programs_do_not_matter(run_often):
    """The order is the same whatever ran before the clock, done or still known."""
    kept = []

    async def earlier(number):
        kept.extend(asyncio.create_task(asyncio.sleep(0)) for _ in range(number * 41 % 300))
        await asyncio.sleep(0.001)

    def before(number):
        asyncio.run(earlier(number))
        del kept[::3]

    assert sorted(run_often(lambda log: asyncio.run(leave_few_of_many_tasks(log)), before)) == ALL


def finished(numbers):
    """Futures of a pool, all done."""
    with concurrent.futures.ThreadPoolExecutor(1) as pool:
        return [pool.submit(int, number) for number in numbers]


@pytest.mark.parametrize("kind", [list, set])
def test_futures_come_in_the_same_order_in_each_run(run_often, kind):
    """So do the futures that `concurrent.futures` sorts into sets, or yields from one."""

    def wait(log):
        log += [future.result() for future in concurrent.futures.wait(kind(finished(range(MANY)))).done]

    def as_completed(log):
        log += [future.result() for future in concurrent.futures.as_completed(kind(finished(range(MANY))))]

    def not_done(log):
        others = [concurrent.futures.Future() for _ in range(MANY)]
        log += map(others.index, concurrent.futures.wait(kind(others), timeout=1).not_done)

    for program in (wait, as_completed, not_done):
        assert sorted(run_often(program)) == ALL


def test_threads_outside_take_no_numbers():
    """Threads outside come at any time: their futures hash to their addresses, as ever."""
    asked, told = queue.SimpleQueue(), queue.SimpleQueue()

    def outside():
        asked.get()
        future = concurrent.futures.Future()
        told.put((hash(future), object.__hash__(future)))

    thread = threading.Thread(target=outside)
    thread.start()
    with VirtualClock() as clock, clock.hold():
        assert hash(concurrent.futures.Future()) == 0
        asked.put(None)
        number, address = told.get()
        assert number == address
        assert hash(concurrent.futures.Future()) == 1
    thread.join()


def test_tasks_from_before_the_clock_stay_known():
    """Tasks are listed, awaited and cancelled as ever where the clock opens, or closes, during their lives."""

    async def main():
        log = []
        async with asyncio.TaskGroup() as group:
            old = [group.create_task(linger(log, number)) for number in range(MANY)]
            hashes = [*map(hash, old)]
            with VirtualClock():
                new = [group.create_task(linger(log, number + MANY)) for number in range(MANY)]
                everyone = {asyncio.current_task(), *old, *new}
                hashes += map(hash, new)
                assert all(isinstance(task, asyncio.Task) for task in old + new)
                await asyncio.sleep(1)
                assert asyncio.all_tasks() == everyone
                assert await asyncio.wait({*old, *new}, timeout=1) == (set(), {*old, *new})
            assert asyncio.all_tasks() == everyone
            assert [*map(hash, old + new)] == hashes
            assert all(isinstance(task, asyncio.Task) for task in old + new)
            for task in old + new:
                task.cancel()
        assert sorted(log) == list(range(2 * MANY))
        assert type(asyncio.create_task(asyncio.sleep(0))) is asyncio.Task

    asyncio.run(main())


def test_names_kept_from_a_clock_stay_good():
    """The classes from inside and from outside of a clock are one to whoever asks."""
    real, real_future = asyncio.Task, concurrent.futures.Future
    with VirtualClock():
        task_class, future_class = asyncio.Task, concurrent.futures.Future
        future = finished([1])[0]
        assert type(future) is future_class
        assert isinstance(future, real_future)
        assert isinstance(real_future(), future_class)
    assert (asyncio.Task, asyncio.tasks.Task, concurrent.futures.Future) == (real, real, real_future)
    assert isinstance(real_future(), future_class)
    assert issubclass(real, task_class)
    assert not isinstance(threading.current_thread(), future_class)
    assert not isinstance(real_future(), type("Other", (future_class,), {}))


@pytest.mark.parametrize("name", ["asyncio:Task", "asyncio:TimerHandle", "concurrent.futures:Future"])
def test_a_class_is_pickled_copied_and_derived_from_as_ever(name, monkeypatch):
    """By the name that a program uses, while the clock is open and after it."""
    with VirtualClock():
        kept = pkgutil.resolve_name(name)
        derived = type("Derived", (kept,), {"__module__": __name__})
        monkeypatch.setattr(sys.modules[__name__], "Derived", derived, raising=False)
        for each in (kept, derived):
            assert pickle.loads(pickle.dumps(each)) is copy.copy(each) is copy.deepcopy(each) is each
    real = pkgutil.resolve_name(name)
    assert pickle.loads(pickle.dumps(kept)) is real
    assert pickle.loads(pickle.dumps(derived)) is derived
    assert issubclass(derived, real)
    assert issubclass(derived, kept)
    assert not issubclass(real, derived)


def test_tasks_look_as_ever(clock):
    """What shows of a task, a future and their classes is what shows without a clock."""

    async def main():
        task = asyncio.current_task()
        assert type(task) is asyncio.Task
        assert repr(task).startswith("<Task pending name='Task-")
        with pytest.raises(TypeError, match=r"^cannot pickle '(_asyncio\.)?Task' object"):
            pickle.dumps(task)

    asyncio.run(main())
    assert repr(asyncio.Task[int]) == "_asyncio.Task[int]"
    assert pickle.loads(pickle.dumps(asyncio.Task)) is asyncio.Task
    assert repr(concurrent.futures.Future()).endswith("state=pending>")
    assert asyncio.Task.__qualname__ == "Task"
    assert asyncio.Task.__doc__
