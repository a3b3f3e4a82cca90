"""Threads that outlive the clock."""

from __future__ import annotations

import asyncio
import contextlib
import os
import queue
import select
import socket
import threading
import time
import warnings
from concurrent.futures import ThreadPoolExecutor

import pytest

from pytest_resilience.clock import LeftoverThreadWarning, VirtualClock
from tests.pytest_resilience.clock.patched import everything_patched


def test_leftover_threads_are_named():
    """Threads that have not ended are named in a warning, and go on in real time."""
    done = threading.Event()
    threads = [
        threading.Thread(target=time.sleep, args=(1_000_000.001,), name="sleeper"),
        threading.Thread(target=done.wait, name="waiter"),
        threading.Thread(target=done.wait, args=(2_000_000,), name="timed waiter"),
    ]
    with pytest.warns(LeftoverThreadWarning) as caught, VirtualClock() as clock:
        for thread in threads:
            thread.start()
        clock.advance(1_000_000)
    assert [str(warning.message) for warning in caught] == [
        "3 threads of the virtual clock were still there at its end: 'sleeper', 'waiter', 'timed waiter'. "
        "They run in real time from now on, and wait for a timeout until the process ends at the latest; "
        "end and join them inside the test."
    ]
    assert caught[0].filename == __file__
    done.set()
    for thread in threads:
        thread.join()


def _select(left):
    reading, writing = socket.socketpair()
    with reading, writing:
        return select.select([reading], [], [], left) == ([], [], [])


def _lock(left):
    lock = threading.Lock()
    with lock:
        return not lock.acquire(timeout=left)


def _condition(left):
    condition = threading.Condition()
    with condition:
        return not condition.wait_for(bool, left)


def _get(left):
    with pytest.raises(queue.Empty):
        queue.Queue().get(timeout=left)
    return True


def _poll(left):
    until = time.monotonic() + left
    while (left := until - time.monotonic()) > 0:
        time.sleep(min(left, 600))
    return True


WAITS = {
    "sleep": lambda left: time.sleep(left) is None,
    "event": lambda left: not threading.Event().wait(left),
    "semaphore": lambda left: not threading.Semaphore(0).acquire(timeout=left),
    "asyncio": lambda left: asyncio.run(asyncio.sleep(left)) is None,
    "condition": _condition,
    "lock": _lock,
    "poll": _poll,
    "queue": _get,
    "select": _select,
}


@pytest.mark.parametrize("wait", WAITS.values(), ids=WAITS.keys())
def test_a_leftover_wait_takes_what_it_had_left(wait):
    """It is over in real time after that, not at once and not an hour later, and no clock of its thread goes back."""
    readings = []

    def work():
        readings.append(time.monotonic())
        readings.append(wait(3600.05))
        readings.append(time.monotonic())

    thread = threading.Thread(target=work)
    with pytest.warns(LeftoverThreadWarning), VirtualClock() as clock:
        thread.start()
        clock.advance(3600)
    thread.join()
    began, timed_out, ended = readings
    assert timed_out
    assert 3600.05 <= ended - began < 7200
    with VirtualClock():
        assert time.monotonic() < began + 3600


def test_the_monotonic_clock_is_back_as_soon_as_the_last_leftover_thread_has_ended():
    """No further clock has to be opened and closed for that, and one that was has not taken it from them."""
    before, readings = everything_patched(), ([], [])

    def work(own, go):
        for _ in range(3):
            own.append(time.monotonic())
            go.get()

    queues = [queue.SimpleQueue() for _ in readings]
    threads = [threading.Thread(target=work, args=each) for each in zip(readings, queues, strict=True)]
    with pytest.warns(LeftoverThreadWarning), VirtualClock():
        for thread in threads:
            time.sleep(3600)
            thread.start()
    with VirtualClock() as clock:
        clock.advance(1)
    for go, thread in zip(queues, threads, strict=True):
        for _ in range(3):
            go.put(None)
        thread.join()
    assert all(own == sorted(own) for own in readings)
    assert everything_patched() == before


def test_a_process_that_is_forked_beside_leftover_threads_has_the_real_monotonic_clock():
    """None of them is there, and a thread that gets the identifier of one does not get its time."""
    before, done = everything_patched(), threading.Event()
    thread = threading.Thread(target=done.wait)
    with pytest.warns(LeftoverThreadWarning), VirtualClock() as clock:
        thread.start()
        clock.advance(1)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)  # of Python 3.12, about a fork beside threads
        child = os.fork()
    if child == 0:
        os._exit(everything_patched() != before)
    done.set()
    thread.join()
    assert os.waitpid(child, 0) == (child, 0)


def test_a_worker_that_is_older_than_the_clock_leaves_no_other_thread_its_time():
    """When it has ended, a thread that gets its identifier has the real monotonic clock."""
    with ThreadPoolExecutor(1) as pool:
        ident = pool.submit(threading.get_ident).result()
        with pytest.warns(LeftoverThreadWarning), VirtualClock() as clock:
            pool.submit(time.sleep, 1000.01)
            clock.advance(1000)
    readings = []
    for _ in range(100):
        thread = threading.Thread(target=lambda: readings.append((threading.get_ident(), time.monotonic())))
        thread.start()
        thread.join()
        if readings[-1][0] == ident:
            break
    assert readings[-1][1] < time.monotonic() + 500


def test_a_leftover_wait_is_notified_in_real_time():
    """Whoever notifies it before its time is over wakes it, as in the clock."""
    items, taken = queue.Queue(), []
    thread = threading.Thread(target=lambda: taken.append(items.get(timeout=7200)))
    with pytest.warns(LeftoverThreadWarning), VirtualClock() as clock:
        thread.start()
        clock.advance(3600)
    items.put("late")
    thread.join()
    assert taken == ["late"]


def test_a_secret_in_the_name_of_a_leftover_thread_is_not_shown():
    """A thread may be named after the address that it serves."""
    done = threading.Event()
    thread = threading.Thread(target=done.wait, name="amqp://app:hunter2@mq:5672")
    with pytest.warns(LeftoverThreadWarning) as caught, VirtualClock():
        thread.start()
    done.set()
    thread.join()
    assert "at its end: 'amqp://app:[redacted]@mq:5672'. " in str(caught[0].message)


def test_an_error_keeps_its_place_before_leftover_threads():
    """When the test fails, the leftover threads are a note on its error, not an error instead."""
    done = threading.Event()
    thread = threading.Thread(target=done.wait, name="waiter")
    with pytest.raises(ValueError, match="the real problem") as caught, VirtualClock():
        thread.start()
        raise ValueError("the real problem")
    assert caught.value.__notes__ == [
        "1 thread of the virtual clock was still there at its end: 'waiter'. "
        "It runs in real time from now on, and waits for a timeout until the process ends at the latest; "
        "end and join it inside the test."
    ]
    done.set()
    thread.join()


def test_idle_workers_outlive_the_clock_and_work_on():
    """An executor made in one clock works after it and in the next one."""
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        with VirtualClock() as clock:
            executor = ThreadPoolExecutor(1)
            executor.submit(time.sleep, 10).result()
            assert clock.elapsed == 10.0
    assert executor.submit(lambda: 5).result() == 5
    executor.shutdown()


def test_threads_that_wait_for_each_other_go_on_after_the_clock():
    """Locks, joins and queues that connect leftover threads still connect them in real time."""
    lock, items, log = threading.Lock(), queue.SimpleQueue(), []
    go = threading.Event()

    def holder():
        with lock:
            go.wait()
            log.append("held")
        items.put("item")

    def taker():
        with lock:
            log.append("taken")
        log.append(items.get())

    threads = [threading.Thread(target=holder), threading.Thread(target=taker)]
    threads.append(threading.Thread(target=lambda: [thread.join() for thread in threads[:2]]))
    with pytest.warns(LeftoverThreadWarning), VirtualClock():
        for thread in threads:
            thread.start()
    go.set()
    for thread in threads:
        thread.join()
    assert log == ["held", "taken", "item"]


def test_a_leftover_loop_goes_on_in_real_time():
    """An event loop in a thread that outlives the clock still takes calls."""
    loop = asyncio.new_event_loop()
    thread = threading.Thread(target=loop.run_forever, name="loop")
    with pytest.warns(LeftoverThreadWarning), VirtualClock():
        thread.start()
    assert asyncio.run_coroutine_threadsafe(asyncio.sleep(0, "alive"), loop).result() == "alive"
    loop.call_soon_threadsafe(loop.stop)
    thread.join()
    loop.close()


def empty(made, seconds):
    with contextlib.suppress(queue.Empty):
        made.get(timeout=seconds)


def unmet(made, seconds):
    with made:
        made.wait_for(lambda: False, seconds)


REPEATED_WAITS = {
    "Queue": (queue.Queue, empty),
    "SimpleQueue": (queue.SimpleQueue, empty),
    "Semaphore": (lambda: threading.Semaphore(0), lambda made, seconds: made.acquire(timeout=seconds)),
    "Event": (threading.Event, threading.Event.wait),
    "Condition": (threading.Condition, unmet),
    "sleep": (int, lambda _, seconds: time.sleep(seconds)),
}


@pytest.mark.parametrize("name", REPEATED_WAITS)
@pytest.mark.filterwarnings("ignore::pytest_resilience.clock.LeftoverThreadWarning")
def test_a_thread_that_is_left_over_does_not_wait_for_a_virtual_deadline(name):
    """Its wait ends with the clock, as its deadline may be hours ahead of real time; the next one takes real time."""
    stop, (make, wait) = threading.Event(), REPEATED_WAITS[name]
    made = make()

    def loop():
        while not stop.is_set():
            wait(made, 0.05)

    thread = threading.Thread(target=loop, daemon=True)
    with VirtualClock():
        thread.start()
        time.sleep(60)
    stop.set()
    thread.join(60)
    assert not thread.is_alive()


UNENDING = """
import asyncio, atexit, queue, threading, time, trio
from concurrent.futures import ThreadPoolExecutor
from pytest_resilience.clock import VirtualClock

def end_by(wait):
    try:
        wait()
    finally:
        ended.append(wait)

def empty(made):
    while True:
        try:
            made.get(timeout=1e6)
        except queue.Empty:
            pass

async def wait_twice():
    async with trio.open_nursery() as nursery:
        nursery.start_soon(trio.sleep, 1e6)
        nursery.start_soon(trio.sleep_forever)

ended, lock, pool = [], threading.Lock(), ThreadPoolExecutor(1)
lock.acquire()
atexit.register(lambda: print(len(ended)))  # when the threads have ended
waits = [
    lambda: time.sleep(1e6),
    lambda: threading.Event().wait(1e6),
    lambda: lock.acquire(timeout=1e6),
    lambda: empty(queue.Queue()),
    lambda: empty(queue.SimpleQueue()),
    lambda: asyncio.run(asyncio.sleep(1e6)),
    lambda: trio.run(wait_twice),
]
with VirtualClock() as clock:
    for wait in waits:
        threading.Thread(target=end_by, args=[wait]).start()
    pool.submit(end_by, lambda: time.sleep(1e6))
    clock.advance(1)
"""


def test_a_process_ends_though_leftover_threads_have_days_to_wait(run_program):
    """A wait with a timeout is broken off, so that its thread cleans up and ends, and not killed in the middle."""
    ran = run_program(UNENDING, warnings="ignore")
    assert (ran.stdout, ran.stderr, ran.returncode) == ("8\n", "", 0)
