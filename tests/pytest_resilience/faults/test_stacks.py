"""Faults of two blocks, and of two patterns, at one place: the newest of all is asked first, and the older ones after it."""

from __future__ import annotations

import socket

import httpx
import pytest

from pytest_resilience import Faults
from resilience import failpoint


def target():
    return "real"


def passed():
    return failpoint("Stack.passed") or "real"


def requested(url):
    return httpx.get(f"{url}/items").text


def connected(address):
    try:
        with socket.create_connection(address, timeout=60) as client:
            client.sendall(b"GET /items HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n")
            answer = b"".join(iter(lambda: client.recv(4096), b""))
            return answer.partition(b"\r\n\r\n")[2].decode()
    except ConnectionRefusedError:
        return "A"
    except ConnectionResetError:
        return "B"


def at_function(outer, inner):
    return target, target, target


def at_failpoint(outer, inner):
    passed()
    return "Stack.passed", "Stack.passed", passed


def at_route(outer, inner):
    server = outer.server()
    route = server.route("GET", "/items", text="real")
    return route, route, lambda: requested(server.url)


def at_url(outer, inner):
    server = outer.server()
    server.route("GET", "/items", text="real")
    return f"GET {server.url}/items", f"* {server.url}/*", lambda: requested(server.url)


def at_proxy(outer, inner):
    server = outer.server()
    server.route("GET", "/items", text="real")
    proxy = outer.proxy(f"127.0.0.1:{server.port}")
    return proxy, proxy, lambda: connected((proxy.host, proxy.port))


def at_address(outer, inner):
    server = outer.server()
    server.route("GET", "/items", text="real")
    return f"tcp://127.0.0.1:{server.port}", f"tcp://*:{server.port}", lambda: connected((server.host, server.port))


ANSWERS = {
    at_function: "return('{}')",
    at_failpoint: "return('{}')",
    at_route: "status(200, '{}')",
    at_url: "status(200, '{}')",
}
STRIKES = {"A": "refuse", "B": "reset"}


@pytest.mark.parametrize("blocks", [1, 2])
@pytest.mark.parametrize("place", [at_function, at_failpoint, at_route, at_url, at_proxy, at_address])
def test_what_the_newer_fault_does_not_decide_the_older_one_does(place, blocks):
    """Whichever block a fault is of: its terms come first, its `off` is a decision, and the rest goes to the older."""
    with Faults() as outer, Faults() as inner:
        inner = inner if blocks == 2 else outer
        older_place, newer_place, call = place(outer, inner)
        of_a, of_b = (ANSWERS.get(place, STRIKES[each]).format(each) for each in "AB")
        older = outer.inject(older_place, f"2*{of_a}")
        newer = inner.inject(newer_place, f"1*{of_b}->1*off")

        assert [call() for _ in range(5)] == ["B", "real", "A", "A", "real"]
        assert (len(older.calls), len(newer.calls)) == (3, 5)


@pytest.mark.parametrize("place", [at_function, at_failpoint, at_route, at_url, at_proxy, at_address])
def test_the_older_fault_stays_when_the_block_of_the_newer_one_ends(place):
    """What a block inside has armed ends with it, and takes nothing away from the block around it."""
    with Faults() as outer:
        with Faults() as inner:
            older_place, newer_place, call = place(outer, inner)
            of_a, of_b = (ANSWERS.get(place, STRIKES[each]).format(each) for each in "AB")
            outer.inject(older_place, f"1*{of_a}")
            inner.inject(newer_place, f"1*{of_b}")
            assert call() == "B"

        assert [call(), call()] == ["A", "real"]


def test_the_newer_fault_stays_when_the_block_of_the_older_one_ends():
    """Blocks may overlap in any way: a connection is led to where its address is still of an armed place."""
    with Faults() as other:
        older, newer = Faults(), Faults()
        older.__enter__()
        newer.__enter__()
        _, place, call = at_address(other, newer)
        older.inject(place, "1*refuse")
        newer.inject(place, "1*reset->1*refuse")
        assert call() == "B"
        assert call() == "A"
        older.injections[0].disarm()
        with pytest.raises(pytest.fail.Exception, match="never fired"):
            older.__exit__(None, None, None)
        assert call() == "real"
        newer.__exit__(None, None, None)
