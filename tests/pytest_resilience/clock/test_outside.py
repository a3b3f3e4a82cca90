"""Peers outside the clock: time stands still for as long as they show signs of life, and for the grace after."""

from __future__ import annotations

import asyncio
import contextlib
import http.server
import os
import select
import socket
import ssl
import subprocess
import sys
import threading
import time

import pytest
import requests
from urllib3.util import Retry

from pytest_resilience.clock import GuessWarning, VirtualClock
from pytest_resilience.clock._reach import real

PIECES = """
import socket, sys, time
pause = float(sys.argv[1])
with socket.create_server(("127.0.0.1", 0)) as listening:
    print(listening.getsockname()[1], flush=True)
    connection, _ = listening.accept()
    with connection:
        connection.recv(1000)
        for piece in (b"one ", b"two ", b"three"):
            connection.sendall(piece)
            time.sleep(pause)
"""


@contextlib.contextmanager
def answering_in_pieces(pause):
    """A process that answers the first request in three pieces, ``pause`` real seconds apart; its port."""
    command = [sys.executable, "-c", PIECES, str(pause)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        try:
            yield int(process.stdout.readline())
        finally:
            process.kill()


def ask(port, timeout):
    """The whole answer, each piece of it within the timeout."""
    with socket.create_connection(("127.0.0.1", port), timeout) as connection:
        connection.sendall(b"?")
        return b"".join(iter(lambda: connection.recv(100), b""))


def test_the_rest_of_an_answer_is_waited_for_like_its_beginning():
    """After the first piece the sender still owes the others, and the timeout counts from none of them."""
    with answering_in_pieces(0.05) as port, VirtualClock(grace=60) as clock:
        assert ask(port, timeout=5) == b"one two three"
        assert (clock.elapsed, clock.guesses) == (0.0, 0)


@pytest.mark.parametrize("beside", [0, 1])
def test_a_task_that_waits_for_the_rest_has_it_in_time(beside):
    """The same in asyncio, also with a task that sleeps beside it."""

    async def ask_async(port):
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        writer.write(b"?")
        sleepers = [asyncio.create_task(asyncio.sleep(3600)) for _ in range(beside)]
        answer = await asyncio.wait_for(reader.read(-1), 5)
        for sleeper in sleepers:
            sleeper.cancel()
        writer.close()
        await writer.wait_closed()
        return answer

    with answering_in_pieces(0.05) as port, VirtualClock(grace=60) as clock:
        assert asyncio.run(ask_async(port)) == b"one two three"
        assert (clock.elapsed, clock.guesses) == (0.0, 0)


def test_a_connection_that_is_only_kept_costs_hardly_any_real_time():
    """Where no task waits for the peer, time does not stand still for the whole grace."""

    async def keep():
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        writer.write(b"?")
        await reader.readexactly(4)
        await asyncio.sleep(3600)
        writer.close()

    with answering_in_pieces(60) as port, pytest.warns(GuessWarning), VirtualClock(grace=10) as clock:
        start = time.perf_counter()
        asyncio.run(keep())
        assert clock.elapsed == 3600.0
        assert clock.guesses == 1
        assert time.perf_counter() - start < 10


class Handler(http.server.BaseHTTPRequestHandler):
    """Fails the first requests; its header and body are packets of their own."""

    protocol_version = "HTTP/1.1"

    def do_GET(self):
        self.server.seen += 1
        self.send_response(503 if self.server.seen <= 3 else 200)
        self.send_header("Content-Length", "4")
        self.end_headers()
        self.wfile.write(b"body")

    def log_message(self, *_):
        pass


@pytest.fixture
def earlier_service():
    """A web service in threads that were there before the clock, as a fixture of the session would have them."""
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        server.seen = 0
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        yield "http://127.0.0.1:%d/" % server.server_address[1]
        server.shutdown()
        thread.join()


def test_retries_against_a_service_that_was_there_before(earlier_service):
    """requests with urllib3's `Retry` gets every answer, and waits only what it has to."""
    retry = Retry(10, backoff_factor=10, status_forcelist=[503])
    with VirtualClock(grace=2) as clock, requests.Session() as session:
        session.mount("http://", requests.adapters.HTTPAdapter(max_retries=retry))
        assert session.get(earlier_service, timeout=5).content == b"body"
        assert clock.sleeps == [20, 40]


def send_as_drivers_do(connection, data):
    """Send by way of C, where the clock does not see it."""
    os.write(connection.fileno(), data)


@pytest.mark.parametrize("send", [socket.socket.sendall, send_as_drivers_do])
def test_an_earlier_connection_is_waited_for_whenever_it_is_asked(send, let_an_hour_pass_outside):
    """However long ago it was last used, and whoever sends: a driver in C is none of the clock's sockets."""

    def echo(connection):
        while received := connection.recv(100):
            real.sleep(0.05)
            connection.sendall(received)

    with socket.create_server(("127.0.0.1", 0)) as listener, socket.create_connection(listener.getsockname()) as ours:
        theirs, _ = listener.accept()
        thread = threading.Thread(target=echo, args=(theirs,))
        thread.start()
        with ours, VirtualClock(grace=60) as clock:
            for _ in range(3):
                send(ours, b"?")
                assert select.select([ours], [], [], 5)[0] == [ours]
                assert ours.recv(100) == b"?"
                let_an_hour_pass_outside()
            assert (clock.elapsed, clock.guesses) == (0.0, 0)
        thread.join()
        theirs.close()


def test_a_library_that_tells_its_news_by_an_eventfd_is_waited_for():
    """Its threads need not be known to Python, as those of ZeroMQ, and act whenever they like."""
    told = os.eventfd(0)

    def tell():
        real.sleep(0.05)
        os.eventfd_write(told, 1)

    async def wait():
        news = asyncio.get_running_loop().create_future()
        asyncio.get_running_loop().add_reader(told, lambda: news.done() or news.set_result(os.eventfd_read(told)))
        return await asyncio.wait_for(news, 5)

    thread = threading.Thread(target=tell)
    thread.start()
    with VirtualClock(grace=60) as clock:
        assert asyncio.run(wait()) == 1
        assert (clock.elapsed, clock.guesses) == (0.0, 0)
    thread.join()
    os.close(told)


def test_silence_is_waited_out_once():
    """However many timers go off while a peer is silent, the grace is not spent on each of them."""
    with answering_in_pieces(60) as port, pytest.warns(GuessWarning), VirtualClock(grace=0.2) as clock:
        stop = threading.Event()

        def tick():
            while not stop.wait(0.01):
                pass

        thread = threading.Thread(target=tick)
        thread.start()
        start = time.perf_counter()
        with pytest.raises(TimeoutError):
            ask(port, timeout=4)  # the first piece comes at once, the second within a minute of real time
        stop.set()
        thread.join()
        assert clock.elapsed == 4.0
        assert clock.guesses >= 400
        assert time.perf_counter() - start < 0.2 * 400 / 2  # on a machine however busy, and not 0.2 s for each


def test_connections_inside_need_no_guess_however_their_addresses_are_written(clock):
    """A listener for IPv4 and IPv6 alike, and one that accepts nobody, are inside; nothing is guessed of them."""
    import socket

    with contextlib.ExitStack() as stack:
        both = stack.enter_context(socket.create_server(("::", 0), family=socket.AF_INET6, dualstack_ipv6=True))
        client = stack.enter_context(socket.create_connection(("127.0.0.1", both.getsockname()[1]), timeout=10))
        accepted = stack.enter_context(both.accept()[0])
        deaf = stack.enter_context(socket.create_server(("127.0.0.1", 0)))
        waiting = stack.enter_context(socket.create_connection(deaf.getsockname(), timeout=10))
        datagrams = stack.enter_context(socket.socket(socket.AF_INET, socket.SOCK_DGRAM))
        datagrams.bind(("127.0.0.1", 0))
        asking = stack.enter_context(socket.socket(socket.AF_INET, socket.SOCK_DGRAM))
        asking.settimeout(10)
        asking.sendto(b"?", datagrams.getsockname())
        accepted.sendall(b"!")
        assert client.recv(1) == b"!"
        for each in (client, waiting, asking):
            with pytest.raises(TimeoutError):
                each.recv(1)
    assert (clock.elapsed, clock.guesses) == (30.0, 0)


def test_what_has_arrived_and_is_not_acknowledged_yet_needs_no_guess(clock):
    """Many small exchanges between tasks, with pauses: the kernel's own pauses are not taken for data on its way."""

    async def echo(reader, writer):
        while line := await reader.readline():
            writer.write(line)
        writer.close()

    async def main():
        server = await asyncio.start_server(echo, "127.0.0.1", 0)
        reader, writer = await asyncio.open_connection(*server.sockets[0].getsockname())
        for _ in range(20):
            for _ in range(5):
                writer.write(b"ask\n")
                await reader.readline()
            await asyncio.sleep(60)
        writer.close()
        await writer.wait_closed()
        server.close()

    asyncio.run(main())
    assert (clock.elapsed, clock.guesses) == (1200.0, 0)


def test_tls_from_outside_is_an_answer_only_when_the_application_has_one(tmp_path):
    """What TLS itself sends after its handshake does not count as the answer that a task waits for."""
    import trustme

    authority = trustme.CA()
    serving = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    authority.issue_cert("localhost").configure_cert(serving)
    asking = ssl.create_default_context()
    authority.configure_trust(asking)
    listening, told = threading.Event(), []

    async def serve():
        async def answer(reader, writer):
            await reader.readline()
            await asyncio.to_thread(released.wait)
            writer.write(b"answer\n")
            writer.close()

        server = await asyncio.start_server(answer, "127.0.0.1", 0, ssl=serving)
        told.append((server.sockets[0].getsockname()[1], asyncio.get_running_loop()))
        listening.set()
        await asyncio.to_thread(done.wait)
        server.close()

    async def ask_async(port):
        reader, writer = await asyncio.open_connection("localhost", port, ssl=asking)
        writer.write(b"?\n")
        asyncio.get_running_loop().call_soon(released.set)
        answer = await asyncio.wait_for(reader.readline(), 5)
        writer.close()
        return answer

    released, done = threading.Event(), threading.Event()
    thread = threading.Thread(target=lambda: asyncio.run(serve()))
    thread.start()
    listening.wait()
    try:
        with VirtualClock(grace=60) as clock:
            assert asyncio.run(ask_async(told[0][0])) == b"answer\n"
            assert (clock.elapsed, clock.guesses) == (0.0, 0)
    finally:
        done.set()
        thread.join()
