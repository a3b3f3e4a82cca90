"""Real sockets: exact between threads of the clock, patient with everyone else."""

from __future__ import annotations

import contextlib
import errno
import os
import select
import selectors
import socket
import struct
import subprocess
import sys
import threading
import time

import pytest

from pytest_resilience.clock import GuessWarning, VirtualClock


@contextlib.contextmanager
def serving(handle):
    """A server on loopback, in threads of the clock; ``handle`` gets each connection."""
    listener = socket.create_server(("127.0.0.1", 0))
    threads = []

    def accept():
        while True:
            try:
                connection, _ = listener.accept()
            except OSError:
                return
            threads.append(threading.Thread(target=handle, args=(connection,)))
            threads[-1].start()

    threads.append(threading.Thread(target=accept))
    threads[0].start()
    try:
        yield listener.getsockname()
    finally:
        listener.shutdown(socket.SHUT_RDWR)
        listener.close()
        for thread in threads:
            thread.join()


def echo_after(seconds):
    def handle(connection):
        with connection:
            while data := connection.recv(1000):
                time.sleep(seconds)
                connection.sendall(data.upper())

    return handle


def test_an_answer_in_time_is_never_late(clock):
    """With a peer in the clock a timeout fires if, and only if, the answer takes longer."""
    with serving(echo_after(2)) as address, socket.create_connection(address, timeout=3) as client:
        for _ in range(20):
            client.sendall(b"hello")
            assert client.recv(100) == b"HELLO"
        assert clock.elapsed == 40.0
        client.settimeout(1.5)
        client.sendall(b"hello")
        with pytest.raises(TimeoutError, match="timed out"):
            client.recv(100)
        assert clock.elapsed == 41.5
    assert clock.guesses == 0


@pytest.mark.parametrize("timeout", [None, 1000])
def test_large_transfers_take_no_virtual_time(clock, timeout):
    """Both ends make progress through buffers that are much smaller than what is sent."""
    size = 20_000_000
    received = []

    def drain(connection):
        with connection:
            while data := connection.recv(100_000):
                received.append(len(data))

    with serving(drain) as address, socket.create_connection(address, timeout=timeout) as client:
        client.sendall(bytes(size))
    assert sum(received) == size
    assert (clock.elapsed, clock.guesses) == (0.0, 0)


def test_a_slow_reader_slows_the_sender_down(clock):
    """`sendall` waits in virtual time until there is room, and times out in virtual time."""

    def sleepy(connection):
        with connection:
            time.sleep(100)
            while connection.recv(100_000):
                pass

    with serving(sleepy) as address, socket.create_connection(address, timeout=60) as client:
        with pytest.raises(TimeoutError):
            client.sendall(bytes(50_000_000))
        assert clock.elapsed == 60.0
    assert clock.elapsed == 100.0
    assert clock.guesses == 0


def test_small_packets_are_not_held_back(clock):
    """Two small writes in a row reach the reader without the kernel's pause between them."""

    def answer(connection):
        with connection, connection.makefile("wb") as file:
            connection.recv(100)
            for piece in (b"head", b"body"):
                file.write(piece)
                file.flush()

    with serving(answer) as address, socket.create_connection(address, timeout=1) as client:
        client.sendall(b"?")
        with client.makefile("rb") as file:
            assert file.read(8) == b"headbody"
    assert clock.elapsed == 0.0


def test_refusal_and_waiting_for_a_connection(clock):
    """A refused connection is refused at once; nobody coming is a timeout."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        address = listener.getsockname()
        listener.settimeout(30)
        with pytest.raises(TimeoutError):
            listener.accept()
        assert clock.elapsed == 30.0
    with pytest.raises(ConnectionRefusedError):
        socket.create_connection(address, timeout=5)
    with socket.socket() as client:
        assert client.connect_ex(address) != 0
    assert clock.elapsed == 30.0


def test_datagrams(clock):
    """UDP between threads of the clock arrives at its instant."""
    with socket.socket(type=socket.SOCK_DGRAM) as a, socket.socket(type=socket.SOCK_DGRAM) as b:
        a.bind(("127.0.0.1", 0))
        b.bind(("127.0.0.1", 0))
        timer = threading.Timer(5, lambda: b.sendto(b"late", a.getsockname()))
        timer.start()
        a.settimeout(3)
        with pytest.raises(TimeoutError):
            a.recvfrom(100)
        assert a.recvfrom(100) == (b"late", b.getsockname())
        assert clock.elapsed == 5.0
        timer.join()


def test_socket_pairs_and_pipes_inside_the_clock(clock):
    """What has both ends in the clock needs no guess, however it is read."""
    left, right = socket.socketpair()
    reader, writer = os.pipe()
    threads = [
        threading.Timer(5, lambda: left.send(b"x")),
        threading.Timer(7, lambda: os.write(writer, b"y")),
    ]
    for thread in threads:
        thread.start()
    assert right.recv(1) == b"x"
    assert clock.elapsed == 5.0
    assert os.read(reader, 1) == b"y"
    assert clock.elapsed == 7.0
    assert clock.guesses == 0
    left.close(), right.close(), os.close(reader), os.close(writer)
    for thread in threads:
        thread.join()


def by_select(descriptor, timeout):
    return bool(select.select([descriptor], [], [], timeout)[0])


def by_poll(descriptor, timeout):
    poll = select.poll()
    poll.register(descriptor, select.POLLOUT)
    poll.modify(descriptor, select.POLLIN)
    poll.register(0 if descriptor else 1)
    poll.unregister(0 if descriptor else 1)
    return bool(poll.poll(timeout * 1000))


def by_epoll(descriptor, timeout):
    with select.epoll() as epoll:
        epoll.register(descriptor, select.EPOLLIN)
        return bool(epoll.poll(timeout))


def by_selector(kind):
    def wait(descriptor, timeout):
        with kind() as selector:
            selector.register(descriptor, selectors.EVENT_READ)
            return bool(selector.select(timeout))

    return wait


WAITS = {
    "select": by_select,
    "poll": by_poll,
    "epoll": by_epoll,
    **{
        kind.__name__: by_selector(kind)
        for kind in (selectors.SelectSelector, selectors.PollSelector, selectors.EpollSelector)
    },
}


@pytest.mark.parametrize("name", WAITS)
def test_every_way_to_wait_for_input(clock, name):
    """`select`, `poll`, `epoll` and the selectors time out and wake in virtual time."""
    wait = WAITS[name]
    left, right = socket.socketpair()
    with left, right:
        timer = threading.Timer(5, left.send, args=(b"x",))
        timer.start()
        assert wait(right.fileno(), 0) is False
        assert wait(right.fileno(), 2) is False
        assert clock.elapsed == 2.0
        assert wait(right.fileno(), 100) is True
        assert clock.elapsed == 5.0
        assert wait(right.fileno(), 0) is True
        timer.join()
    assert clock.guesses == 0


def test_a_socket_closed_under_a_waiting_thread_is_an_error_there(clock):
    """The thread that waits gets the error, not the one that closes or any other."""
    left, right = socket.socketpair()
    errors = []

    def receive():
        try:
            right.recv(1)
        except OSError as error:
            errors.append(error.errno)

    def choose():
        try:
            select.select([right], [], [])
        except (OSError, ValueError) as error:
            errors.append(type(error))

    threads = [threading.Thread(target=receive), threading.Thread(target=choose)]
    for thread in threads:
        thread.start()
    time.sleep(5)
    right.close()
    for thread in threads:
        thread.join()
    left.close()
    assert errors == [errno.EBADF, ValueError]
    assert clock.elapsed == 5.0


def test_a_timeout_that_the_kernel_has(clock):
    """One that was set as an option ends the wait as it does in real time, by another error than Python's."""
    one, other = socket.socketpair()
    with one, other:
        one.setsockopt(socket.SOL_SOCKET, socket.SO_RCVTIMEO, struct.pack("ll", 5, 500_000))
        with pytest.raises(BlockingIOError, match="Resource temporarily unavailable"):
            one.recv(1)
        assert clock.elapsed == 5.5
        other.send(b"x")
        assert one.recv(1) == b"x"


def test_a_non_blocking_socket_stays_non_blocking(clock):
    """A socket that must not block raises as ever."""
    left, right = socket.socketpair()
    with left, right:
        right.setblocking(False)
        with pytest.raises(BlockingIOError):
            right.recv(1)
        left.sendall(b"xyz")
        buffer = bytearray(2)
        assert right.recv_into(buffer) == 2
        assert right.recvmsg(5)[0] == b"z"
        assert left.sendmsg([b"a", b"b"]) == 2
        assert right.recv(5) == b"ab"


OUTSIDER = """
import socket, sys, time
connection = socket.create_connection(("127.0.0.1", int(sys.argv[1])))
connection.recv(1)
time.sleep(float(sys.argv[2]))
connection.sendall(b"answer")
connection.recv(1)
"""


@contextlib.contextmanager
def outsider(delay):
    """A connection to another process, which answers the first byte after ``delay`` real seconds."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        arguments = [sys.executable, "-c", OUTSIDER, str(listener.getsockname()[1]), str(delay)]
        with subprocess.Popen(arguments) as process:
            connection, _ = listener.accept()
            with connection:
                yield connection
            process.wait()


def test_time_stands_still_for_an_answer_from_outside():
    """A request to another process is answered before any timeout, although the answer takes real time."""
    with outsider(0.1) as connection, VirtualClock(grace=60) as clock:
        connection.settimeout(5)
        connection.send(b"?")
        assert connection.recv(100) == b"answer"
        assert (clock.elapsed, clock.guesses) == (0.0, 0)


def test_a_guess_is_counted_and_shown():
    """If nothing comes within the grace, time moves on, and the jump says that it was a guess."""
    with outsider(0) as connection, pytest.warns(GuessWarning), VirtualClock(grace=0.01) as clock:
        connection.settimeout(5)
        with pytest.raises(TimeoutError):
            connection.recv(100)
        assert (clock.elapsed, clock.guesses) == (5.0, 1)
        assert [jump.guess for jump in clock.jumps] == [True]
        time.sleep(5)
        assert [jump.guess for jump in clock.jumps] == [True, False]


def test_hold_waits_for_as_long_as_it_takes():
    """Inside `hold` time does not move at all until the answer is there."""
    with outsider(0.1) as connection, VirtualClock(grace=0) as clock:
        connection.settimeout(5)
        connection.send(b"?")
        with clock.hold():
            assert connection.recv(100) == b"answer"
        assert (clock.elapsed, clock.guesses) == (0.0, 0)
