"""Plain functions that return what has to be awaited, and is no coroutine: nothing has happened until it was."""

from __future__ import annotations

import asyncio
import copy
import inspect
import types
from collections.abc import Coroutine

import aiohttp
import pytest
import tenacity

from resilience import conn_retry, create_retry_decorator

NO_WAIT = tenacity.wait_none()
connect = conn_retry("Pool", "connect", 5, wait=NO_WAIT)


class Server:
    """Refuses twice, then lets in."""

    def __init__(self):
        self.asked = 0

    async def ask(self):
        """Ask it once."""
        self.asked += 1
        if self.asked < 3:
            raise ConnectionError("refused")
        return "stock"


class Pool:
    """A pool as asyncpg's is: made at once, connected when it is awaited or entered, used afterwards."""

    def __init__(self, server):
        self.server = server
        self.closed = False

    async def _connect(self):
        await self.server.ask()
        return self

    def __await__(self):
        return self._connect().__await__()

    async def __aenter__(self):
        return await self._connect()

    async def __aexit__(self, *_):
        self.closed = True


class Call:
    """A call as those of grpc.aio are: begun at once, and awaited for its result."""

    def __init__(self, server):
        self.task = asyncio.ensure_future(server.ask())

    def __await__(self):
        return self.task.__await__()

    def cancel(self):
        """Break it off."""
        return self.task.cancel()


@types.coroutine
def old_style(server):
    """A coroutine as it was written before ``async def``."""
    return (yield from server.ask().__await__())


AWAITABLES = {
    "future": lambda server: asyncio.ensure_future(server.ask()),
    "task": lambda server: asyncio.create_task(server.ask()),
    "gathered": lambda server: asyncio.gather(server.ask()),
    "call": Call,
    "coroutine of old style": old_style,
    "pool": Pool,
}


@pytest.mark.parametrize("warm", [False, True], ids=["", "again"])
@pytest.mark.parametrize("kind", AWAITABLES)
def test_it_is_retried_until_awaiting_it_succeeds(kind, warm, log):
    """Success is logged only after the awaitable was awaited, and its failures are those of the attempts."""
    server = Server()
    made = connect(lambda asked: AWAITABLES[kind](asked))

    async def main():
        if warm:
            settled = Server()
            settled.asked = 2
            await made(settled)
        pending = made(server)
        assert not any("completed" in text for _, text in log.lines[2 if warm else 0 :])
        return await pending

    result = asyncio.run(main())
    assert server.asked == 3
    assert {"gathered": result == ["stock"], "pool": isinstance(result, Pool)}.get(kind, result == "stock")
    assert [text.partition("] ")[2] for _, text in log.lines[2 if warm else 0 :]] == [
        "connect started...",
        "connect failed: refused. Retrying now...",
        "connect failed: refused. Retrying now...",
        "connect completed successfully.",
    ]


def test_it_gives_up_as_any_call_does(ends):
    """Awaiting a pool that never connects raises the error of its last attempt."""
    server = Server()
    make = create_retry_decorator(2, wait=NO_WAIT)(lambda: Pool(server))

    async def main():
        await make()

    with pytest.raises(ConnectionError) as raised:
        asyncio.run(main())
    assert server.asked == 2
    assert [(end.outcome, end.attempts, end.error) for end in ends] == [("gave_up", 2, raised.value)]


@pytest.mark.parametrize("before", [[], [ConnectionError("not yet")]], ids=["at once", "after a failure"])
def test_a_pool_is_entered_as_it_is_itself(before, log):
    """``async with`` is an attempt, too; the latest pool is left at the end, and answers in between."""
    server = Server()
    pools = []

    @create_retry_decorator(6, wait=NO_WAIT)
    def make():
        for error in before:
            before.remove(error)
            raise error
        pools.append(Pool(server))
        return pools[-1]

    async def main():
        pending = make()
        async with pending as pool:
            assert pool is pools[-1]
            assert not pool.closed
            assert pending.server is server

    asyncio.run(main())
    assert server.asked == 3
    assert [pool.closed for pool in pools] == [False, False, True]
    assert log.texts("ERROR") == []


def test_a_pool_may_be_used_after_it_was_awaited():
    """What is kept and not unpacked answers as the pool itself, and may be awaited and entered once more."""
    server = Server()
    make = create_retry_decorator(6, wait=NO_WAIT)(lambda: Pool(server))

    async def main():
        pool = make()
        await pool
        assert pool.closed is False
        await pool
        async with pool:
            pass
        assert pool.closed is True
        with pytest.raises(AttributeError, match="'Pool' object has no attribute 'acquire'"):
            pool.acquire  # noqa: B018

    asyncio.run(main())
    assert server.asked == 5


def test_a_future_can_t_be_entered():
    """What is no context manager says so, once, instead of being retried."""

    @create_retry_decorator()
    def make():
        return asyncio.ensure_future(Server().ask())

    async def main():
        pending = make()
        with pytest.raises(TypeError) as refused:
            async with pending:
                pass
        assert str(refused.value) == (
            "'Task' object does not support the asynchronous context manager protocol: write await, not async with"
        )
        pending.cancel()

    asyncio.run(main())


def test_a_request_of_aiohttp_is_retried(log):
    """``session.get(...)`` from a plain function is entered, and asked again while there is nobody to answer."""
    refused = 0

    async def serve(reader, writer):
        nonlocal refused
        await reader.readuntil(b"\r\n\r\n")
        if refused < 2:
            refused += 1
        else:
            writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\nConnection: close\r\n\r\nstock")
        writer.close()

    async def main():
        server = await asyncio.start_server(serve, "127.0.0.1", 0)
        url = f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}/"
        async with server, aiohttp.ClientSession() as session:

            @create_retry_decorator(5, retry_on=aiohttp.ClientError, wait=NO_WAIT)
            def get():
                return session.post(url)

            async with get() as response:
                return str(await response.text())

    assert asyncio.run(main()) == "stock"
    assert len(log.texts("WARNING")) == 2


def test_a_result_of_an_async_function_is_its_own_affair():
    """What an async function returns is its result, also a pool that could be awaited once more."""
    server = Server()
    pool = Pool(server)

    @create_retry_decorator()
    async def make():
        return pool

    assert asyncio.run(make()) is pool
    assert server.asked == 0


def test_a_timeout_binds_it(virtual_clock, ends):
    """An awaitable that hangs is cut off at the deadline of the call."""

    @create_retry_decorator(timeout=5.0)
    def make():
        return asyncio.ensure_future(asyncio.sleep(3600))

    async def main():
        await make()

    with pytest.raises(TimeoutError):
        asyncio.run(main())
    assert [(end.reason, end.attempts) for end in ends] == [("deadline", 1)]
    assert virtual_clock.elapsed == 5.0


def generating():
    """Yield."""
    yield 1


async def generating_async():
    """Yield."""
    yield 1


@pytest.mark.parametrize(
    "make", [generating, generating_async, lambda: (n for n in [1])], ids=["", "async", "expression"]
)
@pytest.mark.parametrize("direct", [True, False])
def test_a_generator_is_refused_when_it_is_returned(make, direct, log, ends):
    """Its body has not run: that is no success, and trying again would change nothing."""
    calls = 0

    def fetch():
        nonlocal calls
        calls += 1
        return 0 if calls == 1 else make()

    retried = create_retry_decorator()(fetch)
    if direct:
        retried()
    else:
        calls = 1
    with pytest.raises(TypeError) as refused:
        retried()
    assert str(refused.value) == (
        "'fetch' returned a generator, whose body has not begun to run, so no failure of it would ever be retried: "
        "return a list, or decorate a function that fetches an item"
    )
    assert calls == 2
    assert [level for level, _ in log.lines] == ["ERROR"]


def test_a_generator_that_has_begun_is_a_result():
    """Whoever has fetched the first item has run its body."""

    @create_retry_decorator()
    def fetch():
        items = generating()
        next(items)
        return items

    assert list(fetch()) == []


def test_a_pending_call_can_be_looked_at():
    """It is awaitable, no coroutine, and neither copying nor looking at it awaits it."""
    server = Server()
    pending = create_retry_decorator()(lambda: Pool(server))()
    assert inspect.isawaitable(pending)
    assert not isinstance(pending, Coroutine)
    with pytest.raises(AttributeError):
        pending.__nothing__  # noqa: B018  # the look is the point
    assert copy.copy(pending).server is server
    assert server.asked == 0
