"""Threads that block where the clock cannot see them."""

from __future__ import annotations

import asyncio
import concurrent.futures
import contextlib
import ctypes
import gc
import os
import queue
import select
import sys
import threading
import time
import weakref

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pytest_resilience.clock import DeadlockError, GuessWarning, VirtualClock
from pytest_resilience.clock._bubble.frames import frames_of_others
from pytest_resilience.clock._outside import vitals


class ImpatientClock(VirtualClock):
    """Few questions are many, so that the tests take little time."""

    _most_questions = 500


def hidden_lock():
    """A lock whose methods were looked up before the clock was opened, as an extension module would have done it."""
    lock = threading.Lock()
    return lock.acquire, lock.release


def test_a_thread_stuck_in_c_does_not_stop_the_others():
    """Time moves on after the grace, as a guess, until whoever frees the thread has had its turn."""
    acquire, release = hidden_lock()
    acquire()

    def freer():
        time.sleep(5)
        release()

    with pytest.warns(GuessWarning), VirtualClock(grace=0.01) as clock:
        thread = threading.Thread(target=freer)
        thread.start()
        acquire()
        thread.join()
        assert clock.elapsed == 5.0
        assert clock.guesses == 1


def test_a_thread_stuck_in_c_lets_ready_threads_run():
    """No guess about time is needed when another thread can run."""
    acquire, release = hidden_lock()
    acquire()
    with VirtualClock(grace=60) as clock:
        event = threading.Event()

        def freer():
            event.wait()
            release()

        thread = threading.Thread(target=freer)
        thread.start()
        event.set()
        acquire()
        thread.join()
        assert (clock.elapsed, clock.guesses) == (0.0, 0)


def test_two_threads_that_spin_wait_for_time_in_the_end(monkeypatch):
    """Threads that only yield, while another one sleeps, are taken to wait for time to pass."""
    monkeypatch.setattr(VirtualClock, "_most_questions", 5_000)
    with VirtualClock() as clock:
        done = []
        thread = threading.Thread(target=lambda: (time.sleep(0.002), done.append(1)))
        thread.start()
        while not done:
            time.sleep(0)
        assert clock.elapsed == pytest.approx(0.002, rel=0.1)
        assert clock.guesses == 0
        thread.join()


def test_a_thread_that_comes_back_from_c_has_all_the_time_it_needs():
    """However long it then computes, whoever waits for it with a timeout gets its result: time stands still."""

    def work():
        libc.poll(None, 0, 60)
        end = time.perf_counter() + 0.3
        while time.perf_counter() < end:
            pass
        return "done"

    libc = ctypes.CDLL(None)
    with VirtualClock(grace=0.1) as clock, concurrent.futures.ThreadPoolExecutor() as executor:
        assert executor.submit(work).result(timeout=30) == "done"
        assert (clock.elapsed, clock.guesses) == (0.0, 0)


def test_a_thread_that_comes_back_from_c_is_again_the_only_one_that_runs():
    """Nothing else tells that it is back, and whoever it wakes runs after it, as in any other turn."""
    order, woken = [], threading.Event()

    def compute(seconds):
        end = time.thread_time() + seconds
        while time.thread_time() < end:
            pass

    def work():
        libc.poll(None, 0, 60)
        compute(0.2)
        woken.set()
        compute(0.05)
        order.append("worker")

    libc = ctypes.CDLL(None)
    with VirtualClock(grace=60):
        thread = threading.Thread(target=work)
        thread.start()
        woken.wait()
        order.append("main")
        thread.join()
    assert order == ["worker", "main"]


def test_a_signal_from_a_thread_outside_may_come_until_the_grace_is_over():
    """A lock that its waiter has locked itself is no deadlock as long as a thread outside may release it."""
    lock, locked, done = threading.Lock(), threading.Event(), threading.Event()

    def release():
        locked.wait()
        lock.release()
        done.wait()

    thread = threading.Thread(target=release)
    thread.start()
    try:
        with VirtualClock(grace=60) as clock:
            lock.acquire()
            locked.set()
            lock.acquire()
            assert (clock.elapsed, clock.guesses) == (0.0, 0)
        with VirtualClock(grace=0.01), pytest.raises(DeadlockError):
            own = threading.Lock()
            own.acquire()
            own.acquire()
    finally:
        done.set()
        thread.join()


LOOPS = {
    "Condition": lambda left: condition_wait(threading.Condition(), left),
    "Event": lambda left: threading.Event().wait(left),
    "Queue": lambda left: get(queue.Queue(), left),
    "SimpleQueue": lambda left: get(queue.SimpleQueue(), left),
    "Lock": lambda left: locked_lock().acquire(timeout=left),
    "Semaphore": lambda left: threading.Semaphore(0).acquire(timeout=left),
    "sleep": time.sleep,
    "select": lambda left: select.select([], [], [], left),
    "poll": lambda left: select.poll().poll(left * 1000),
    "futures": lambda left: concurrent.futures.wait([concurrent.futures.Future()], left),
    "asyncio.sleep": lambda left: asyncio.run(asyncio.sleep(left)),
    "asyncio.wait_for": lambda left: asyncio.run(wait_in_asyncio(left)),
}


def condition_wait(condition, left):
    with condition:
        condition.wait(left)


def get(queue_, left):
    with contextlib.suppress(queue.Empty):
        queue_.get(timeout=left)


def locked_lock():
    lock = threading.Lock()
    lock.acquire()
    return lock


async def wait_in_asyncio(left):
    with contextlib.suppress(TimeoutError):
        await asyncio.wait_for(asyncio.Event().wait(), left)


@pytest.mark.parametrize("now", [time.monotonic, time.time], ids=["monotonic", "time"])
@pytest.mark.parametrize("name", LOOPS)
def test_a_loop_that_goes_on_while_no_time_is_left_ends(name, now):
    """``while left >= 0: wait(left)`` ends although time could stand still exactly at the deadline for ever."""
    with ImpatientClock() as clock:
        until = now() + 6
        while (left := until - now()) >= 0:
            LOOPS[name](left)
        assert clock.elapsed == pytest.approx(6, abs=1e-4)


def test_a_thread_that_only_looks_at_the_clock_sees_it_move_in_the_end():
    """Spinning until time has passed is no hang."""
    with ImpatientClock():
        until = time.monotonic() + 0.01
        while time.monotonic() < until:
            pass


@settings(max_examples=30)
@given(st.lists(st.floats(0.5, 60), min_size=5, max_size=5))
def test_waiting_for_the_rest_of_a_fraction_in_asyncio_ends(delays):
    """What is left of a fractional time is never so little that the loop takes it for nothing, again and again."""

    async def wait_until(due):
        rounds = 0
        while (left := due - time.monotonic()) > 0:
            rounds += 1
            task = asyncio.ensure_future(asyncio.Event().wait())
            await asyncio.wait([task], timeout=left)
            task.cancel()
        return rounds

    with VirtualClock():
        for delay in delays:
            assert asyncio.run(wait_until(time.monotonic() + delay)) <= 3


@pytest.mark.slow
def test_a_pipe_that_is_read_in_c_delivers_at_its_time():
    """A thread that is blocked in C gets a moment after whoever may have set it free has run."""
    reading, writing = os.pipe()
    lines = []

    def read(clock):
        with os.fdopen(reading) as file:
            lines.extend((line, clock.elapsed) for line in iter(file.readline, ""))

    with pytest.warns(GuessWarning), VirtualClock(grace=0.2) as clock:
        thread = threading.Thread(target=read, args=(clock,))
        thread.start()
        with os.fdopen(writing, "w") as file:
            time.sleep(5)
            file.write("line\n")
        thread.join()
    assert lines == [("line\n", 5.0)]


@pytest.mark.skipif(sys.version_info >= (3, 12), reason="from 3.12 on the interpreter collects between instructions")
def test_nothing_is_collected_while_the_interpreter_looks_at_all_threads():
    """It holds a lock meanwhile, on which a finalizer that lets another thread look would hang the process for good."""
    running, collected_in = threading.Event(), []

    def deep(levels):
        return deep(levels - 1) if levels else running.wait(60)

    def note(_phase, _info):
        collected_in.append(sys._getframe(1).f_code.co_name)

    others = [threading.Thread(target=deep, args=(50,)) for _ in range(20)]
    for thread in others:
        thread.start()
    earlier = gc.get_threshold()
    gc.callbacks.append(note)
    try:
        gc.set_threshold(1)
        assert len(frames_of_others()) >= len(others)
        gc.collect()
    finally:
        gc.set_threshold(*earlier)
        gc.callbacks.remove(note)
        running.set()
        for thread in others:
            thread.join()
    assert collected_in
    assert "frames_of_others" not in collected_in


def test_looking_at_a_thread_keeps_nothing_of_it(monkeypatch):
    """A thread that ends while the clock asks the kernel about it takes its objects along at once."""
    standing, ending = threading.Event(), threading.Event()
    kept = []

    def work():
        mine = {"an object of the thread"}
        kept.append(weakref.ref(mine))
        standing.set()
        ending.wait()

    thread = threading.Thread(target=work)
    thread.start()
    standing.wait()

    def end_the_thread(path, mode):
        ending.set()
        thread.join()
        assert kept[0]() is None
        return open(path, mode)

    monkeypatch.setattr(vitals, "open", end_the_thread, raising=False)

    assert vitals.progress(thread.ident, thread.native_id) != vitals.progress(thread.ident, thread.native_id)
