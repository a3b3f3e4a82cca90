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
