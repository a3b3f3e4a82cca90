"""UNIX domain sockets, of which both ends may be in this process, inside the clock or outside of it."""

from __future__ import annotations

import asyncio
import contextlib
import os
import socket
import threading
import time

import pytest

from pytest_resilience.clock import VirtualClock
from pytest_resilience.clock._reach import real


@pytest.fixture
def path(tmp_path, monkeypatch):
    """The address of a server, short enough for one."""
    monkeypatch.chdir(tmp_path)
    return "server"


def echo(connection):
    """Send everything back, each time after a while of real time."""
    with contextlib.closing(connection), contextlib.suppress(ConnectionError):
        while received := connection.recv(100):
            real.sleep(0.05)
            connection.sendall(received)


@contextlib.contextmanager
def listening(path):
    """A UNIX domain socket that listens."""
    with socket.socket(socket.AF_UNIX) as listener:
        listener.bind(path)
        listener.listen()
        yield listener


@contextlib.contextmanager
def background(body, *arguments):
    """A thread for ``body``; it has ended afterwards."""
    thread = threading.Thread(target=body, args=arguments)
    thread.start()
    try:
        yield
    finally:
        thread.join()


@contextlib.contextmanager
def earlier_server(path):
    """A server for one connection, in a thread of its own."""
    with listening(path) as listener, background(lambda: echo(listener.accept()[0])):
        yield


def ask(connection):
    connection.sendall(b"?")
    return connection.recv(100)


def connected(path):
    connection = socket.socket(socket.AF_UNIX)
    connection.settimeout(5)
    connection.connect(path)
    return connection


def test_a_server_from_before_the_clock_has_its_real_time(path):
    """Its answer is waited for, though it comes from a thread of this very process."""
    with earlier_server(path), VirtualClock(grace=60) as clock, connected(path) as connection:
        assert ask(connection) == b"?"
        assert (clock.elapsed, clock.guesses) == (0.0, 0)


def test_a_connection_from_before_the_clock_has_its_real_time(path, let_an_hour_pass_outside):
    """The same for a connection that is older than the clock, however long ago it was last used."""
    with earlier_server(path), connected(path) as connection, VirtualClock(grace=60) as clock:
        assert ask(connection) == b"?"
        let_an_hour_pass_outside()
        assert ask(connection) == b"?"
        assert (clock.elapsed, clock.guesses) == (0.0, 0)


def test_a_connection_that_a_driver_in_c_uses_has_its_real_time(path, let_an_hour_pass_outside):
    """What it sends is not seen by the clock, but that somebody waits again after an answer is."""
    with earlier_server(path), VirtualClock(grace=60) as clock, connected(path) as connection:
        for _ in range(3):
            os.write(connection.fileno(), b"?")
            assert connection.recv(100) == b"?"
            let_an_hour_pass_outside()
        assert (clock.elapsed, clock.guesses) == (0.0, 0)


def test_a_pair_from_before_the_clock_has_its_real_time():
    """And for a pair, whose ends have no names by which to tell them."""
    ours, theirs = socket.socketpair()
    ours.settimeout(5)
    with background(echo, theirs), ours, VirtualClock(grace=60) as clock:
        assert ask(ours) == b"?"
        assert (clock.elapsed, clock.guesses) == (0.0, 0)


def test_a_loop_waits_for_a_pair_from_before_the_clock():
    """A thread of a client library, which wakes an event loop by a pair of its own, is no deadlock."""
    ours, theirs = socket.socketpair()
    ours.setblocking(False)

    async def ask_async():
        loop = asyncio.get_running_loop()
        await loop.sock_sendall(ours, b"?")
        return await asyncio.wait_for(loop.sock_recv(ours, 100), 5)

    with background(echo, theirs), ours, VirtualClock(grace=60) as clock:
        assert asyncio.run(ask_async()) == b"?"
        assert (clock.elapsed, clock.guesses) == (0.0, 0)


def test_a_client_outside_has_its_real_time(path):
    """A server inside waits for what an accepted connection owes, also beside clients that are inside."""

    def call(connection):
        real.sleep(0.05)
        ask(connection)

    with (
        listening(path) as listener,
        connected(path) as outside,
        background(call, outside),
        VirtualClock(grace=60) as clock,
        connected(path),
    ):
        connections = [listener.accept()[0] for _ in range(2)]
        connections[0].settimeout(5)
        assert connections[0].recv(100) == b"?"
        connections[0].sendall(b"!")
        assert (clock.elapsed, clock.guesses) == (0.0, 0)
        for connection in connections:
            connection.close()


def test_connections_inside_are_exact(clock, path):
    """Between threads of the clock there is no guess and no spurious timeout, with several connections to one server."""

    def serve(connection):
        with connection:
            while received := connection.recv(100):
                time.sleep(3)
                connection.sendall(received)

    def accept(listener):
        with contextlib.ExitStack() as serving:
            for _ in range(3):
                serving.enter_context(background(serve, listener.accept()[0]))

    with listening(path) as listener, background(accept, listener):
        connections = [connected(path) for _ in range(3)]
        for connection in connections:
            assert ask(connection) == b"?"
        connections[0].settimeout(1)
        with pytest.raises(TimeoutError):
            connections[0].recv(1)
        for connection in connections:
            connection.close()
    assert (clock.elapsed, clock.guesses) == (10.0, 0)
