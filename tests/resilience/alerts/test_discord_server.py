"""The client against a real server on loopback that behaves as badly as servers do."""

from __future__ import annotations

import contextlib
import gzip
import logging
import socket
import threading
from collections.abc import Callable

import pytest

from resilience._alerts.delivery.cooldowns import Cooldowns
from resilience._alerts.discord import client as discord
from resilience._alerts.discord.sink import DiscordSink
from resilience.alerts import Alert

OK = b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\n"
URL = "https://discord.com/api/webhooks/1/a-secret"
Behaviour = Callable[[socket.socket], object]


class Server:
    """Takes one connection after the other, reads a request, and leaves the rest to the test."""

    def __init__(self, behave):
        self.requests = []
        self._behave = behave
        self._listening = socket.create_server(("127.0.0.1", 0))
        self.base = f"http://127.0.0.1:{self._listening.getsockname()[1]}/api/v10"
        self.released = threading.Event()
        self._thread = threading.Thread(target=self._serve)
        self._thread.start()

    def close(self):
        """Stop listening, and end what is still going on."""
        self.released.set()
        self._listening.shutdown(socket.SHUT_RDWR)
        self._thread.join()
        self._listening.close()

    def _serve(self):
        while True:
            try:
                connection, _ = self._listening.accept()
            except OSError:
                return
            with connection, contextlib.suppress(OSError):
                self.requests.append(_read_request(connection))
                self._behave(connection)


def _read_request(connection):
    received = b""
    while b"\r\n\r\n" not in received:
        received += _read_some(connection)
    head, _, body = received.partition(b"\r\n\r\n")
    length = int(head.lower().split(b"content-length:")[1].split(b"\r\n")[0])
    while len(body) < length:
        body += _read_some(connection)
    return head + b"\r\n\r\n" + body


def _read_some(connection):
    received = connection.recv(65_536)
    if not received:
        raise ConnectionError("the client has given up before its request was sent")
    return received


@pytest.fixture
def serve(monkeypatch):
    """Start servers, and a webhook on each."""
    with contextlib.ExitStack() as undo:

        def start(behave):
            server = Server(behave)
            undo.callback(server.close)
            monkeypatch.setattr(discord, "DISCORD_API", server.base)
            sink = DiscordSink(URL, Cooldowns())
            undo.callback(sink.close)
            return server, sink

        yield start


ALERT = Alert(text="🚨 down", function="connect", context="", error_type="ConnectionError")


def test_a_request_on_the_wire(serve):
    """What really leaves is a POST to the webhook with UTF-8 JSON in it."""
    server, sink = serve(lambda connection: connection.sendall(OK + b"Content-Length: 2\r\n\r\n{}"))
    assert sink.send([ALERT], again=False) is None
    head, _, body = server.requests[0].partition(b"\r\n\r\n")
    assert head.startswith(b"POST /api/v10/webhooks/1/a-secret?wait=true HTTP/1.1\r\n")
    assert b"\r\naccept-encoding: identity\r\n" in head.lower()
    assert body == '{"content":"🚨 down","allowed_mentions":{"parse":[]}}'.encode()


def test_nothing_of_the_url_reaches_a_log_of_the_wire(serve, caplog):
    """Also the layers below httpx, at their most talkative, do not write the token."""
    caplog.set_level(logging.DEBUG)
    _, sink = serve(lambda connection: connection.sendall(OK + b"Content-Length: 0\r\n\r\n"))
    assert sink.send([ALERT], again=False) is None
    sink.close()
    assert {record.name.partition(".")[0] for record in caplog.records} == {"httpcore"}
    assert "a-secret" not in caplog.text


def test_messages_in_a_row_share_a_connection(serve):
    """A second message goes out on the connection of the first, until it is closed."""
    connections = []

    def behave(connection):
        connections.append(connection)
        connection.sendall(OK + b"Content-Length: 0\r\n\r\n")
        _read_request(connection)
        connection.sendall(OK + b"Content-Length: 0\r\n\r\n")

    _, sink = serve(behave)
    assert [sink.send([ALERT], again=False) for _ in range(2)] == [None, None]
    assert len(connections) == 1


@pytest.mark.parametrize(
    "body",
    [
        b"Content-Encoding: gzip\r\nContent-Length: 8\r\n\r\nnot gzip",
        b"Content-Length: 1000\r\n\r\ncut off",
        b"Transfer-Encoding: chunked\r\n\r\nnonsense\r\n",
        b"Content-Length: 1000\r\n\r\n",
    ],
)
def test_a_broken_body_does_not_undo_a_success(serve, body):
    """Once the status says 200 the alert is delivered, whatever comes after it."""
    _, sink = serve(lambda connection: connection.sendall(OK + body))
    assert sink.send([ALERT], again=False) is None


def test_a_compressed_body_is_not_unpacked(serve, monkeypatch):
    """Nothing compressed was asked for, and a few bytes of it could fill the memory."""
    packed = gzip.compress(b'{"message": "' + b"x" * 1000 + b'"}')
    head = b"HTTP/1.1 404 Not Found\r\nContent-Encoding: gzip\r\nContent-Length: %d\r\n\r\n" % len(packed)
    _, sink = serve(lambda connection: connection.sendall(head + packed))
    undelivered = sink.send([ALERT], again=False)
    assert undelivered is not None
    assert undelivered.problem == "HTTP 404"


@pytest.mark.parametrize("drop", [b"x", b"HTTP/1.1 103 Early Hints\r\n\r\n"])
def test_an_answer_that_never_comes_to_its_end_is_cut_off(serve, monkeypatch, drop):
    """A head that comes byte by byte, and hints without an answer, take as long as a whole exchange may, and no longer."""
    monkeypatch.setattr(discord, "_EXCHANGE_S", 0.01)

    def behave(connection):
        connection.sendall(b"HTTP/1.1 103 Early Hints\r\nX: " if drop == b"x" else drop)
        while not server.released.wait(0.01):
            connection.sendall(drop)

    server, sink = serve(behave)
    undelivered = sink.send([ALERT], again=False)
    assert undelivered is not None
    assert undelivered.problem == "TimeoutError: no whole answer within 0.01 s"
    assert (undelivered.try_again, undelivered.may_have_arrived) == (True, True)


def test_a_body_without_end_is_not_read_to_its_end(serve):
    """A server that sends for ever is cut off."""

    def behave(connection):
        connection.sendall(OK + b"\r\n")
        while True:
            connection.sendall(b"x" * 65_536)

    _, sink = serve(behave)
    assert sink.send([ALERT], again=False) is None


@pytest.mark.parametrize(
    ("answer", "kind"),
    [
        (b"", "RemoteProtocolError"),
        (b"220 smtp.example.com ESMTP\r\n", "RemoteProtocolError"),
        (b"\x00\xff" * 100 + b"\r\n\r\n", "RemoteProtocolError"),
        (b"HTTP/1.1 200 OK\r\nX: " + b"x" * 200_000, "RemoteProtocolError"),
    ],
)
def test_garbage_may_be_tried_again(serve, answer, kind):
    """A connection that is closed or answers what is no HTTP is a lost answer."""
    _, sink = serve(lambda connection: connection.sendall(answer))
    undelivered = sink.send([ALERT], again=False)
    assert undelivered is not None
    assert undelivered.problem.startswith(kind)
    assert (undelivered.try_again, undelivered.may_have_arrived) == (True, True)


def test_a_server_that_never_answers_is_given_up(serve, monkeypatch):
    """A server that takes the request and is silent costs a time-out, not the thread."""
    monkeypatch.setitem(discord._TIMEOUTS_S, "read", 0.01)
    server, sink = serve(lambda _connection: server.released.wait())
    undelivered = sink.send([ALERT], again=False)
    assert undelivered is not None
    assert (undelivered.problem, undelivered.may_have_arrived) == ("ReadTimeout: timed out", True)


def test_a_refused_connection_may_be_tried_again(monkeypatch):
    """Where nobody listens nothing can have arrived."""
    with socket.create_server(("127.0.0.1", 0)) as listening:
        monkeypatch.setattr(discord, "DISCORD_API", f"http://127.0.0.1:{listening.getsockname()[1]}/api/v10")
    sink = DiscordSink(URL, Cooldowns())
    undelivered = sink.send([ALERT], again=False)
    sink.close()
    assert undelivered is not None
    assert undelivered.problem.startswith("ConnectError: ")
    assert (undelivered.try_again, undelivered.may_have_arrived) == (True, False)
