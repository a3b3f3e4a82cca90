"""What others put in the place of functions that the clock replaces: mocks, guards, instrumentation."""

from __future__ import annotations

import abc
import asyncio
import concurrent.futures
import datetime
import inspect
import os
import pickle
import queue
import select
import socket
import subprocess
import sys
import threading
import time
from unittest import mock

import pytest

from pytest_resilience import VirtualClock

PLACES = [
    (threading.Event, "wait"),
    (threading.Event, "is_set"),
    (threading.Thread, "join"),
    (threading.Condition, "wait"),
    (threading.Semaphore, "acquire"),
    (queue.Queue, "get"),
    (queue.Queue, "empty"),
    (socket.socket, "connect"),
    (socket.socket, "recv"),
    (subprocess.Popen, "poll"),
]


@pytest.mark.parametrize(("owner", "name"), PLACES)
def test_a_mock_from_before_the_clock_is_what_is_called(owner, name):
    """It is called inside the clock and after it, and once it is gone the next clock knows nothing of it."""
    before = vars(owner).get(name)
    with mock.patch.object(owner, name) as stand_in:
        with VirtualClock():
            assert getattr(owner, name) is stand_in
        assert getattr(owner, name) is stand_in
    with VirtualClock() as clock:
        assert getattr(owner, name) is not stand_in
        assert not threading.Event().wait(5)
        assert clock.elapsed == 5
    assert vars(owner).get(name) is before


FIRST = """
import os, queue, subprocess, sys, threading
from unittest import mock
from pytest_resilience import VirtualClock
import pytest_resilience.clock._calls.catalogue  # all that a clock loads, and no clock is open yet

PLACES = [
    (threading.Event, "wait"), (threading.Event, "is_set"), (threading.Thread, "join"), (threading.Condition, "wait"),
    (queue.Queue, "empty"), (threading.Thread, "is_alive"),
]
for owner, name in PLACES:
    if (child := os.fork()) == 0:
        with mock.patch.object(owner, name), VirtualClock():
            pass
        plain = getattr(owner, name).__code__
        with VirtualClock():
            os._exit(getattr(owner, name).__code__ is plain)
    if os.waitpid(child, 0)[1]:
        sys.exit(f"{owner.__name__}.{name} is not replaced in the next clock")
"""


def test_what_is_mocked_at_the_first_clock_is_replaced_in_the_next(run_program):
    """It is found beneath the mock, and not one of the clock's own functions that has its name."""
    ran = run_program(FIRST)
    assert (ran.returncode, ran.stderr) == (0, "")


def test_a_guard_from_before_the_clock_decides():
    """A guard over connections, as of pytest-socket, sees each of them."""

    def refuse(_socket, address):
        raise PermissionError(address)

    with mock.patch.object(socket.socket, "connect", refuse), VirtualClock(), pytest.raises(PermissionError):
        socket.create_connection(("127.0.0.1", 1))


def test_a_clock_opens_beside_a_class_that_is_mocked():
    """A mock of `subprocess.Popen` is called, and the class is itself again in the next clock."""
    with mock.patch.object(subprocess, "Popen") as popen, VirtualClock():
        assert subprocess.Popen("never started") is popen.return_value
    with VirtualClock(grace=60):
        assert subprocess.run([sys.executable, "-c", ""], timeout=3600, check=False).returncode == 0


@pytest.mark.parametrize(("owner", "name"), PLACES)
def test_a_mock_that_outlives_the_clock_is_called_until_it_is_undone(owner, name):
    """Undone late, it puts back what stood there before the clock."""
    before = vars(owner).get(name)
    patch = mock.patch.object(owner, name)
    with VirtualClock():
        stand_in = patch.start()
    assert getattr(owner, name) is stand_in
    patch.stop()
    assert vars(owner).get(name) is before


LIKE_BEFORE = [
    (threading.Event, "wait"),
    (queue.Queue, "get"),
    (queue.SimpleQueue, "get"),
    (datetime.datetime, "now"),
    (socket.socket, "__init__"),
    (asyncio.BaseEventLoop, "call_later"),
]


@pytest.mark.parametrize(("owner", "name"), LIKE_BEFORE)
def test_a_method_looks_as_it_does_without_the_clock(owner, name):
    """It has its names and its signature, by which it is documented, mocked and pickled."""

    def looks():
        method = getattr(owner, name)
        assert pickle.loads(pickle.dumps(method)) == method
        return method.__name__, method.__qualname__, inspect.signature(method)

    before = looks()
    with VirtualClock():
        assert looks() == before


@pytest.mark.parametrize("function", [time.sleep, time.monotonic, time.localtime, os.waitpid, select.select])
def test_a_built_in_function_looks_as_it_does_without_the_clock(function):
    """Its names, its documentation and its text are those of a function of its module, and so is its pickle."""

    def looks():
        names = function.__name__, function.__qualname__, function.__module__, function.__doc__
        return names, repr(function), pickle.dumps(function)

    before = looks()
    with VirtualClock():
        assert looks() == before


def test_the_class_of_a_timer_is_called_what_it_is():
    """Who shows, logs or pickles it finds asyncio's name."""
    with VirtualClock():
        kind = asyncio.events.TimerHandle
        assert (kind.__module__, kind.__qualname__) == ("asyncio.events", "TimerHandle")
        pickled = pickle.dumps(kind)
    assert pickle.loads(pickled) is asyncio.TimerHandle


@pytest.mark.parametrize("base", [threading.Thread, socket.socket, queue.Queue, subprocess.Popen, "Future", "Task"])
def test_a_class_of_its_own_may_be_abstract_too(base):
    """Over whatever the clock replaces, also by the metaclass itself, and it is known for what it is."""
    with VirtualClock():
        base = {"Future": concurrent.futures.Future, "Task": asyncio.Task}.get(base, base)

        class Mixed(base, abc.ABC):
            """With an abstract base besides."""

        class Made(base, metaclass=abc.ABCMeta):
            """With that metaclass."""

        for made in (Mixed, Made):
            assert issubclass(made, base)
            assert isinstance(made.__new__(made), base)
            assert not issubclass(base, made)


PROGRAM = """
import threading
import time
from unittest import mock

with mock.patch.object(threading.Event, "wait", return_value="mocked"):
    from pytest_resilience import VirtualClock

    with VirtualClock():
        assert threading.Event().wait(5) == "mocked"
with VirtualClock() as clock:
    assert threading.Event().wait(5) is False
    assert clock.elapsed == 5
"""


def test_what_is_mocked_at_the_first_clock_is_not_kept_for_later_ones(run_importing):
    """The first clock of a process, and the import of the kit, may come while a mock stands there."""
    ran = run_importing(PROGRAM, warnings="error")
    assert ran.returncode == 0, ran.stderr


FROZEN = """
import gc, threading, time
from unittest import mock

gc.freeze()
with mock.patch("time.sleep"), mock.patch("threading.Condition.wait"):
    from pytest_resilience import VirtualClock

    with VirtualClock():
        time.sleep(5)
with VirtualClock() as clock:
    time.sleep(3600)
    threading.Event().wait(60)
print(clock.elapsed)
"""


def test_what_a_mock_has_replaced_is_found_where_the_heap_was_frozen(run_importing):
    """What `gc.freeze` has put out of the collector's sight before the first clock is patched all the same."""
    ran = run_importing(FROZEN)
    assert (ran.stdout, ran.stderr) == ("3660.0\n", "")
