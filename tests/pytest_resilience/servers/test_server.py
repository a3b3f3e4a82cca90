"""The HTTP server: what a healthy one answers, and what each action makes of a request."""

import gc
import http.client
import re
import socket
import threading
from contextlib import closing

import httpx
import pytest
import requests

from pytest_resilience import (
    Faults,
    FaultServer,
    delay,
    garbage,
    hang,
    pause,
    reset,
    status,
    truncate,
)

pytestmark = pytest.mark.filterwarnings("ignore::ResourceWarning")


@pytest.fixture
def server(faults):
    return faults.server()


@pytest.fixture
def client(server):
    with httpx.Client(base_url=server.url, timeout=60) as client:
        yield client


def test_a_healthy_server_answers_what_its_routes_say(server, client):
    """JSON, text, bytes, a status, headers, and functions of the request."""
    server.route("GET", "/items/{id}", json={"ok": True}, headers={"X-From": "stock"})
    server.route("GET", "/text", text="häppy")
    server.route("POST", "/made", status=201)
    server.route(
        "*", "/echo/*", reply=lambda request: (202, [request.method, request.path, request.query, request.json])
    )
    answer = client.get("/items/7")
    assert (answer.status_code, answer.json(), answer.headers["x-from"]) == (200, {"ok": True}, "stock")
    assert client.get("/text").text == "häppy"
    assert (client.post("/made").status_code, client.post("/made").content) == (201, b"")
    echoed = client.put("/echo/a/b%20c?x=1&x=2", json=[1])
    assert (echoed.status_code, echoed.json()) == (202, ["PUT", "/echo/a/b c", {"x": ["1", "2"]}, [1]])


def test_requests_are_recorded(server, client, clock):
    """Each request has what came, when, what was answered and what was done."""
    route = server.route("POST", "/items", json=None)
    clock.advance(3)
    client.post("/items?a=1", content=b"body", headers={"X-Id": "5"})
    (request,) = route.requests
    assert (request.method, request.path, request.query, request.body) == ("POST", "/items", {"a": ["1"]}, b"body")
    assert (request.headers["x-id"], request.headers["X-ID"], request.at) == ("5", "5", 3)
    assert (request.status, request.done) == (200, "off")


def test_the_same_route_again_is_the_same_object(server):
    """What it answers can be changed; its requests and faults stay."""
    route = server.route("GET", "/items", json=1)
    assert server.route("GET", "/items") is route
    assert server.route("GET", "/items", json=2) is route


def test_connections_are_kept_alive(server):
    """Several requests go over one connection, pipelined or not, HEAD and empty answers among them."""
    server.route("*", "/items", text="hello")
    server.route("DELETE", "/items/1", status=204)
    with closing(http.client.HTTPConnection(server.host, server.port, timeout=10)) as connection:
        for method, path, expected in (
            ("GET", "/items", b"hello"),
            ("HEAD", "/items", b""),
            ("DELETE", "/items/1", b""),
        ):
            connection.request(method, path)
            assert connection.getresponse().read() == expected
        used = connection.sock
        connection.request("GET", "/items")
        assert connection.getresponse().read() == b"hello"
        assert connection.sock is used


def test_statuses_then_the_healthy_answer(server, client, faults):
    """The script decides requests; what it does not decide is answered as ever."""
    route = server.route("GET", "/items", json=[1])
    faults.inject(route, "2*status(503)->1*status(429, retry_after=2)->1*status(200, json={'stale': True})->off")
    answers = [client.get("/items") for _ in range(5)]
    assert [each.status_code for each in answers] == [503, 503, 429, 200, 200]
    assert answers[2].headers["retry-after"] == "2"
    assert [answers[3].json(), answers[4].json()] == [{"stale": True}, [1]]
    assert [each.done for each in route.requests][-2:] == ["status(200, json={'stale': True})", "off"]


def test_after_a_status_the_effect_has_happened(server, client, faults):
    """With `after`, the reply is made and another answer is sent."""
    effects = []
    route = server.route("POST", "/charge", reply=lambda request: effects.append(request.body))
    faults.inject(route, status(503).after_effect().times(1).then(status(503).times(1)))
    assert [client.post("/charge", content=each).status_code for each in (b"1", b"2")] == [503, 503]
    assert effects == [b"1"]


@pytest.mark.parametrize("size", ["50%", 5])
def test_truncate_ends_the_body_early(size, server, client, faults):
    """The promised length is unchanged, so every client sees that something is missing."""
    route = server.route("GET", "/items", text="0123456789")
    faults.inject(route, truncate(size).times(1))
    with pytest.raises(httpx.RemoteProtocolError, match="peer closed connection without sending complete message body"):
        client.get("/items")
    assert client.get("/items").text == "0123456789"


def test_garbage_is_no_http(server, client, faults):
    """The client gets bytes that are no answer."""
    faults.inject(server.route("GET", "/items"), garbage().times(1))
    with pytest.raises(httpx.RemoteProtocolError):
        client.get("/items")


def test_reset_before_and_after_the_effect(server, client, faults):
    """The connection ends with RST."""
    effects = []
    route = server.route("POST", "/charge", reply=lambda _: effects.append(1))
    faults.inject(route, reset().times(1).then(reset().after_effect().times(1)))
    for _ in range(2):
        with pytest.raises(httpx.ReadError, match="reset"):
            client.post("/charge")
    assert effects == [1]
    assert [each.status for each in route.requests] == [None, None]


def test_hang_into_the_timeout_of_the_client(server, faults, clock):
    """The answer never comes; the client's own timeout ends the wait, in no real time."""
    faults.inject(server.route("GET", "/items", json=1), hang().times(1))
    with pytest.raises(requests.exceptions.ReadTimeout):
        requests.get(f"{server.url}/items", timeout=30)
    assert clock.elapsed == 30
    assert requests.get(f"{server.url}/items", timeout=30).json() == 1


def test_a_client_hears_at_once_that_its_hang_was_let_go(server, client, faults, clock, caplog):
    """The end of the fault closes the connection, instead of leaving the client to wait, and no task dies unseen."""
    outage = faults.inject(server.route("GET", "/items", json=1), hang())
    timer = threading.Timer(10, outage.disarm)
    timer.start()
    with pytest.raises(httpx.TransportError) as caught:
        client.get("/items")
    timer.join()
    assert not isinstance(caught.value, httpx.TimeoutException)
    assert clock.elapsed == 10
    gc.collect()
    assert caplog.records == []


def test_sleep_answers_later(server, client, faults, clock):
    """The answer comes after a while."""
    faults.inject(server.route("GET", "/items", json=1), delay(10).times(1))
    assert client.get("/items").json() == 1
    assert clock.elapsed == 10


def test_pause_until_the_test_says_so(server, client, faults, clock):
    """A request waits at the route until it is resumed."""
    injection = faults.inject(server.route("GET", "/items", json=1), pause().times(1))
    answers = []
    thread = threading.Thread(target=lambda: answers.append(client.get("/items").json()))
    thread.start()
    injection.wait_reached()
    assert answers == []
    injection.resume()
    thread.join()
    assert answers == [1]


def test_only_requests_that_a_predicate_takes(server, client, faults):
    """`when` gets the request."""
    faults.inject(
        server.route("GET", "/items", json=1), status(503).times(1), when=lambda request: "big" in request.query
    )
    assert client.get("/items").status_code == 200
    assert client.get("/items?big=1").status_code == 503


@pytest.mark.parametrize("reply", [lambda request: request.nonsense, lambda _: object()])
@pytest.mark.parametrize("script", [None, "1*off", "1*after status(503)", "1*truncate(50%)"])
def test_a_reply_with_a_bug_fails_the_test(reply, script):
    """The client gets 500 at once, and the test is told at its end which error was raised, and where."""
    with pytest.raises(pytest.fail.Exception) as caught, Faults() as faults:
        server = faults.server()
        route = server.route("GET", "/items", reply=reply)
        if script is not None:
            faults.inject(route, script)
        assert [httpx.get(f"{server.url}/items").status_code for _ in range(2)] == [500, 500]
    first, problem, hint = str(caught.value).splitlines()
    assert first == "answers of fault_server could not be made, and clients got 500:"
    assert re.fullmatch(r"  GET /items: (AttributeError|TypeError): .+ \(\w+\.py:\d+\)", problem)
    assert (
        hint
        == "What reply= is given takes the request, and returns what JSON can say, a str, bytes, or (status, any of these)."
    )


def test_a_request_that_no_route_takes_fails_the_test():
    """It gets 404, and the test is told at its end what came."""
    with pytest.raises(pytest.fail.Exception) as caught, Faults() as faults:
        server = faults.server()
        assert httpx.get(f"{server.url}/nonsense").status_code == 404
    assert str(caught.value) == (
        "requests came that no route of fault_server takes, and got 404:\n"
        "  GET /nonsense\n"
        "Say what a healthy server answers there: fault_server.route(method, path, json=...)."
    )


@pytest.mark.parametrize(
    ("method", "path", "message"),
    [
        ("get", "/items", "a route's method is in capitals, such as 'GET', or '*' for any; got 'get'"),
        ("GET", "items", "a route's path begins with '/', such as '/items/{id}', and has no query; got 'items'"),
        (
            "GET",
            "/items?x=1",
            "a route's path begins with '/', such as '/items/{id}', and has no query; got '/items?x=1'",
        ),
    ],
)
def test_a_route_that_is_none_is_refused(method, path, message):
    """It says how a route is written."""
    with pytest.raises(ValueError) as caught:  # noqa: PT011  # the whole text is compared
        FaultServer().route(method, path)
    assert str(caught.value) == message


def test_two_bodies_are_refused():
    """A route has one body."""
    with pytest.raises(ValueError, match=r"^a route answers with one of json, text and reply; got json and text$"):
        FaultServer().route("GET", "/", json=1, text="1")


@pytest.mark.parametrize(
    "noise",
    [b"\0" * 100, b"GET / HTTP/1.1\r\nContent-Length: x\r\n\r\n", b"\x16\x03\x01 tls?", b"GET /" + b"a" * 100_000],
)
def test_what_is_no_http_is_answered_so(noise, server, client):
    """Bytes that are no request get 400 or the end of the connection, and the server goes on."""
    server.route("GET", "/items", json=1)
    with closing(socket.create_connection((server.host, server.port), timeout=10)) as connection:
        connection.sendall(noise)
        connection.shutdown(socket.SHUT_WR)
        answer = b""
        while data := connection.recv(65536):
            answer += data
    assert not answer or answer.startswith(b"HTTP/1.1 4")
    assert client.get("/items").json() == 1


@pytest.mark.parametrize("ahead", [b"nonsense\r\n\r\n", b"GET /items HTTP/1.1\r\nno colon\r\n\r\n"])
def test_nonsense_after_a_request_for_the_head_alone_is_answered(ahead, server):
    """What is no HTTP gets 400 with its reason, whatever was asked for on the connection before."""
    server.route("HEAD", "/items")
    with socket.create_connection((server.host, server.port), timeout=60) as client:
        client.sendall(b"HEAD /items HTTP/1.1\r\nHost: x\r\n\r\n" + ahead)
        answers = b"".join(iter(lambda: client.recv(4096), b""))

    healthy, refused, reason = answers.split(b"\r\n\r\n")
    assert healthy.startswith(b"HTTP/1.1 200 ")
    assert refused.startswith(b"HTTP/1.1 400 ")
    assert reason.startswith(b"this is no HTTP/1.1 request: ")


def test_servers_need_open_faults():
    """Outside of the block there is nowhere for a server to end."""
    with pytest.raises(pytest.fail.Exception, match=r"^these faults are not open: use them inside `with Faults\(\)"):
        Faults().server()


def test_a_route_that_is_named_twice_is_asked_once():
    """As a function is, and the fault ends without an error."""
    with Faults() as faults:
        server = faults.server()
        route = server.route("GET", "/items", text="real")
        outage = faults.inject([route, route], "1*status(503)")
        answers = [httpx.get(f"{server.url}/items").status_code for _ in range(2)]
    assert answers == [503, 200]
    assert len(outage.calls) == 2
