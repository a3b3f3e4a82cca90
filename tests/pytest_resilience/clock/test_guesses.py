"""A guess is never silent: whom time stood still for, and what to write instead."""

from __future__ import annotations

import contextlib
import os
import select
import socket
import subprocess
import sys
import threading
import time

import pytest

from pytest_resilience.clock import GuessWarning, Jump, VirtualClock


def whole_text(*lines, times):
    """What the warning says, given its own lines."""
    return (
        f"the virtual clock guessed {times} that nothing more would come from outside, and moved on:\n"
        + "\n".join(lines)
        + "\nWhat is outside takes real time, so the test may take another course on another machine. Start it inside "
        "the clock, if it is yours; if it is sure to act, keep time where it is: `with virtual_clock.hold(): ...` around the "
        "wait; if it needs longer, give it more real seconds: VirtualClock(grace=5) or "
        "@pytest.mark.virtual_clock(grace=5); if it won't act, allow the guess: "
        "@pytest.mark.filterwarnings('ignore::pytest_resilience.GuessWarning')"
    )


@contextlib.contextmanager
def silent_server():
    """A connection to a socket that is older than the clock, and asked for an answer that does not come."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        port = server.getsockname()[1]

        def wait():
            with socket.create_connection(("127.0.0.1", port)) as client:
                client.sendall(b"?")
                client.settimeout(5)
                with pytest.raises(TimeoutError):
                    client.recv(1)
                return f"socket {client.fileno()} -> 127.0.0.1:{port}"

        yield wait


@contextlib.contextmanager
def silent_child():
    """A child process that does nothing, and outlives the wait for it."""
    with subprocess.Popen(["sleep", "600"]) as child:

        def wait():
            with pytest.raises(subprocess.TimeoutExpired):
                child.wait(5)
            return f"child {child.pid}"

        yield wait
        child.kill()


@contextlib.contextmanager
def silent_pipe():
    """A pipe, of which only one end is in this process."""
    reading, writing = os.pipe()
    with subprocess.Popen(["sleep", "600"], pass_fds=[writing]) as child:
        os.close(writing)

        def wait():
            assert select.select([reading], [], [], 5) == ([], [], [])
            return f"pipe {reading}"

        yield wait
        child.kill()
    os.close(reading)


@contextlib.contextmanager
def silent_thread():
    """A thread from before the clock, that does not end."""
    done = threading.Event()

    def work():
        done.wait()

    thread = threading.Thread(target=work, name="kafka")
    thread.start()

    def wait():
        thread.join(5)
        return f"thread 'kafka' at test_guesses.py:{work.__code__.co_firstlineno + 1}"

    yield wait
    done.set()
    thread.join()


@contextlib.contextmanager
def silent_owner_of_a_lock():
    """A lock that was taken before the clock was opened."""
    lock = threading.Lock()
    with lock:

        def wait():
            assert not lock.acquire(timeout=5)
            return "a thread that holds a lock"

        yield wait


@contextlib.contextmanager
def silent_library():
    """An eventfd, as a library in C makes it to wake whoever waits for it."""
    descriptor = os.eventfd(0)

    def wait():
        assert select.select([descriptor], [], [], 5) == ([], [], [])
        return f"eventfd {descriptor}"

    yield wait
    os.close(descriptor)


@pytest.mark.parametrize(
    "silent", [silent_server, silent_child, silent_pipe, silent_thread, silent_owner_of_a_lock, silent_library]
)
def test_a_jump_says_for_whom_time_stood_still(silent):
    """Whatever the thread waited for is named as a reader knows it: by address, by process, by line of code."""
    with silent() as wait, pytest.warns(GuessWarning), VirtualClock(grace=0.05) as clock:
        who = wait()
        (jump,) = clock.jumps
    assert (jump.start, jump.end, jump.guess) == (0.0, 5.0, True)
    assert who in jump.waited_for


def test_time_stands_still_without_work_for_the_processor():
    """While nobody can run, the clock looks at what is outside now and then, and sleeps in between."""
    with silent_library() as wait, pytest.warns(GuessWarning), VirtualClock(grace=0.15):
        before = time.process_time()
        wait()
        assert time.process_time() - before < 0.03


@pytest.mark.parametrize("silent", [silent_server, silent_child, silent_pipe])
def test_only_its_own_work_is_a_sign_of_life(silent):
    """Beside a child that is always at work, such as a database of the session, time stands still no longer."""
    with subprocess.Popen([sys.executable, "-c", "while True: pass"]) as busy:
        try:
            test_a_jump_says_for_whom_time_stood_still(silent)
        finally:
            busy.kill()


def test_a_server_in_a_child_is_alive_as_long_as_it_works():
    """Time stands still for the answer of a child that computes, however long, though the connection is silent."""
    code = (
        "import socket, time\n"
        "with socket.create_server(('127.0.0.1', 0)) as server:\n"
        "    print(server.getsockname()[1], flush=True)\n"
        "    peer, _ = server.accept()\n"
        "    peer.recv(1)\n"
        "    end = time.process_time() + 0.4\n"
        "    while time.process_time() < end: pass\n"
        "    peer.sendall(b'!')\n"
        "    peer.recv(1)\n"
    )
    with (
        subprocess.Popen([sys.executable, "-c", code], stdout=subprocess.PIPE) as child,
        VirtualClock(grace=0.1) as clock,
        socket.create_connection(("127.0.0.1", int(child.stdout.readline()))) as client,
    ):
        client.settimeout(5)
        client.sendall(b"?")
        assert client.recv(1) == b"!"
    assert (clock.elapsed, clock.guesses) == (0, 0)


def test_a_jump_that_is_no_guess_has_waited_for_nobody(clock):
    """Where nothing outside could act, nothing is named, and nothing is said."""
    time.sleep(5)
    assert clock.jumps == [Jump(0.0, 5.0, "MainThread", "time.sleep", guess=False, waited_for=())]


def test_a_guess_is_told_when_the_clock_closes():
    """The warning names the outsider, blames the test, and says what to write."""
    with silent_server() as wait, pytest.warns(GuessWarning) as caught, VirtualClock(grace=0.05) as clock:
        who = wait()
    assert str(caught[0].message) == whole_text(
        f"  from 0 s to 5 s, after a while without a sign of life from {who}; thread 'MainThread' had waited for input",
        times="1 time",
    )
    assert caught[0].filename == __file__
    assert clock.guesses == 1


def test_of_many_guesses_the_first_three_are_told():
    """The others are counted, and the clock has them."""
    lines = [
        f"  from {5 * number} s to {5 * number + 5} s, after a while without a sign of life from "
        "a thread that holds a lock; thread 'MainThread' had waited for a lock that a thread outside holds"
        for number in range(3)
    ]
    with silent_owner_of_a_lock() as wait, pytest.warns(GuessWarning) as caught, VirtualClock(grace=0.01):
        for _ in range(5):
            wait()
    assert str(caught[0].message) == whole_text(*lines, "  and 2 times more, which `clock.jumps` has", times="5 times")


def test_an_error_says_what_was_guessed_before_it():
    """Where the block fails, be it because of the guess, the error has the text as a note, and there is no warning."""
    with silent_owner_of_a_lock() as wait, pytest.raises(ZeroDivisionError) as caught, VirtualClock(grace=0.01):
        wait()
        raise ZeroDivisionError
    (note,) = caught.value.__notes__
    assert note.startswith("the virtual clock guessed 1 time that nothing more would come from outside")


def test_whatever_is_held_is_no_guess():
    """Inside `hold` time stands still for as long as it takes, so there is nothing to warn of."""
    with socket.create_server(("127.0.0.1", 0)) as server:

        def answer():
            connection, _ = server.accept()
            with connection:
                connection.recv(1)
                connection.sendall(b"!")

        thread = threading.Thread(target=answer)
        thread.start()
        with VirtualClock(grace=0) as clock:
            with clock.hold(), socket.create_connection(server.getsockname()) as client:
                client.sendall(b"?")
                client.settimeout(5)
                assert client.recv(1) == b"!"
            assert (clock.elapsed, clock.guesses) == (0.0, 0)
        thread.join()
