"""Sleeping, by whatever name the program knows it."""

from __future__ import annotations

import math
import pickle
import subprocess
import sys
import threading
import time
from fractions import Fraction
from functools import partial
from time import sleep as copied_sleep

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pytest_resilience.clock import VirtualClock
from pytest_resilience.clock._reach import real


def nap(pause=time.sleep):
    pause(7)


class Napper:
    pause = time.sleep
    pauses = [time.sleep]
    lazily = partial(time.sleep, 7)

    def nap(self):
        self.pause(7)


COPIES = {
    "time.sleep": lambda: time.sleep(7),
    "from time import sleep": lambda: copied_sleep(7),
    "a default argument": nap,
    "a class attribute": lambda: Napper.pause(7),
    "a class attribute, by instance": lambda: Napper().nap(),
    "in a list": lambda: Napper.pauses[0](7),
    "a partial": lambda: Napper.lazily(),
    "Event.wait": lambda: threading.Event().wait(7),
}


@pytest.mark.parametrize("name", COPIES)
def test_every_copy_of_sleep_is_virtual(clock, name):
    """No copy of the function, however it is held, sleeps for real."""
    COPIES[name]()
    assert clock.elapsed == 7.0
    assert clock.sleeps == [7.0]


@pytest.mark.parametrize("name", COPIES)
def test_the_real_sleep_is_back_afterwards(name, monkeypatch):
    """After the clock, each copy is the built-in that it was."""
    with VirtualClock():
        pass
    assert time.sleep.__self__ is time
    assert copied_sleep is time.sleep is Napper.pause is Napper.pauses[0]


@settings(deadline=None)
@given(st.lists(st.floats(0, 1e9, allow_nan=False), max_size=20))
def test_sleeps_add_up_to_the_elapsed_time(delays):
    """Time elapsed is the sum of the sleeps, in nanoseconds rounded up, and each is recorded as it was asked for."""
    with VirtualClock() as clock:
        for delay in delays:
            before = clock.elapsed_ns
            time.sleep(delay)
            too_long = clock.elapsed_ns - before - Fraction(delay) * 1_000_000_000
            slack = 4 * math.ulp(delay * 1e9)
            assert -slack <= too_long < 1 + slack
        assert clock.sleeps == [delay for delay in delays if delay]


def test_a_tiny_sleep_still_takes_time(clock):
    """Time moves by at least a nanosecond, so that whoever waits for it to move is not caught in a loop."""
    time.sleep(1e-12)
    assert clock.elapsed_ns == 1


def test_sleep_takes_integers(clock):
    """Anything with an integer value is a number of seconds, as it is for the real function."""
    time.sleep(True)
    time.sleep(2)
    assert clock.elapsed_ns == 3_000_000_000


@pytest.mark.parametrize(
    ("argument", "error"),
    [
        (-1, ValueError),
        (float("nan"), ValueError),
        (float("inf"), OverflowError),
        (1e300, OverflowError),
        ("1", TypeError),
    ],
)
def test_sleep_refuses_what_the_real_one_refuses(clock, argument, error):
    """Wrong arguments raise what they always raised, and take no time."""
    with pytest.raises(error):
        time.sleep(argument)
    with pytest.raises(TypeError):
        time.sleep()
    assert clock.elapsed == 0


def test_sleep_is_pickled_as_ever(clock):
    """Whoever unpickles it, this process or a worker that has no clock, gets the very `time.sleep` it knows."""
    assert pickle.loads(pickle.dumps(time.sleep)) is time.sleep
    worker = "import pickle, sys, time; print(pickle.load(sys.stdin.buffer) is time.sleep)"
    told = subprocess.run(
        [sys.executable, "-c", worker], input=pickle.dumps(time.sleep), stdout=subprocess.PIPE, check=True
    )
    assert told.stdout == b"True\n"


def test_advance_is_a_sleep_that_the_program_did_not_ask_for(clock):
    """`advance` moves time and wakes others at their own deadlines, but is not one of the program's sleeps."""
    woken = []

    def sleeper(seconds):
        time.sleep(seconds)
        woken.append(clock.elapsed)

    threads = [threading.Thread(target=sleeper, args=(seconds,)) for seconds in (30, 10, 20, 70)]
    for thread in threads:
        thread.start()
    clock.advance(60)
    assert woken == [10.0, 20.0, 30.0]
    assert clock.elapsed == 60.0
    threads[-1].join()
    assert clock.sleeps == [30.0, 10.0, 20.0, 70.0]


@pytest.mark.parametrize(
    ("seconds", "error", "message"),
    [
        (-1, ValueError, "advance() moves time forward only, by 0 or more seconds, not by -1"),
        (float("nan"), ValueError, "advance() moves time forward only, by 0 or more seconds, not by nan"),
        (float("inf"), ValueError, "advance() moves time by at most 9223372036 seconds, which is 292 years"),
        (10**400, ValueError, "advance() moves time by at most 9223372036 seconds, which is 292 years"),
        ("1", TypeError, "advance() takes a number of seconds, not '1'"),
        (None, TypeError, "advance() takes a number of seconds, not None"),
    ],
)
def test_advance_refuses_to_move_backwards_or_nowhere(clock, seconds, error, message):
    """Whatever is no number of seconds forward is named in the error."""
    with pytest.raises(error) as caught:
        clock.advance(seconds)
    assert str(caught.value) == message


class Two:
    """What can stand for a whole number."""

    def __index__(self):
        return 2


def test_whatever_the_real_sleep_takes_is_slept(clock):
    """Numbers of every kind are slept, and what the real function refuses is refused with its own words."""
    for seconds in (1, 1.5, True, Two()):
        time.sleep(seconds)
    assert clock.sleeps == [1.0, 1.5, 1.0, 2.0]
    for wrong in ("1", None, -1, float("nan")):
        with pytest.raises((TypeError, ValueError)) as refused:
            time.sleep(wrong)
        with pytest.raises((TypeError, ValueError)) as expected:
            real.sleep(wrong)
        assert str(refused.value) == str(expected.value)


def test_a_timeout_that_is_no_number_is_none(clock):
    """`Event.wait` takes NaN for no time, as it does in reality."""
    assert not threading.Event().wait(float("nan"))
    assert clock.elapsed < 1e-6


def test_jumps_are_recorded(clock):
    """Each move of time says from where to where, whom it woke and from what."""
    time.sleep(2)
    threading.Event().wait(3)
    assert [(jump.start, jump.end, jump.thread, jump.reason, jump.guess) for jump in clock.jumps] == [
        (0.0, 2.0, "MainThread", "time.sleep", False),
        (2.0, 5.0, "MainThread", "a notification", False),
    ]
    assert clock.guesses == 0
