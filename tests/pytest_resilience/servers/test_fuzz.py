"""Any bytes, in any pieces, ended in any way: the server and the proxy answer or close, and serve the next client."""

import socket
import struct

import httpx
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from pytest_resilience import Faults

HTTP = [
    b"GET /items HTTP/1.1\r\n",
    b"Host: x\r\n",
    b"\r\n",
    b"Content-Length: 5\r\n",
    b"Transfer-Encoding: chunked\r\n",
]
HTTP += [
    b"Expect: 100-continue\r\n",
    b"POST /items HTTP/1.0\r\n",
    b"5\r\nhello\r\n",
    b"0\r\n\r\n",
    b"Connection: close\r\n",
]
pieces = st.lists(st.one_of(st.sampled_from(HTTP), st.binary(max_size=300)), max_size=12)
ends = st.sampled_from(["shut", "close", "reset"])
bounded = settings(max_examples=30, suppress_health_check=[HealthCheck.function_scoped_fixture])
SCRIPTS = [
    *("off", "hang", "reset", "refuse", "garbage", "latency(1ms, jitter=1ms)", "bandwidth(100KB)", "slice(3)"),
    *(
        "limit(7)",
        "limit(7, reset=True)",
        "corrupt(3)",
        "slow_close(1ms)",
        "after reset",
        "50%reset->off",
        "2*limit(1)->off",
    ),
]


@pytest.fixture
def faults():
    with Faults() as faults:
        yield faults


def send(address, chunks, end):
    """Send chunks, end as said, and return what came back until the other side had ended as well."""
    received = b""
    try:
        with socket.create_connection(address, timeout=60) as client:
            for chunk in chunks:
                client.sendall(chunk)
            if end == "reset":
                client.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
            if end == "shut":
                client.shutdown(socket.SHUT_WR)
                while data := client.recv(65536):
                    received += data
    except TimeoutError:
        raise
    except OSError:  # refused, reset, or not connected any more
        pass
    return received


def test_any_bytes_are_answered_or_refused_by_the_server(faults):
    """What is no HTTP gets 400 or the end of the connection, what is gets its answer, and the server goes on."""
    server = faults.server()
    server.route("*", "/items", text="healthy")

    @bounded
    @given(pieces, ends)
    def check(chunks, end):
        received = send((server.host, server.port), chunks, end)
        assert not received or received.startswith(b"HTTP/1.1 ")

    check()
    server.unexpected.clear()
    assert httpx.get(f"{server.url}/items", trust_env=False).text == "healthy"


@pytest.mark.slow
def test_any_bytes_pass_the_proxy_under_any_script(echo, faults):
    """Whatever the script does to them, both ends learn that the connection is over, and the next one is served."""
    proxy = faults.proxy(echo)
    address = proxy.host, proxy.port

    @bounded
    @given(pieces, ends, st.sampled_from(SCRIPTS), st.sampled_from(["both", "upstream", "downstream"]))
    def check(chunks, end, script, direction):
        injection = faults.inject(getattr(proxy, direction), script, strict=False)
        with injection:
            send(address, chunks, "close" if script == "hang" else end)
        sent = b"".join(chunks)
        assert send(address, [sent], "shut") == sent

    check()
    assert all(each.end != "open" for each in proxy.connections)
