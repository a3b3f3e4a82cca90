"""Child processes live in real time, and the clock waits for them."""

from __future__ import annotations

import multiprocessing
import os
import select
import signal
import socket
import subprocess
import sys
import threading
import time

import pytest

from pytest_resilience.clock import GuessWarning, VirtualClock
from pytest_resilience.clock._outside import children, descriptors, sockets
from pytest_resilience.clock._reach import real

FORK = multiprocessing.get_context("fork")


def python(code, **options):
    return subprocess.Popen([sys.executable, "-c", code], **options)


def test_a_child_that_works_is_waited_for():
    """`run` with a timeout sees the result of a child that takes real time, and none of it passes."""
    with VirtualClock(grace=60) as clock:
        result = subprocess.run(
            [sys.executable, "-c", "print(sum(range(10**6)))"], capture_output=True, timeout=1, check=True
        )
        assert result.stdout == b"499999500000\n"
        assert (clock.elapsed, clock.guesses) == (0.0, 0)


def test_a_child_that_sleeps_runs_into_its_timeout():
    """A child without any sign of life for the grace is taken to be stuck, and its timeout fires."""
    with pytest.warns(GuessWarning), VirtualClock(grace=0.05) as clock:
        with python("import time; print(flush=True); time.sleep(1000)", stdout=subprocess.PIPE) as child:
            child.stdout.readline()
            with pytest.raises(subprocess.TimeoutExpired, match=r"timed out after 30 seconds"):
                child.wait(timeout=30)
            assert clock.elapsed == 30.0
            with pytest.raises(subprocess.TimeoutExpired):
                child.communicate(timeout=10)
            assert clock.elapsed == 40.0
            assert clock.guesses == 2
            child.kill()
            child.wait()
        assert clock.elapsed == 40.0


CONNECTS = """
import socket, sys
sum(range(10**6))
with socket.create_connection(("127.0.0.1", int(sys.argv[1]))) as connection:
    connection.sendall(b"hello")
"""


@pytest.mark.parametrize("timeout", [None, 30])
def test_who_listens_waits_for_a_child_that_is_on_its_way(timeout):
    """No time passes while a child that is to connect starts and works, though nothing tells that it will."""
    with VirtualClock() as clock, socket.create_server(("127.0.0.1", 0)) as server:
        server.settimeout(timeout)
        command = [sys.executable, "-c", CONNECTS, str(server.getsockname()[1])]
        with subprocess.Popen(command), server.accept()[0] as connection:
            assert connection.recv(10) == b"hello"
        assert (clock.elapsed, clock.guesses) == (0.0, 0)


def test_who_listens_does_not_wait_for_a_child_that_is_idle():
    """Time passes as it does without a child, and that is no guess."""
    with python("input()", stdin=subprocess.PIPE) as child, VirtualClock() as clock:
        with socket.create_server(("127.0.0.1", 0)) as server:
            server.settimeout(3600)
            with pytest.raises(TimeoutError):
                server.accept()
            assert (clock.elapsed, clock.guesses) == (3600.0, 0)
        child.communicate(b"\n")


def test_who_listens_waits_no_longer_than_some_seconds_for_a_child_that_works_for_ever(
    monkeypatch, let_an_hour_pass_outside
):
    """A child that computes and computes does not stop time; that it might have connected is a guess."""
    listens, is_going_on, looks = sockets._listens, children.Work.is_going_on, []

    def look(server):
        looks.append(server)
        if len(looks) == 2:
            let_an_hour_pass_outside()
        return listens(server)

    def is_still_going_on(work):
        while not is_going_on(
            work
        ):  # it is: the kernel tells so every ten milliseconds, and looks may be more frequent
            real.sleep(0.001)
        return True

    monkeypatch.setattr(sockets, "_listens", look)
    monkeypatch.setattr(children.Work, "is_going_on", is_still_going_on)
    with python("while True: pass") as child, pytest.warns(GuessWarning), VirtualClock() as clock:
        with socket.create_server(("127.0.0.1", 0)) as server:
            server.settimeout(3600)
            with pytest.raises(TimeoutError):
                server.accept()
            (jump,) = [each for each in clock.jumps if each.guess]
            assert jump.waited_for == (f"socket {server.fileno()}, which listens",)
        child.kill()


def test_waiting_for_a_child_lets_other_threads_run():
    """A thread that waits for a process does not hold up the others, and time stands still meanwhile."""
    with VirtualClock(grace=60) as clock:
        log = []
        with python("import sys; sys.stdin.read()", stdin=subprocess.PIPE) as child:
            thread = threading.Thread(target=lambda: log.append(child.wait()))
            thread.start()
            child.stdin.close()
            thread.join()
        assert (log, clock.elapsed) == ([0], 0.0)


def test_multiprocessing_waits_for_results():
    """Processes, pipes and queues of `multiprocessing` hand over their results within their timeouts."""
    with VirtualClock(grace=60) as clock:
        ours, theirs = FORK.Pipe()
        process = FORK.Process(target=lambda: theirs.send(os.getpid()))
        process.start()
        theirs.close()
        assert ours.poll(timeout=5)
        assert ours.recv() == process.pid
        process.join(timeout=5)
        assert process.exitcode == 0
        assert (clock.elapsed, clock.guesses) == (0.0, 0)


def test_a_child_from_before_the_clock_answers():
    """It is waited for though this process holds both ends of the pipe between them, as a pool does."""

    def add():
        while (number := reader.recv()) is not None:
            time.sleep(0.01)
            answers.send(number + 1)

    (reader, requests), (results, answers) = FORK.Pipe(duplex=False), FORK.Pipe(duplex=False)
    process = FORK.Process(target=add)
    process.start()
    with VirtualClock(grace=60) as clock:
        for number in range(3):
            requests.send(number)
            assert results.poll(timeout=5)
            assert results.recv() == number + 1
        requests.send(None)
        process.join()
        assert (clock.elapsed, clock.guesses) == (0.0, 0)


ECHO = "import sys, time\nfor line in sys.stdin: time.sleep(0.05); print(line, end='', flush=True)"


def test_a_child_is_waited_for_whenever_it_is_asked(let_an_hour_pass_outside):
    """Its silence is counted from the first wait since its last answer, however long ago that was."""
    with python(ECHO, stdin=subprocess.PIPE, stdout=subprocess.PIPE, bufsize=0) as child:
        with VirtualClock(grace=60) as clock:
            for _ in range(5):
                child.stdin.write(b"?\n")
                assert select.select([child.stdout], [], [], 5)[0] == [child.stdout]
                assert child.stdout.read(100) == b"?\n"
                let_an_hour_pass_outside()
            assert (clock.elapsed, clock.guesses) == (0.0, 0)
        child.stdin.close()


ANSWERS = """
import multiprocessing
from pytest_resilience.clock import VirtualClock

fork = multiprocessing.get_context("fork")
with VirtualClock(grace=60) as clock:
    for _ in range(20):
        ours, theirs = fork.Pipe()
        process = fork.Process(target=theirs.send, args=(1,))
        process.start()
        assert ours.recv() == 1
        process.join()
    assert (clock.elapsed, clock.guesses) == (0.0, 0)
"""


def test_children_may_be_gone_before_their_answers_are_seen(run_program):
    """Whatever a child does between two looks at it, its answer is neither late nor the end of all hope."""
    run_program(ANSWERS).check_returncode()  # to copy this process, which has loaded all tests, takes much longer


def test_a_child_may_be_gone_by_the_time_that_the_clock_looks_for_it(monkeypatch, let_an_hour_pass_outside):
    """What its end does to a pipe after the look at that and before the look at the child is no guess."""
    find, looks = descriptors.sharers, []

    def find_later(inode):
        looks.append(inode)
        if len(looks) == 2:
            let_an_hour_pass_outside()
            os.kill(child.pid, signal.SIGKILL)
            os.waitid(os.P_PID, child.pid, os.WEXITED | os.WNOWAIT)
        return find(inode)

    with VirtualClock() as clock:
        reader, writer = os.pipe()
        with python("input()", stdin=subprocess.PIPE, pass_fds=[writer]) as child:
            os.close(writer)
            monkeypatch.setattr(descriptors, "sharers", find_later)
            assert select.select([reader], [], [], 300) == ([reader], [], [])
        os.close(reader)
        assert (clock.elapsed, clock.guesses) == (0.0, 0)


@pytest.mark.parametrize("make_ends", [os.pipe, lambda: [end.detach() for end in socket.socketpair()]])
def test_a_child_is_waited_for_that_has_not_taken_what_is_sent_to_it(
    make_ends, tmp_path, monkeypatch, let_an_hour_pass_outside
):
    """Its work is a sign of life also while the other end of a pipe is on its way to it, as to a fork server."""
    find, looks, may_take = children.sharers, [], tmp_path / "may take"
    code = (
        "import os, socket, sys\n"
        "while not os.path.exists(sys.argv[2]): pass\n"
        "_, (end,), *_ = socket.recv_fds(socket.socket(fileno=int(sys.argv[1])), 1, 1)\n"
        "os.write(end, b'!')"
    )

    def find_later(inode):
        looks.append(inode)
        if len(looks) == 4:
            let_an_hour_pass_outside()
        if len(looks) == 8:
            may_take.touch()
        return find(inode)

    with VirtualClock() as clock:
        reader, end = make_ends()
        to_child, from_parent = socket.socketpair()
        arguments = [str(from_parent.fileno()), str(may_take)]
        with (
            to_child,
            from_parent,
            subprocess.Popen([sys.executable, "-c", code, *arguments], pass_fds=[from_parent.fileno()]) as child,
        ):
            socket.send_fds(to_child, [b"!"], [end])
            os.close(end)
            for module in (descriptors, sockets):
                monkeypatch.setattr(module, "sharers", find_later)
            try:
                assert select.select([reader], [], [], 300) == ([reader], [], [])
            finally:
                child.kill()
        os.close(reader)
        assert (clock.elapsed, clock.guesses) == (0.0, 0)


@pytest.mark.filterwarnings(
    "ignore:This process .* is multi-threaded:DeprecationWarning"
)  # the timer of the test's limit
def test_multiprocessing_times_out():
    """A child that does not answer, and a lock that nobody releases, run into their timeouts."""
    with pytest.warns(GuessWarning), VirtualClock(grace=0.05) as clock:
        lock = FORK.Lock()
        lock.acquire()
        assert lock.acquire(timeout=7) is False
        assert clock.elapsed == 7.0
        ours, theirs = FORK.Pipe()
        process = FORK.Process(target=lambda: theirs.recv())
        process.start()
        assert ours.poll(timeout=5) is False
        process.join(timeout=5)
        assert process.is_alive()
        assert clock.elapsed == 17.0
        ours.send(None)
        process.join()


def test_a_lock_of_multiprocessing_works_between_threads(clock):
    """A semaphore of `multiprocessing` may be held across a sleep by a thread."""
    lock = FORK.Lock()
    log = []

    def holder(name):
        with lock:
            time.sleep(5)
            log.append((name, clock.elapsed))

    threads = [threading.Thread(target=holder, args=(name,)) for name in "ab"]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert log == [("a", 5.0), ("b", 10.0)]


def test_a_forked_child_has_real_time():
    """In the child of a fork nothing is patched any more."""

    def report(connection, parent_time):
        before = time.monotonic_ns()
        time.sleep(0.001)
        connection.send(
            (time.time() < parent_time - 1_000_000, time.monotonic_ns() - before, time.sleep.__self__ is time)
        )

    with VirtualClock(grace=60) as clock:
        clock.advance(10_000_000)
        ours, theirs = FORK.Pipe()
        process = FORK.Process(target=report, args=(theirs, time.time()))
        process.start()
        behind, slept, is_real = ours.recv()
        process.join()
        assert behind
        assert slept >= 1_000_000
        assert is_real
        assert clock.elapsed == 10_000_000.0
        time.sleep(5)
        assert clock.elapsed == 10_000_005.0


def test_asyncio_runs_processes():
    """Subprocesses of asyncio are waited for, and their timeouts fire."""
    import asyncio

    async def main():
        child = await asyncio.create_subprocess_exec(sys.executable, "-c", "print(5)", stdout=subprocess.PIPE)
        output, _ = await asyncio.wait_for(child.communicate(), 1)
        return output, child.returncode

    with VirtualClock(grace=60) as clock:
        assert asyncio.run(main()) == (b"5\n", 0)
        assert (clock.elapsed, clock.guesses) == (0.0, 0)


FORKS = """
import os, threading
from pytest_resilience.clock import VirtualClock

with VirtualClock() as clock:
    thread = threading.Thread(target=int)
    thread.start()
    thread.join()
    for _ in range(3):
        process = os.fork()
        if not process:
            os._exit(0)
        os.waitpid(process, 0)
"""


def test_a_process_with_one_thread_forks_as_such(run_program):
    """The clock's own thread is not there while the process forks: Python warns of processes with several."""
    run_program(FORKS, warnings="error").check_returncode()


def test_nobody_waits_for_the_process_itself(clock):
    """A pidfd of the own process is no outsider: that it is at work says nothing."""
    itself = os.pidfd_open(os.getpid())
    assert select.select([itself], [], [], 3) == ([], [], [])
    assert clock.elapsed == 3.0
    os.close(itself)


def test_a_child_is_found_while_another_thread_ends(monkeypatch):
    """The children of a thread that ends are another's; who looks just then looks again."""
    threads = os.listdir("/proc/self/task")
    stale = [["0"], [], ["0", *threads]]
    listed = os.listdir
    monkeypatch.setattr(os, "listdir", lambda path: stale.pop() if stale else listed(path))
    with python("input()", stdin=subprocess.PIPE) as child:
        assert child.pid in children.own_children()
        child.stdin.close()
    assert stale == []
