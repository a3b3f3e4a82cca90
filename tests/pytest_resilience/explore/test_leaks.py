"""What a run leaves behind, each found in one program and not in its sound twin."""

from __future__ import annotations

import contextlib
import os
import socket
import tempfile
import threading
import urllib.request
import warnings

from pytest_resilience import Faults
from resilience import create_retry_decorator
from tests.pytest_resilience.explore.stock import fetch, found


def test_a_thread_that_a_fault_leaves_behind_is_a_leak():
    """A worker that is stopped only where all goes well goes on for ever; no warning says that a second time."""
    stops = []

    def working(*, always):
        stop = threading.Event()
        stops.append(stop)
        worker = threading.Thread(target=stop.wait, name="poller-7", daemon=True)
        worker.start()
        try:
            fetch()
        finally:
            if always:
                stop.set()
                worker.join()
        stop.set()
        worker.join()

    threads = set(threading.enumerate())
    try:
        with warnings.catch_warnings(record=True) as told:
            warnings.simplefilter("always")
            assert found(lambda: working(always=False), budget=2) == [
                "leak: the run leaves the thread 'poller-*' behind"
            ]
        assert told == []
        assert found(lambda: working(always=True)) == []
    finally:
        for stop in stops:
            stop.set()
        for thread in set(threading.enumerate()) - threads:
            thread.join(60)


def test_a_socket_and_a_file_that_a_fault_leaves_open_are_leaks():
    """What is closed only where all goes well stays open."""
    kept = []

    def opening(*, always):
        one, other = socket.socketpair()
        number = os.open(os.devnull, os.O_RDONLY)
        kept.append((one, other))

        def close():
            one.close()
            other.close()
            os.close(number)

        with contextlib.ExitStack() as closing:
            if always:
                closing.callback(close)
            fetch()
            if not always:
                close()

    try:
        assert found(lambda: opening(always=False)) == [
            "leak: the run leaves an open socket behind",
            "leak: the run leaves the open file /dev/null behind",
        ]
        assert found(lambda: opening(always=True)) == []
    finally:
        for pair in kept:
            for each in pair:
                each.close()


def test_a_file_that_is_closed_by_chance_is_a_leak(tmp_path):
    """What only the collection of garbage closes depends on who holds it."""
    path = tmp_path / "stock"
    path.touch()

    def reading():
        file = path.open()
        fetch()
        file.close()

    def with_block():
        with path.open():
            fetch()

    (text,) = found(reading)
    assert text.startswith("leak: the run closes file <_io.")
    assert found(with_block) == []


def test_a_socket_that_is_closed_by_chance_is_a_leak():
    """A socket has numbers of its own in each run, which are left out."""

    def asking():
        connection, other = socket.socketpair()
        with other:
            fetch()
            connection.close()

    assert found(asking) == ["leak: the run closes a socket only by chance"]


def test_a_lock_that_a_fault_leaves_held_is_a_leak():
    """What is released only where all goes well stays locked."""
    locks = []

    def locking(*, always):
        lock = threading.Lock()
        locks.append(lock)
        if always:
            with lock:
                fetch()
        else:
            lock.acquire()
            fetch()
            lock.release()

    assert found(lambda: locking(always=False)) == ["leak: the run leaves a held lock behind"]
    assert found(lambda: locking(always=True)) == []


def test_a_lock_by_which_a_thread_wakes_itself_is_no_leak():
    """What a thread locks in order to wait for it, as for a pause that others can end, guards nothing."""
    kept = []

    def pausing():
        try:
            fetch()
        except Exception:
            pause = threading.Lock()
            kept.append(pause)
            pause.acquire()
            pause.acquire(timeout=1)
            raise

    assert found(pausing) == []


def test_a_temporary_file_that_a_fault_leaves_behind_is_a_leak():
    """What is deleted only where all goes well stays on the disk."""
    made = []

    def writing(*, always):
        number, path = tempfile.mkstemp(suffix=".csv")
        os.close(number)
        made.append(path)
        with contextlib.ExitStack() as deleting:
            if always:
                deleting.callback(os.unlink, path)
            fetch()
            if not always:
                os.unlink(path)

    try:
        (text,) = found(lambda: writing(always=False))
        assert text.startswith("leak: the run leaves the temporary file ")
        assert text.endswith("tmp*.csv behind")
        assert found(lambda: writing(always=True)) == []
    finally:
        for path in made:
            with contextlib.suppress(FileNotFoundError):
                os.unlink(path)


def test_a_file_whose_opening_is_not_answered_is_no_leak(tmp_path):
    """Nobody could close what was never handed over; what somebody keeps stays open."""
    path = tmp_path / "stock"
    path.write_text("tea")
    kept = []

    @create_retry_decorator(max_attempts=2, retry_on=OSError)
    def open_it(*, keeps):
        file = path.open()
        kept.extend([file] if keeps else [])
        return file

    def reading():
        with open_it(keeps=False) as file:
            assert file.read() == "tea"

    def keeping():
        with contextlib.suppress(Exception):
            open_it(keeps=True)
        assert not any(file.closed for file in kept)
        while kept:
            kept.pop().close()

    assert found(reading) == found(keeping) == []


def test_a_socket_that_its_owner_has_closed_is_no_leak():
    """An error of urllib that comes out has the last bytes of its answer, though nobody asks for more."""

    def asking():
        with Faults() as faults:
            server = faults.server()
            server.route("GET", "/stock")
            with urllib.request.urlopen(f"{server.url}/stock", timeout=5) as answer:
                assert answer.read() == b""

    assert found(asking, schedules=0) == []
