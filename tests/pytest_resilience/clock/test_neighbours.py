"""What others put in the place of functions that the clock replaces: mocks, guards, instrumentation."""

from __future__ import annotations

import queue
import socket
import subprocess
import sys
import threading
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


PROGRAM = """
import threading
from unittest import mock

with mock.patch.object(threading.Event, "wait", return_value="mocked"):
    from pytest_resilience import VirtualClock

    with VirtualClock():
        assert threading.Event().wait(5) == "mocked"
with VirtualClock() as clock:
    assert threading.Event().wait(5) is False
    assert clock.elapsed == 5
"""


def test_what_is_mocked_at_the_first_clock_is_not_kept_for_later_ones():
    """The first clock of a process, and the import of the kit, may come while a mock stands there."""
    ran = subprocess.run([sys.executable, "-W", "error", "-c", PROGRAM], capture_output=True, text=True, check=False)
    assert ran.returncode == 0, ran.stderr
