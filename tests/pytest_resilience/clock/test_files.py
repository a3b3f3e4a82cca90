"""Locks of files, which threads of the bubble and children wait for."""

from __future__ import annotations

import fcntl
import subprocess
import sys
import threading
import time

import pytest

from pytest_resilience import VirtualClock


@pytest.mark.parametrize("lock", [fcntl.flock, fcntl.lockf])
def test_a_file_lock_that_a_child_holds_is_waited_for(lock, tmp_path):
    """Time stands still for a child that has locked a file, until it lets go."""
    path = tmp_path / "lock"
    path.touch()
    program = "import fcntl, sys; f = open(sys.argv[1], 'r+'); fcntl.%s(f, 2); print('locked', flush=True); input()"
    command = [sys.executable, "-c", program % lock.__name__, str(path)]
    with VirtualClock(grace=60) as clock, path.open("r+") as file:
        with subprocess.Popen(command, stdin=-1, stdout=-1) as child:
            assert child.stdout.readline() == b"locked\n"
            with pytest.raises(BlockingIOError):
                lock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
            child.stdin.close()
            lock(file, fcntl.LOCK_EX)
        assert (clock.elapsed, clock.guesses) == (0, 0)


def test_a_file_lock_that_another_thread_holds_is_waited_for(tmp_path):
    """The second thread has it at the virtual moment at which the first lets go, and nothing is guessed."""
    path = tmp_path / "lock"
    path.touch()
    taken_at = []

    def take():
        with path.open() as mine:
            fcntl.flock(mine, fcntl.LOCK_EX)
            taken_at.append(time.monotonic())

    with VirtualClock(grace=60) as clock, path.open() as file:
        start = time.monotonic()
        fcntl.flock(file, fcntl.LOCK_EX)
        thread = threading.Thread(target=take)
        thread.start()
        time.sleep(5)
        fcntl.flock(file, fcntl.LOCK_UN)
        thread.join()
        assert [moment - start for moment in taken_at] == [5]
        assert (clock.elapsed, clock.guesses) == (5, 0)


def test_what_is_wrong_with_a_file_lock_is_said_as_ever(tmp_path):
    """Wrong arguments get the errors of the C function."""
    with VirtualClock():
        for arguments in ((), ("no file", fcntl.LOCK_EX), (-1, fcntl.LOCK_EX)):
            with pytest.raises((TypeError, ValueError, OSError)):
                fcntl.flock(*arguments)


def test_a_child_that_has_nothing_to_do_with_a_file_lock_is_not_waited_for(tmp_path):
    """Time goes on for a thread that has locked a file, though a child of the test, say a database, is at work."""
    path = tmp_path / "lock"
    path.touch()
    busy = "print(flush=True)\nwhile True: pass"
    with subprocess.Popen([sys.executable, "-c", busy], stdout=-1) as child:
        try:
            child.stdout.readline()
            with VirtualClock(grace=60) as clock, path.open() as file, path.open() as other:
                fcntl.flock(file, fcntl.LOCK_EX)
                thread = threading.Thread(target=fcntl.flock, args=(other, fcntl.LOCK_EX))
                thread.start()
                time.sleep(5)
                fcntl.flock(file, fcntl.LOCK_UN)
                thread.join()
                assert (clock.elapsed, clock.guesses) == (5, 0)
        finally:
            child.kill()
