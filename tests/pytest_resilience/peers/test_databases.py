"""A real PostgreSQL and a real Redis behind a proxy, with the clients that programs use, and `conn_retry` around them."""

import asyncio
import contextlib

import psycopg
import pytest
import redis
import redis.asyncio
from redis.backoff import ConstantBackoff
from redis.retry import Retry

from resilience import conn_retry

pytestmark = pytest.mark.slow

TIMEOUT = 4  # psycopg looks ten times in each second whether it is over
NO_RETRY = Retry(ConstantBackoff(0), 0)


def url_of(address):
    return f"postgresql://orders@{address}/postgres?sslmode=disable&gssencmode=disable&connect_timeout={TIMEOUT}"


def with_psycopg(address):
    with contextlib.closing(psycopg.connect(url_of(address), autocommit=True)) as connection:
        return connection.execute("SELECT 6 * 7").fetchone()[0]


async def ask_psycopg(address):
    connection = await psycopg.AsyncConnection.connect(url_of(address), autocommit=True)
    try:
        return (await (await connection.execute("SELECT 6 * 7")).fetchone())[0]
    finally:
        await connection.close()


def with_async_psycopg(address):
    return asyncio.run(ask_psycopg(address))


def options(address, retry):
    host, _, port = address.partition(":")
    return {
        "host": host,
        "port": int(port),
        "socket_timeout": TIMEOUT,
        "socket_connect_timeout": TIMEOUT,
        "retry": retry,
    }


def with_redis(address, retry=NO_RETRY):
    with contextlib.closing(redis.Redis(**options(address, retry))) as client:
        client.set("answer", 42)
        return int(client.get("answer"))


async def ask_redis(address):
    client = redis.asyncio.Redis(**options(address, redis.asyncio.retry.Retry(ConstantBackoff(0), 0)))
    try:
        await client.set("answer", 42)
        return int(await client.get("answer"))
    finally:
        await client.aclose()


def with_async_redis(address):
    return asyncio.run(ask_redis(address))


CLIENTS = [with_psycopg, with_async_psycopg, with_redis, with_async_redis]
clients = pytest.mark.parametrize("client", CLIENTS, ids=lambda client: client.__name__)


@pytest.fixture
def clock(postgres, redis_address, clock):
    """A virtual clock that opens when the servers are up."""
    return clock


@pytest.fixture
def address(client, postgres, redis_address):
    return postgres if "psycopg" in client.__name__ else redis_address


@clients
@pytest.mark.parametrize(
    ("direction", "script", "attempts", "client_waits"),
    [
        ("both", "2*refuse->off", 3, 0),
        ("both", "2*reset->off", 3, 0),
        ("downstream", "1*limit(5, reset=True)->off", 2, 0),
        ("downstream", "1*limit(3)->off", 2, 0),
        ("downstream", "1*hang->off", 2, TIMEOUT),
        ("upstream", "1*hang->off", 2, TIMEOUT),
        ("both", "1*garbage->off", 2, 0),
    ],
)
def test_the_answer_comes_after_the_fault(
    direction, script, attempts, client_waits, client, address, faults, retries, clock
):
    """Refused, reset, reset in mid-answer, closed, half-open, garbled: retried, with the waits of the policy between."""
    proxy = faults.proxy(address)
    injection = faults.inject(getattr(proxy, direction), script)

    assert conn_retry("Peer", "ask", max_retry=10)(client)(proxy.address) == 42

    retries.assert_recovered("Peer.ask", attempts=attempts)
    longest = sum(2**n for n in range(1, attempts))
    assert longest / 2 + client_waits <= clock.elapsed < longest + client_waits + 1
    assert injection.exhausted


@clients
def test_a_slow_line_takes_its_time(client, address, faults, clock):
    """Each way takes a second, and nothing fails."""
    proxy = faults.proxy(address)
    faults.inject(proxy, "latency(1)")
    assert client(proxy.address) == 42
    assert clock.elapsed >= 4
    assert proxy.connections[0].sent > 0 < proxy.connections[0].received


@clients
def test_a_partition_heals(client, postgres, redis_address, faults, retries, clock):
    """Both servers are gone at once; when the network is back, calls that have been retried meanwhile get through."""
    proxies = [faults.proxy(postgres), faults.proxy(redis_address)]
    mine = proxies["redis" in client.__name__]
    partition = faults.inject(proxies, "[..1m]refuse->off")
    assert conn_retry("Peer", "ask", max_retry=100)(client)(mine.address) == 42
    assert 60 <= clock.elapsed < 95
    assert partition.fired > 4
    assert retries["Peer.ask"][0].attempts[-1].error is None


def test_redis_py_retries_by_itself(redis_address, faults, clock):
    """The client's own retries see each planned fault, with its own waits between."""
    proxy = faults.proxy(redis_address)
    injection = faults.inject(proxy, "3*reset->off")
    assert with_redis(proxy.address, Retry(ConstantBackoff(2), 5)) == 42
    assert (injection.fired, clock.elapsed) == (3, pytest.approx(6, abs=0.5))


def test_a_transaction_that_is_cut_off_is_not_stored(postgres, faults):
    """A connection that dies before its commit leaves nothing behind; one whose answer is lost has stored."""
    with contextlib.closing(psycopg.connect(url_of(postgres), autocommit=True)) as direct:
        direct.execute("DROP TABLE IF EXISTS charges")
        direct.execute("CREATE TABLE charges (id int)")
        proxy = faults.proxy(postgres)
        for number, place in ((1, proxy.upstream), (2, proxy.downstream)):
            with contextlib.closing(psycopg.connect(url_of(proxy.address))) as connection:
                connection.execute("INSERT INTO charges VALUES (%s)", [number])
                with faults.inject(place, "hang"):
                    worker = _in_a_thread(connection.commit)
                    proxy.connections  # noqa: B018  # what has been sent has reached the proxy then
                    _until(lambda number=number: number == 1 or _stored(direct))
                    proxy.sever()
                    assert isinstance(worker(), psycopg.OperationalError)
        assert _stored(direct) == [2]
        direct.execute("DROP TABLE charges")


def _stored(connection):
    return [row[0] for row in connection.execute("SELECT id FROM charges").fetchall()]


def _until(condition):
    import time

    while not condition():
        time.sleep(0.01)


def _in_a_thread(function):
    import concurrent.futures

    pool = concurrent.futures.ThreadPoolExecutor(1)
    future = pool.submit(function)

    def ended():
        with pool:
            return future.exception(60)

    return ended
