"""HTTP and TCP places as points: routes and proxies that a test opens, and URLs that it names."""

from __future__ import annotations

import contextlib
import socket
import threading

import httpx
import pytest
import redis

from pytest_resilience import Faults, explore
from resilience.testing import UnknownTargetError


class OutOfOrderError(Exception):
    """An error of the program's own."""


def api(request):
    """A server that httpx asks without a socket."""
    return httpx.Response(200, json={"path": request.url.path})


@contextlib.contextmanager
def shop(**route):
    """A server with one route, and a client of it that waits five seconds for an answer."""
    with Faults() as faults:
        server = faults.server()
        stock = server.route("GET", "/stock", **(route or {"json": {"tea": 3}}))
        with httpx.Client(base_url=server.url, trust_env=False, verify=False) as client:
            yield client, stock


def found(function, **limits):
    """What exploring a function finds, each with its plan; threads of servers are not what is tested here."""
    return [(finding.kind, *finding.plan) for finding in explore(function, schedules=0, **limits).findings]


def test_a_request_that_is_sent_again_although_it_took_effect_is_found():
    """The answer of a route is lost; the script line names the route as it is made."""

    def ordering(*, keyed):
        orders = []

        def take(request):
            key = request.headers.get("idempotency-key")
            if not keyed or key not in orders:
                orders.append(key)
            return {}

        def order(client):
            for left in (1, 0):
                try:
                    return client.get("/stock", headers={"Idempotency-Key": "7"}).raise_for_status()
                except httpx.TransportError:
                    if not left:
                        raise

        with shop(reply=take) as (client, _):
            order(client)
        assert len(orders) == 1

    (finding,) = explore(lambda: ordering(keyed=False), schedules=0).findings

    assert str(finding) == "wrong result: assert 2 == 1"
    assert finding.plan == ("GET /stock, call 1: after reset",)
    assert finding.scripts == ('faults.inject(fault_server.route("GET", "/stock"), "1*after reset")',)
    assert found(lambda: ordering(keyed=True)) == []


def test_what_the_client_makes_of_a_fault_is_right():
    """Errors of httpx, of the system, and those that the program raises when it sees a status or one of these."""

    def raising_for_status():
        with shop() as (client, _):
            client.get("/stock").raise_for_status()

    def looking_at_the_status():
        with shop() as (client, _):
            response = client.get("/stock")
            if response.status_code != 200:
                raise RuntimeError(f"the shop says {response.status_code}")

    def making_its_own():
        with shop() as (client, _):
            try:
                client.get("/stock").raise_for_status()
            except httpx.HTTPError as error:
                raise OutOfOrderError from error

    assert found(raising_for_status) == found(looking_at_the_status) == found(making_its_own) == []


def test_a_status_that_nobody_looks_at_is_found():
    """What an error page does to a program that takes it for its data is no error of the client."""

    def reading():
        with shop() as (client, _):
            return client.get("/stock").json()

    assert found(reading) == [("other error", "GET /stock, call 1: status(503)")]


def test_a_timeout_that_is_swallowed_is_found_where_the_client_has_one():
    """A hang that nobody ends is not a bug of the program."""

    def asking(timeout):
        with shop() as (client, _):
            client.timeout = timeout
            stock = None
            with contextlib.suppress(httpx.TimeoutException):
                stock = client.get("/stock").raise_for_status()
            assert stock is not None

    assert found(lambda: asking(5)) == [("wrong result", "GET /stock, call 1: hang")]
    assert found(lambda: asking(None)) == []


def test_a_program_that_asks_again_for_ever_in_no_time_is_found():
    """One that waits in between is not: the fault ends after some time, as faults do."""

    def stubborn(pause):
        with httpx.Client(transport=httpx.MockTransport(api)) as client:
            while True:
                with contextlib.suppress(httpx.HTTPError):
                    client.get("https://api.example.com/items/3").raise_for_status()
                    return
                threading.Event().wait(pause)

    where = {"points": ["GET https://api.example.com/*"], "budget": 2}
    assert found(lambda: stubborn(0), **where) == [
        ("stuck", "GET https://api.example.com/*, call 1: status(503), and at every call from there on")
    ]
    assert found(lambda: stubborn(10), **where) == []


@contextlib.contextmanager
def answering(answer):
    """A server that says one thing to each client, once that has spoken; its port."""
    with contextlib.closing(socket.create_server(("127.0.0.1", 0))) as listener:

        def serve():
            with contextlib.suppress(OSError):
                while True:
                    with contextlib.closing(listener.accept()[0]) as peer, contextlib.suppress(ConnectionError):
                        while peer.recv(1000):
                            peer.sendall(answer)

        thread = threading.Thread(target=serve)
        thread.start()
        try:
            yield listener.getsockname()[1]
        finally:
            listener.shutdown(socket.SHUT_RDWR)
            thread.join()


def test_a_connection_that_ends_is_found_by_a_raw_socket():
    """A proxy is a point, whose calls are connections."""

    def asking(*, swallows):
        with answering(b"tea") as port, Faults() as faults:
            proxy = faults.proxy(f"127.0.0.1:{port}")
            with socket.create_connection((proxy.host, proxy.port)) as connection:
                answer = b""
                with contextlib.suppress(*([ConnectionError] if swallows else [])):
                    connection.sendall(b"?")
                    answer = connection.recv(1000)
            assert answer == b"tea"

    assert found(lambda: asking(swallows=True)) == [("wrong result", "proxy, call 1: reset")]
    assert found(lambda: asking(swallows=False)) == []


def test_a_connection_that_ends_is_found_by_a_client_of_redis():
    """An address that is named is a point, without a proxy in the test; the client asks again over another one."""

    def counting(*, again):
        with answering(b":1\r\n") as port:
            retries = redis.retry.Retry(redis.backoff.NoBackoff(), 1 if again else 0)
            client = redis.Redis(port=port, retry=retries, driver_info=None, protocol=2)
            with contextlib.closing(client):
                number = None
                with contextlib.suppress(redis.ConnectionError):
                    number = client.incr("visits")
                assert number == 1

    where = {"points": ["tcp://127.0.0.1:*"]}
    assert found(lambda: counting(again=False), **where) == [("wrong result", "tcp://127.0.0.1:*, call 1: reset")]
    assert [plan for kind, *plan in found(lambda: counting(again=True), **where)] == [
        ["tcp://127.0.0.1:*, call 1: reset, and at every call from there on"]
    ]


def test_a_url_that_is_named_is_a_point():
    """Requests of httpx are met in the process, whatever transport there is."""

    def asking(*, checks):
        with httpx.Client(transport=httpx.MockTransport(api), timeout=5) as client:
            response = client.get("https://api.example.com/items/3")
            if checks:
                response.raise_for_status()
            assert response.json()["path"] == "/items/3"

    points = ["GET https://api.example.com/*"]
    assert found(lambda: asking(checks=False), points=points) == [
        ("other error", "GET https://api.example.com/*, call 1: status(503)")
    ]
    assert found(lambda: asking(checks=True), points=points) == []


def test_what_the_test_has_armed_at_a_url_is_asked_first():
    """A call that the test's own script does not decide is a point."""

    def asking():
        with Faults() as faults, httpx.Client(transport=httpx.MockTransport(api), timeout=5) as client:
            faults.inject("GET https://api.example.com/items/*", "1*status(503)")
            assert client.get("https://api.example.com/items/3").status_code == 503
            assert client.get("https://api.example.com/items/3").json()["path"] == "/items/3"

    assert found(asking, points=["GET https://api.example.com/*"]) == [
        ("other error", "GET https://api.example.com/*, call 1: status(503)")
    ]


@pytest.mark.parametrize("point", ["get https://api.example.com", "tcp://database"])
def test_a_url_that_is_none_is_refused(point):
    """Before anything is run."""
    with pytest.raises(UnknownTargetError, match="write"):
        explore(shop, points=[point])


def test_two_servers_have_names_of_their_own():
    """Routes of the same name are told apart, and only those of the first are made as a script line says."""

    def asking():
        with Faults() as faults, httpx.Client(trust_env=False, verify=False, timeout=5) as client:
            one, other = faults.server(), faults.server()
            for server in (one, other):
                server.route("GET", "/stock", json={"tea": 3})
            stocks = [client.get(f"{server.url}/stock").text for server in (one, other)]
        assert stocks == ['{"tea": 3}', '{"tea": 3}']

    exploration = explore(asking, schedules=0, budget=4)

    assert [(finding.plan[0], bool(finding.scripts)) for finding in exploration.findings] == [
        ("GET /stock, call 1: status(503)", True)
    ]
    assert {point for point, _, _ in exploration.fates} == {"GET /stock", "GET /stock (2)"}
