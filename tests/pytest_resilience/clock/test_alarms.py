"""Alarms of `signal`, which ring in virtual time and end a virtual wait."""

from __future__ import annotations

import asyncio
import queue
import select
import signal
import socket
import threading
import time

import pytest

from pytest_resilience import VirtualClock


class TimeUpError(Exception):
    """What the handler raises, as soft time limits do."""


@pytest.fixture
def rung():
    """Record when each alarm has rung."""
    moments = []
    before = signal.signal(signal.SIGALRM, lambda *_: moments.append(time.monotonic()))
    yield moments
    signal.signal(signal.SIGALRM, before)


@pytest.fixture
def raising():
    """Have an alarm raise."""

    def strike(*_):
        raise TimeUpError

    before = signal.signal(signal.SIGALRM, strike)
    yield
    signal.signal(signal.SIGALRM, before)


def wait_for_input():
    one, other = socket.socketpair()
    with one, other:
        select.select([one], [], [], 100)


def receive():
    one, other = socket.socketpair()
    with one, other:
        one.recv(1)


def acquire():
    lock = threading.Lock()
    lock.acquire()
    lock.acquire(timeout=100)


WAITS = [
    lambda: time.sleep(100),
    wait_for_input,
    receive,
    acquire,
    lambda: threading.Event().wait(100),
    lambda: queue.Queue().get(),
    lambda: queue.SimpleQueue().get(timeout=100),
    lambda: asyncio.run(asyncio.sleep(100)),
]


@pytest.mark.usefixtures("raising")
@pytest.mark.parametrize("wait", WAITS)
def test_an_alarm_that_raises_ends_any_wait(wait):
    """The exception comes out of the wait when the alarm is due, and the clock goes on from there."""
    with VirtualClock() as clock:
        signal.alarm(10)
        with pytest.raises(TimeUpError):
            wait()
        assert clock.elapsed == 10
        time.sleep(5)
        assert (clock.elapsed, clock.guesses) == (15, 0)


def test_a_wait_goes_on_after_a_handler_that_returns(rung):
    """A handler interrupts a sleep, which lasts as long as it was to last, and may sleep itself."""
    with VirtualClock() as clock:
        start = time.monotonic()
        signal.signal(signal.SIGALRM, lambda *_: (rung.append(time.monotonic() - start), time.sleep(1)))
        signal.setitimer(signal.ITIMER_REAL, 1, 3)
        time.sleep(9)
        assert (rung, clock.elapsed) == ([1, 4, 7], 9)
        signal.setitimer(signal.ITIMER_REAL, 0)


def test_what_happens_while_a_handler_runs_is_not_lost(rung):
    """An event that is set while the handler of a waiting thread sleeps ends the wait."""
    event = threading.Event()
    signal.signal(signal.SIGALRM, lambda *_: time.sleep(5))
    with VirtualClock() as clock:
        timer = threading.Timer(3, event.set)
        timer.start()
        signal.alarm(1)
        assert event.wait(60)
        assert clock.elapsed == 6
        timer.join()


def test_the_rest_of_an_alarm_is_told(rung):
    """What is left of an alarm is returned in virtual seconds, rounded as the kernel does, and 0 stops it."""
    with VirtualClock():
        assert signal.alarm(10) == 0
        time.sleep(4)
        assert signal.getitimer(signal.ITIMER_REAL) == (6, 0)
        assert signal.setitimer(signal.ITIMER_REAL, 0.25, 2) == (6, 0)
        assert signal.alarm(0) == 1
        time.sleep(60)
    assert rung == []


def test_an_alarm_that_outlives_the_clock_is_real(rung):
    """What was left of it when the clock closed is left in real time."""
    with VirtualClock():
        signal.alarm(600)
        time.sleep(100)
    assert 480 < signal.alarm(0) <= 500
    assert rung == []


def test_wrong_arguments_are_refused_as_ever(rung):
    """The C functions say what is wrong with a timer that there is not, or with a time that makes no sense."""
    with VirtualClock():
        for call in (
            lambda: signal.setitimer(99, 1),
            lambda: signal.setitimer(signal.ITIMER_REAL, -1),
            lambda: signal.setitimer(signal.ITIMER_REAL, "1"),
            lambda: signal.getitimer(99),
            signal.alarm,
        ):
            with pytest.raises((TypeError, OSError)):
                call()


def test_an_alarm_ends_a_pause(rung):
    """`signal.pause` comes back when the alarm has rung, after as much virtual time."""
    with VirtualClock() as clock:
        before = time.monotonic()
        signal.setitimer(signal.ITIMER_REAL, 5)
        signal.pause()
        assert rung == [before + 5]
        assert clock.elapsed == 5.0


def test_a_pause_ends_by_what_the_handler_raises(raising):
    """So does one by an alarm whose handler raises, and the clock goes on."""
    with VirtualClock() as clock:
        signal.alarm(5)
        with pytest.raises(TimeUpError):
            signal.pause()
        time.sleep(1)
        assert clock.elapsed == 6.0
