"""Other people's retries, unchanged, against a failing peer on loopback."""

from __future__ import annotations

import asyncio
import contextlib
import http.server
import logging
import socket
import threading
import time
import urllib.error
import urllib.request

import pytest

FAILURES = 4


class Handler(http.server.BaseHTTPRequestHandler):
    """Answers 503 to the first requests, and notes the virtual time of each."""

    protocol_version = "HTTP/1.1"

    def do_GET(self):
        seen = self.server.seen
        seen.append(time.monotonic() - self.server.began)
        body = b"answer"
        self.send_response(503 if len(seen) <= FAILURES else 200)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_):
        pass


@pytest.fixture
def service(clock):
    """A web service in threads of the clock that is down for the first requests."""
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        server.daemon_threads = True
        server.seen, server.began = [], time.monotonic()
        server.url = "http://127.0.0.1:%d/" % server.server_address[1]
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        yield server
        server.shutdown()
        thread.join()


def get(url):
    try:
        with urllib.request.urlopen(url, timeout=5) as response:
            return response.status
    except urllib.error.HTTPError as error:
        error.close()
        raise


def test_tenacity(clock, service):
    """tenacity waits exponentially, and its deadline counts virtual time."""
    import tenacity

    policy = {"wait": tenacity.wait_exponential(multiplier=10, max=60)}
    assert tenacity.retry(**policy)(get)(service.url) == 200
    assert service.seen == [0, 10, 30, 70, 130]
    assert clock.sleeps == [10, 20, 40, 60]
    service.seen.clear()
    with pytest.raises(tenacity.RetryError):
        tenacity.retry(stop=tenacity.stop_after_delay(25), **policy)(get)(service.url)
    assert clock.sleeps[4:] == [10, 20]


def test_tenacity_async(clock, service):
    """tenacity's asynchronous waits are virtual on asyncio and on trio."""
    import tenacity
    import trio

    @tenacity.retry(wait=tenacity.wait_exponential(multiplier=10, max=60))
    async def fetch():
        return get(service.url)

    assert asyncio.run(fetch()) == 200
    service.seen.clear()
    assert trio.run(fetch) == 200
    assert clock.sleeps == [10, 20, 40, 60] * 2


def test_stamina(clock, service):
    """stamina's waits are what it announces, sync and async."""
    import stamina

    policy = {"wait_initial": 10, "wait_jitter": 0, "wait_max": 100, "timeout": None, "attempts": None}
    logging.getLogger("stamina").setLevel(logging.ERROR)
    assert stamina.retry(on=OSError, **policy)(get)(service.url) == 200
    assert service.seen == [0, 10, 30, 70, 150]

    async def fetch():
        async for attempt in stamina.retry_context(on=OSError, **policy):
            with attempt:
                return get(service.url)

    service.seen.clear()
    assert asyncio.run(fetch()) == 200
    assert clock.sleeps == [10, 20, 40, 80] * 2


def test_backoff(clock, service):
    """backoff's generators are followed exactly, and its `max_time` counts virtual time."""
    import backoff

    assert backoff.on_exception(backoff.fibo, OSError, jitter=None, max_value=100)(get)(service.url) == 200
    assert clock.sleeps == [1, 1, 2, 3]
    service.seen.clear()
    with pytest.raises(OSError, match="503"):
        backoff.on_exception(backoff.constant, OSError, jitter=None, interval=50, max_time=120)(get)(service.url)
    assert clock.sleeps[4:] == [50, 50, 20]


def test_requests_with_the_retry_of_urllib3(clock, service):
    """urllib3 waits twice its factor before the third request, doubling from there."""
    import requests
    from urllib3.util import Retry

    retry = Retry(10, backoff_factor=10, status_forcelist=[503])
    with requests.Session() as session:
        session.mount("http://", requests.adapters.HTTPAdapter(max_retries=retry))
        assert session.get(service.url, timeout=5).status_code == 200
    assert service.seen == [0, 0, 20, 60, 140]
    assert clock.sleeps == [20, 40, 80]


@pytest.mark.parametrize("mode", ["sync", "asyncio"])
def test_httpx_retries(clock, service, mode):
    """httpx-retries waits between requests as its policy says."""
    import httpx
    import httpx_retries as retries

    transport = retries.RetryTransport(retry=retries.Retry(total=10, backoff_factor=10, backoff_jitter=0))

    def fetch():
        with httpx.Client(transport=transport) as client:
            return client.get(service.url).status_code

    async def fetch_async():
        async with httpx.AsyncClient(transport=transport) as client:
            return (await client.get(service.url)).status_code

    assert (fetch() if mode == "sync" else asyncio.run(fetch_async())) == 200
    assert clock.sleeps == [20, 40, 80, 120]
    assert service.seen == [0, 20, 60, 140, 260]
    assert clock.guesses == 0


def test_aiohttp_retry(clock, service):
    """aiohttp-retry's exponential waits are capped where it says."""
    import aiohttp_retry as retry

    options = retry.ExponentialRetry(attempts=10, start_timeout=10, max_timeout=50)

    async def fetch():
        async with retry.RetryClient(retry_options=options) as client, client.get(service.url) as response:
            return response.status

    assert asyncio.run(fetch()) == 200
    assert clock.sleeps == [20, 40, 50, 50]
    assert service.seen == [0, 20, 60, 110, 160]
    assert clock.guesses == 0


@contextlib.contextmanager
def redis_server():
    """A Redis of one command that hangs up on the first connections; the virtual times of all connections."""
    began, seen = time.monotonic(), []
    listener = socket.create_server(("127.0.0.1", 0))

    def serve():
        while True:
            try:
                connection, _ = listener.accept()
            except OSError:
                return
            with connection, connection.makefile("rwb") as file:
                seen.append(time.monotonic() - began)
                if len(seen) <= FAILURES:
                    continue
                while line := file.readline():
                    words = [(file.readline(), file.readline().strip())[1] for _ in range(int(line[1:]))]
                    file.write(b"+PONG\r\n" if words[0] == b"PING" else b"+OK\r\n")
                    file.flush()

    thread = threading.Thread(target=serve)
    thread.start()
    yield listener.getsockname()[1], seen
    listener.shutdown(socket.SHUT_RDWR)
    listener.close()
    thread.join()


def test_redis_reconnects(clock):
    """The Redis client connects again after the waits of its policy."""
    import redis
    from redis.backoff import ExponentialBackoff
    from redis.retry import Retry

    with redis_server() as (port, seen):
        retry = Retry(ExponentialBackoff(cap=60, base=10), 10)
        with redis.Redis(port=port, retry=retry, protocol=2) as client:
            assert client.ping()
    assert clock.sleeps == [20, 40, 60, 60]
    assert seen == [0, 20, 60, 120, 180]
    assert clock.guesses == 0


def test_redis_reconnects_asynchronously(clock):
    """So does the asynchronous one."""
    from redis.asyncio import Redis
    from redis.asyncio.retry import Retry
    from redis.backoff import ExponentialBackoff

    async def ping(port):
        retry = Retry(ExponentialBackoff(cap=60, base=10), 10)
        async with Redis(port=port, retry=retry, protocol=2) as client:
            return await client.ping()

    with redis_server() as (port, seen):
        assert asyncio.run(ping(port))
    assert clock.sleeps == [20, 40, 60, 60]
    assert seen == [0, 20, 60, 120, 180]
    assert clock.guesses == 0
