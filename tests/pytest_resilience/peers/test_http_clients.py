"""The HTTP clients that programs use, with their own retries, through a proxy in front of a server."""

import asyncio

import aiohttp
import aiohttp_retry
import httpx
import pytest
import requests
import urllib3
from urllib3.util import Retry

from resilience import create_retry_decorator

pytestmark = pytest.mark.slow

TIMEOUT = 10
ATTEMPTS = 6


def policy():
    return Retry(total=ATTEMPTS - 1, backoff_factor=1, status_forcelist=[503], raise_on_status=False)


def with_urllib3(url):
    with urllib3.PoolManager(retries=policy(), timeout=TIMEOUT) as pool:
        return pool.request("GET", url).data.decode()


def with_requests(url):
    with requests.Session() as session:
        session.mount("http://", requests.adapters.HTTPAdapter(max_retries=policy()))
        return session.get(url, timeout=TIMEOUT).text


def with_aiohttp_retry(url):
    async def get():
        timeout = aiohttp.ClientTimeout(total=None, sock_read=TIMEOUT, sock_connect=TIMEOUT)
        options = aiohttp_retry.ExponentialRetry(
            attempts=ATTEMPTS,
            start_timeout=1,
            statuses={503},
            exceptions={aiohttp.ClientError, TimeoutError},
            evaluate_response_callback=is_whole,
        )
        async with (
            aiohttp.ClientSession(timeout=timeout) as session,
            aiohttp_retry.RetryClient(session, retry_options=options) as client,
            client.get(url) as answer,
        ):
            return await answer.text()

    async def is_whole(answer):
        await answer.read()
        return True

    return asyncio.run(get())


def with_httpx(url):
    @create_retry_decorator(max_attempts=ATTEMPTS)
    def get():
        return httpx.get(url, timeout=TIMEOUT).raise_for_status().text

    return get()


def with_async_httpx(url):
    @create_retry_decorator(max_attempts=ATTEMPTS)
    async def get():
        async with httpx.AsyncClient(timeout=TIMEOUT) as client:
            return (await client.get(url)).raise_for_status().text

    return asyncio.run(get())


def with_aiohttp(url):
    @create_retry_decorator(max_attempts=ATTEMPTS)
    async def get():
        timeout = aiohttp.ClientTimeout(total=TIMEOUT)
        async with aiohttp.ClientSession(timeout=timeout, raise_for_status=True) as session, session.get(url) as answer:
            return await answer.text()

    return asyncio.run(get())


CLIENTS = [with_urllib3, with_requests, with_aiohttp_retry, with_httpx, with_async_httpx, with_aiohttp]
clients = pytest.mark.parametrize("client", CLIENTS, ids=lambda client: client.__name__)


@clients
@pytest.mark.parametrize(
    ("direction", "script", "fired", "client_waits"),
    [
        ("both", "2*refuse->off", 2, 0),
        ("both", "2*reset->off", 2, 0),
        ("downstream", "2*limit(3, reset=True)->off", 2, 0),
        ("downstream", "1*hang->off", 1, TIMEOUT),
        ("upstream", "1*hang->off", 1, TIMEOUT),
        ("both", "2*garbage->off", 2, 0),
    ],
)
def test_the_answer_comes_after_the_fault(direction, script, fired, client_waits, client, faults, clock):
    """Refused, reset in mid-answer, half-open, garbled: each planned fault strikes once, and waits stay in their bounds."""
    server = faults.server()
    server.route("GET", "/items", text="0123456789")
    proxy = faults.proxy(f"{server.host}:{server.port}")
    injection = faults.inject(getattr(proxy, direction), script)

    assert client(f"http://{proxy.address}/items") == "0123456789"

    assert injection.fired == fired
    assert client_waits <= clock.elapsed <= client_waits + 10


@clients
def test_a_slow_line_takes_its_time(client, faults, clock):
    """Each way takes three seconds, and nothing is asked twice."""
    server = faults.server()
    route = server.route("GET", "/items", text="0123456789")
    proxy = faults.proxy(f"{server.host}:{server.port}")
    faults.inject(proxy, "latency(3)")
    assert client(f"http://{proxy.address}/items") == "0123456789"
    assert len(route.requests) == 1
    assert 6 <= clock.elapsed < 10


@clients
def test_a_partition_heals(client, faults, clock):
    """Two servers are gone at once, as far as the client knows; both answer when the network is back."""
    servers = [faults.server(), faults.server()]
    for server in servers:
        server.route("GET", "/items", text="0123456789")
    proxies = [faults.proxy(f"{server.host}:{server.port}") for server in servers]
    partition = faults.inject(proxies, "[..4s]refuse->off")
    for proxy in proxies:
        assert client(f"http://{proxy.address}/items") == "0123456789"
    assert partition.fired >= 2
    assert 4 <= clock.elapsed < 40
