"""``tcp://host:port``: connections of any Python client, whose configuration stays as it is."""

import asyncio
import contextlib
import http.server
import socket
import threading
import urllib.request

import httpx
import pytest
import requests
import trio

from pytest_resilience import Faults, hang, latency, passthrough, refuse, reset


class Handler(http.server.BaseHTTPRequestHandler):
    """Answers every GET with its path."""

    protocol_version = "HTTP/1.1"

    def do_GET(self):
        body = self.path.encode()
        self.send_response(200)
        self.send_header("Content-Length", str(len(body)))
        self.send_header("Connection", "close")
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *args):
        """Say nothing."""


@pytest.fixture
def port(clock):
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 3600})
    thread.start()
    yield server.server_address[1]
    server.shutdown()
    server.server_close()
    thread.join()


def with_urllib(url):
    with urllib.request.urlopen(url, timeout=100) as response:
        return response.read().decode()


def with_requests(url):
    return requests.get(url, timeout=100).text


def with_httpx(url):
    return httpx.get(url, timeout=100).text


def with_httpx_async(url):
    async def get():
        async with httpx.AsyncClient(timeout=100) as client:
            return (await client.get(url)).text

    return asyncio.run(get())


def with_asyncio_streams(url):
    host, port = url.removeprefix("http://").split("/")[0].split(":")

    async def get():
        reader, writer = await asyncio.open_connection(host, int(port))
        writer.write(b"GET /x HTTP/1.0\r\n\r\n")
        answer = await reader.read()
        writer.close()
        await writer.wait_closed()
        return answer.decode().rpartition("\r\n")[2]

    return asyncio.run(get())


def with_trio(url):
    host, port = url.removeprefix("http://").split("/")[0].split(":")

    async def get():
        stream = await trio.open_tcp_stream(host, int(port))
        async with stream:
            await stream.send_all(b"GET /x HTTP/1.0\r\n\r\n")
            answer = b""
            async for data in stream:
                answer += data
        return answer.decode().rpartition("\r\n")[2]

    return trio.run(get)


CLIENTS = [with_urllib, with_requests, with_httpx, with_httpx_async, with_asyncio_streams, with_trio]
clients = pytest.mark.parametrize("client", CLIENTS, ids=lambda client: client.__name__)


@clients
def test_every_client_meets_the_script(client, port, faults, clock):
    """A refused connection, then one that works: what the client makes of it is its own."""
    injection = faults.inject(f"tcp://localhost:{port}", refuse().times(1).then(latency(5).times(1)))
    with pytest.raises((OSError, httpx.ConnectError)):
        client(f"http://localhost:{port}/x")
    assert client(f"http://localhost:{port}/x") == "/x"
    assert clock.elapsed == 10
    assert [each.done for each in injection.calls] == ["refuse", "latency(5)"]
    assert [each.args for each in injection.calls] == [("localhost", port)] * 2


@clients
def test_nobody_asks_dns_for_a_name_that_is_led_away(client, faults, clock, monkeypatch):
    """A name that exists nowhere is refused as its script says, and never looked up."""
    asked = []
    real = socket.getaddrinfo

    def spy(host, *args, **kwargs):
        asked.append(host)
        return real(host, *args, **kwargs)

    monkeypatch.setattr(socket, "getaddrinfo", spy)
    faults.inject("tcp://db.internal:5432", refuse().times(1))
    with pytest.raises((OSError, httpx.ConnectError)):
        client("http://db.internal:5432/x")
    assert "db.internal" not in asked


def test_a_pattern_takes_any_host_or_port(port, faults, clock):
    """`*` stands for any of them; other addresses are left alone."""
    injection = faults.inject("tcp://*:1", refuse(), strict=False)
    other = faults.inject(f"tcp://127.0.0.*:{port}", passthrough())
    assert with_httpx(f"http://127.0.0.1:{port}/x") == "/x"
    assert (len(injection.calls), len(other.calls)) == (0, 1)
    with pytest.raises(httpx.ConnectError):
        with_httpx("http://anything.example:1/x")


def test_live_connections_are_struck(echo, faults, clock):
    """A fault that is armed later changes connections that were led away before."""
    host, _, port = echo.rpartition(":")
    faults.inject(f"tcp://{echo}", passthrough())
    with socket.create_connection((host, int(port)), timeout=30) as connection:
        connection.sendall(b"x")
        assert connection.recv(1) == b"x"
        with faults.inject(f"tcp://{echo}", hang()):
            connection.sendall(b"y")
            with pytest.raises(TimeoutError):
                connection.recv(1)
        assert connection.recv(1) == b"y"
        faults.inject(f"tcp://{echo}", reset())
        with pytest.raises(ConnectionResetError):
            connection.recv(1)


def test_everything_is_as_before(echo, clock):
    """After the faults the functions of `socket` are the ones from before."""
    before = socket.getaddrinfo, socket.socket.connect, socket.socket.connect_ex
    with Faults() as faults:
        faults.inject(f"tcp://{echo}", refuse())
        with pytest.raises(ConnectionRefusedError):
            socket.create_connection(echo.split(":"))
    assert (socket.getaddrinfo, socket.socket.connect, socket.socket.connect_ex) == before
    host, _, port = echo.rpartition(":")
    with contextlib.closing(socket.create_connection((host, int(port)))) as connection:
        connection.sendall(b"x")
        assert connection.recv(1) == b"x"


def test_a_place_is_led_away_after_one_that_could_not_be(port, faults, clock, monkeypatch):
    """Where a mock keeps the functions of `socket` from being replaced, that is said; it has no part in the next place."""
    with monkeypatch.context() as patching:
        patching.setattr(socket, "getaddrinfo", object())
        with pytest.raises(pytest.fail.Exception, match="a fault goes into a failpoint"), Faults() as others:
            others.inject("tcp://elsewhere.internal:80", refuse())
    faults.inject(f"tcp://localhost:{port}", refuse().times(1))
    with pytest.raises(ConnectionRefusedError):
        socket.create_connection(("localhost", port))


@pytest.mark.parametrize("first", ["faults", "guard"])
def test_a_guard_of_the_user_over_the_functions_of_socket_is_undone_in_any_order(first, echo, clock, monkeypatch):
    """What a guard has kept while connections were led away is the function itself again."""
    before = socket.getaddrinfo, socket.socket.connect, vars(socket.socket).get("connect_ex")
    faults, guard = Faults(), pytest.MonkeyPatch()
    with contextlib.ExitStack() as stack:
        stack.enter_context(faults)
        faults.inject(f"tcp://{echo}", refuse(), strict=False)
        for owner, name in ((socket, "getaddrinfo"), (socket.socket, "connect")):
            guard.setattr(owner, name, lambda *args, **kwargs: pytest.fail("no network in tests"))
        if first == "guard":
            guard.undo()
    guard.undo()
    assert (socket.getaddrinfo, socket.socket.connect, vars(socket.socket).get("connect_ex")) == before


@pytest.mark.parametrize(
    "place", ["tcp://db", "tcp://:5432", "tcp://db:0", "tcp://db:99999", "tcp://db:x", "tcp://db:1/x"]
)
def test_an_address_that_is_none_is_refused(place):
    """It says how one is written."""
    with pytest.raises(pytest.fail.Exception) as caught, Faults() as faults:
        faults.inject(place, refuse())
    assert str(caught.value) == (
        f"faults.inject(): {place!r} is no TCP place: write 'tcp://host:port', such as 'tcp://db.internal:5432'; '*' "
        "stands for any host or any port"
    )
