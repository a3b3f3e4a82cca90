"""Executors and event loops that are older than the clock."""

from __future__ import annotations

import asyncio
import threading
import time
from concurrent.futures import ThreadPoolExecutor, wait
from concurrent.futures.thread import BrokenThreadPool

import anyio
import anyio.from_thread
import pytest

from pytest_resilience.clock import VirtualClock
from pytest_resilience.clock._reach import real


def work(log, clock, number):
    time.sleep(number)
    log.append((number, clock.elapsed, threading.current_thread().name))


@pytest.fixture
def executor():
    """An executor with three workers that have worked in real time."""
    with ThreadPoolExecutor(3, thread_name_prefix="old") as executor:
        meeting = threading.Barrier(3)
        wait([executor.submit(meeting.wait) for _ in range(3)])
        yield executor


def test_the_workers_of_an_older_executor_join_each_clock(executor):
    """They work in virtual time, in the same order each time, and in real time between the clocks."""
    threads, logs = threading.active_count(), []
    for _ in range(5):
        log = []
        with VirtualClock() as clock:
            wait([executor.submit(work, log, clock, number) for number in (30, 10, 20, 5)])
            assert (clock.elapsed, clock.guesses) == (30.0, 0)
        logs.append(log)
        assert executor.submit(lambda: 5).result() == 5
    assert [entry[:2] for entry in logs[0]] == [(10, 10.0), (5, 15.0), (20, 20.0), (30, 30.0)]
    assert logs == [logs[0]] * 5
    assert threading.active_count() == threads


def test_an_older_executor_still_starts_as_many_workers_as_it_may():
    """Being called in does not make an executor believe that more of its workers are idle."""
    with ThreadPoolExecutor(3) as executor:
        executor.submit(int).result()
        for _ in range(5):
            with VirtualClock():
                executor.submit(int).result()
        with VirtualClock() as clock:
            wait([executor.submit(time.sleep, 10) for _ in range(3)])
            assert clock.elapsed == 10.0


def test_a_worker_that_comes_too_late_for_a_clock_joins_the_next(monkeypatch):
    """It may be on its way to its next work, and into the clock, at the very moment when the clock closes."""
    ready, closed = real.allocate_lock(), real.allocate_lock()
    for gate in (ready, closed):
        real.lock_acquire(gate)
    find_out = threading.current_thread

    def find_out_late():
        thread = find_out()
        if thread.name.startswith("late"):
            real.lock_release(ready)
            real.lock_acquire(closed)
        return thread

    with ThreadPoolExecutor(1, thread_name_prefix="late") as executor:
        begun, go = threading.Event(), threading.Event()
        executor.submit(lambda: (begun.set(), go.wait()))
        begun.wait()
        with VirtualClock():
            late = executor.submit(abs, -5)
            monkeypatch.setattr(threading, "current_thread", find_out_late)
            go.set()
            real.lock_acquire(ready)
        monkeypatch.undo()
        real.lock_release(closed)
        assert late.result() == 5
        with VirtualClock() as clock:
            executor.submit(time.sleep, 3600).result()
            assert (clock.elapsed, clock.guesses) == (3600.0, 0)


def test_an_older_executor_is_shut_down_in_the_clock():
    """Its workers end inside the bubble, and are waited for."""
    executor = ThreadPoolExecutor(2)
    executor.submit(int).result()
    with VirtualClock() as clock:
        future = executor.submit(time.sleep, 10)
        executor.shutdown()
        assert (future.done(), clock.elapsed) == (True, 10.0)


def test_an_older_executor_that_gets_no_work_stays_outside(executor):
    """Workers that the bubble gives nothing to do live in real time."""
    go = threading.Event()
    future = executor.submit(lambda: (go.wait(), time.monotonic())[1])
    before = time.monotonic()
    with VirtualClock() as clock, clock.hold():
        time.sleep(0)
        go.set()
        while not future.done():
            pass
    assert before <= future.result() <= time.monotonic()


EXECUTOR_OF_PYTHON_3_14 = """
import concurrent.futures.thread as module, queue, threading, time, weakref
from concurrent.futures import Future, wait

class Context:
    def run(self, task):
        function, arguments = task
        return function(*arguments)

class WorkItem:
    def __init__(self, future, task):
        self.future, self.task = future, task

    def run(self, context):
        self.future.set_result(context.run(self.task))

def worker(executor_reference, context, work_queue):
    while True:
        try:
            work_item = work_queue.get_nowait()
        except queue.Empty:
            executor_reference()._idle_semaphore.release()
            work_item = work_queue.get(block=True)
        if work_item is None:
            work_queue.put(None)
            return
        work_item.run(context)

class Executor(module.ThreadPoolExecutor):
    def submit(self, function, /, *arguments):
        future = Future()
        self._work_queue.put(WorkItem(future, (function, arguments)))
        self._adjust_thread_count()
        return future

    def _adjust_thread_count(self):
        if not self._idle_semaphore.acquire(timeout=0) and len(self._threads) < self._max_workers:
            thread = threading.Thread(target=worker, args=(weakref.ref(self), Context(), self._work_queue))
            thread.start()
            self._threads.add(thread)

worker.__module__ = Executor.__module__ = Executor.submit.__module__ = module.__name__
module._worker, module.ThreadPoolExecutor = worker, Executor

from pytest_resilience import VirtualClock

with Executor(2) as executor:
    executor.submit(int).result()
    for _ in range(2):
        with VirtualClock() as clock:
            wait([executor.submit(time.sleep, 10) for _ in range(3)])
            print(clock.elapsed, clock.guesses, threading.active_count())
"""


def test_an_executor_as_in_python_3_14(run_importing):
    """There, a work item is given a context, which is among the arguments of the worker, too."""
    run = run_importing(EXECUTOR_OF_PYTHON_3_14, warnings="error")
    assert (run.stdout, run.stderr) == ("20.0 0 3\n20.0 0 3\n", "")


def test_an_executor_that_takes_no_more_work_says_so():
    """A broken one has idle workers yet: nobody waits for them when they are not called in."""
    outcomes = iter([lambda: None, lambda: 1 / 0])
    with ThreadPoolExecutor(2, initializer=lambda: next(outcomes)()) as executor:
        go = threading.Event()
        busy = executor.submit(go.wait)
        with pytest.raises(BrokenThreadPool):
            executor.submit(int).result()
        go.set()
        assert busy.result()
        with VirtualClock() as clock:
            with pytest.raises(BrokenThreadPool, match=r"^A thread initializer failed, the thread pool is not usable"):
                executor.submit(int)
            time.sleep(3600)
            assert (clock.elapsed, clock.guesses) == (3600.0, 0)


def test_an_event_loop_that_is_older_than_the_clock():
    """`to_thread` in a loop of the whole session works in virtual time in each clock, and in real time without."""
    with asyncio.Runner() as runner:
        runner.run(asyncio.to_thread(int))
        for _ in range(3):
            with VirtualClock() as clock:
                runner.run(asyncio.to_thread(time.sleep, 10))
                assert (clock.elapsed, clock.guesses) == (10.0, 0)
            runner.run(asyncio.to_thread(int))


def test_an_event_loop_of_anyio_that_is_older_than_the_clock():
    """The same goes for the worker threads that anyio keeps for each loop, which do not pile up."""

    async def main():
        await anyio.to_thread.run_sync(int)
        before = threading.active_count()
        for _ in range(3):
            with VirtualClock() as clock:
                await anyio.to_thread.run_sync(time.sleep, 10)
                assert (clock.elapsed, clock.guesses) == (10.0, 0)
            await anyio.to_thread.run_sync(int)
        await anyio.to_thread.run_sync(wait_for_threads, before)

    anyio.run(main)


def wait_for_threads(number):
    """Wait until no more than ``number`` threads are left; those that have been told to end need a moment."""
    while threading.active_count() > number:
        time.sleep(0.001)


def test_work_that_queues_behind_older_work_is_waited_for():
    """A worker that is busy with something from before the clock joins when it is done with that."""
    with ThreadPoolExecutor(1) as executor:
        executor.submit(time.sleep, 0.05)
        with VirtualClock(grace=60) as clock:
            assert executor.submit(lambda: (time.sleep(5), 1)[1]).result(10) == 1
            assert (clock.elapsed, clock.guesses) == (5.0, 0)


def test_a_portal_that_is_older_than_the_clock():
    """The worker threads of a loop that runs outside stay its own."""
    with anyio.from_thread.start_blocking_portal() as portal:
        for _ in range(3):
            with VirtualClock(grace=60) as clock:
                assert portal.call(anyio.to_thread.run_sync, lambda: 5) == 5
                assert (clock.elapsed, clock.guesses) == (0.0, 0)
