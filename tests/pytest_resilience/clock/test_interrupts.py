"""Exceptions that a signal handler raises in the midst of a virtual wait, at each instruction where one can."""

from __future__ import annotations

import contextlib
import queue
import threading
import time

import pytest

from pytest_resilience import VirtualClock
from tests.resilience.alerts.interrupts import interruptions


def acquire():
    lock = threading.Lock()
    lock.acquire()
    lock.acquire(timeout=3)


def get():
    with contextlib.suppress(queue.Empty):
        queue.SimpleQueue().get(timeout=3)


def wait():
    # Broken off as it gives its lock back, a condition says that as it does without the clock.
    with contextlib.suppress(RuntimeError):
        threading.Event().wait(3)


# An interruption may strike a callback of a weak reference, which lets nothing out but a warning.
@pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning")
@pytest.mark.filterwarnings(
    "ignore::pytest_resilience.GuessWarning"
)  # the thread that was struck is outside for a while
@pytest.mark.parametrize(
    "work",
    [lambda: time.sleep(3), lambda: time.sleep(0), acquire, get, wait],
    ids=["sleep", "yield", "lock", "queue", "event"],
)
def test_a_wait_that_is_broken_off_leaves_a_clock_that_works(work):
    """Wherever a wait is broken off, sleeps stay virtual, and the other threads go on."""
    stop, ticks = threading.Event(), []

    def tick():
        while not stop.is_set():
            time.sleep(1)
            ticks.append(time.monotonic())

    with VirtualClock() as clock:
        threads = [threading.Thread(target=tick) for _ in range(2)]
        for thread in threads:
            thread.start()
        count = 0
        for count in interruptions(work):  # noqa: B007  # its last value tells that there were some
            before, ticked = clock.elapsed, len(ticks)
            time.sleep(5)
            assert clock.elapsed == pytest.approx(before + 5)
            assert len(ticks) - ticked >= 8
        stop.set()
        for thread in threads:
            thread.join()
    assert count > 10


def is_of_others(frame, event):
    """Whether a moment is none of the clock's.

    A signal handler that raises as `threading` takes or gives back the lock of a condition leaves it held without the
    clock, too. As a method in Python begins that stands in the place of one in C, nothing can be done yet.
    """
    name = frame.f_globals.get("__name__", "")
    begins = event == "call" and frame.f_code.co_name in {"lock_release", "rlock_release"}
    return begins or not name.startswith("pytest_resilience.clock")


def held(kind):
    made = kind()
    made.acquire()
    return made.acquire, made.release


def signalled(made, notify):
    def call(method):
        with made:
            method()

    return lambda: call(made.wait), lambda: call(notify)


def condition(lock):
    made = threading.Condition(lock())
    return signalled(made, made.notify)


def event():
    made = threading.Event()
    return made.wait, made.set


def semaphore():
    made = threading.Semaphore(0)
    return made.acquire, made.release


def items(kind):
    made = kind()
    return made.get, lambda: made.put("item")


WAKERS = {
    "lock": lambda: held(threading.Lock),
    "reentrant lock": lambda: held(threading.RLock),
    "condition": lambda: condition(threading.Lock),
    "reentrant condition": lambda: condition(threading.RLock),
    "event": event,
    "semaphore": semaphore,
    "queue": lambda: items(queue.Queue),
    "simple queue": lambda: items(queue.SimpleQueue),
}


@pytest.mark.parametrize("name", WAKERS)
def test_who_is_interrupted_as_it_wakes_a_thread_wakes_it_at_the_next_try_at_the_latest(name):
    """Whoever waits has its lock, item or notification, and virtual time goes on."""
    with VirtualClock() as clock:
        waiting = []

        def begin():
            wait, wake = WAKERS[name]()
            thread = threading.Thread(target=wait)
            thread.start()
            waiting[:] = thread, wake
            time.sleep(1)

        begin()
        count = 0
        for count in interruptions(lambda: waiting[1](), is_of_others):  # noqa: B007  # see above
            thread, wake = waiting
            with contextlib.suppress(RuntimeError):  # the lock has been released
                wake()
            thread.join(5)
            assert not thread.is_alive()
            begin()
        waiting[0].join()
        before = clock.elapsed
        time.sleep(5)
        assert clock.elapsed == before + 5
    assert count > 10


@pytest.mark.parametrize("kind", [threading.Lock, threading.RLock])
def test_a_block_with_a_lock_that_is_broken_off_leaves_it_free(kind):
    """Also where the exception comes after the lock has been taken and before the block begins."""
    lock, taken = kind(), []

    def work():
        with lock:
            pass

    def take():
        taken.append(lock.acquire(timeout=1))

    with VirtualClock():
        count = 0
        for count in interruptions(work, is_of_others):  # noqa: B007  # see above
            thread = threading.Thread(target=take)
            thread.start()
            thread.join()
            assert taken.pop()
            lock = kind()
    assert count > 2
