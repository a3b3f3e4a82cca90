"""What each action does to the connections of a proxy, to the byte and to the instant of virtual time."""

import asyncio
import errno
import socket
import threading
import time
from contextlib import closing

import pytest

from pytest_resilience import (
    FaultProxy,
    bandwidth,
    corrupt,
    garbage,
    hang,
    latency,
    limit,
    passthrough,
    refuse,
    reset,
    slices,
    slow_close,
)
from pytest_resilience._servers.connection import Connection
from pytest_resilience._servers.effects import Hang


@pytest.fixture
def proxy(faults, echo):
    return faults.proxy(echo)


def connect(proxy, timeout=1000):
    return closing(socket.create_connection((proxy.host, proxy.port), timeout=timeout))


def exchange(connection, data=b"hello"):
    """Send data and return what comes back, to as many bytes; fewer where the connection ends."""
    connection.sendall(data)
    received = b""
    while len(received) < len(data) and (more := connection.recv(65536)):
        received += more
    return received


def test_an_idle_proxy_passes_everything_on(proxy, clock):
    """Bytes and the ends of both directions go through, and are counted."""
    with connect(proxy) as connection:
        data = bytes(range(256)) * 4096
        assert exchange_in_thread(connection, data) == data
        connection.shutdown(socket.SHUT_WR)
        assert connection.recv(1) == b""
    (record,) = proxy.connections
    assert (record.sent, record.received, record.end) == (len(data), len(data), "client")
    assert clock.elapsed == 0


def exchange_in_thread(connection, data):
    sender = threading.Thread(target=connection.sendall, args=(data,))
    sender.start()
    received = bytearray()
    while len(received) < len(data):
        received += connection.recv(65536)
    sender.join()
    return bytes(received)


def test_latency_holds_each_direction_of_the_place(proxy, faults, clock):
    """Both directions of a proxy take the latency, one direction once."""
    with connect(proxy) as connection:
        with faults.inject(proxy, latency(1.5)):
            assert exchange(connection) == b"hello"
            assert clock.elapsed == 3
        with faults.inject(proxy.downstream, latency("250ms")):
            assert exchange(connection) == b"hello"
            assert clock.elapsed == 3.25
        assert exchange(connection) == b"hello"
        assert clock.elapsed == 3.25


def test_latency_keeps_order_and_throughput(proxy, faults, clock):
    """Chunks that leave one after the other arrive so, each as much later: their delays do not add up."""
    faults.inject(proxy.upstream, latency(10, jitter=5))
    with connect(proxy) as connection:
        for number in range(10):
            connection.sendall(bytes([number]))
            time.sleep(1)
        received = b""
        while len(received) < 10:
            received += connection.recv(100)
        assert received == bytes(range(10))
        assert 9 + 5 <= clock.elapsed <= 9 + 15


def test_bandwidth_takes_its_time(proxy, faults, clock):
    """So many bytes a second pass each direction, the second of which works while the first one does."""
    faults.inject(proxy.upstream, bandwidth("1KB"))
    with connect(proxy) as connection:
        assert exchange(connection, bytes(3000)) == bytes(3000)
        assert clock.elapsed == pytest.approx(3)


def test_slices_arrive_one_by_one(proxy, faults, clock):
    """Each piece arrives by itself, a pause apart."""
    faults.inject(proxy.downstream, slices(2, pause=1))
    with connect(proxy) as connection:
        connection.sendall(b"abcdef")
        assert [connection.recv(100) for _ in range(3)] == [b"ab", b"cd", b"ef"]
        assert clock.elapsed == 2


def test_slices_without_a_pause_arrive_one_by_one(proxy, faults, clock):
    """Without a pause they take no time worth speaking of."""
    faults.inject(proxy.downstream, slices(1))
    with connect(proxy) as connection:
        connection.sendall(b"abc")
        assert [connection.recv(100) for _ in range(3)] == [b"a", b"b", b"c"]
        assert clock.elapsed < 0.001


def test_hang_is_a_half_open_peer(proxy, faults, clock):
    """Nothing comes until the client gives up; what was held back flows on when the fault ends."""
    with connect(proxy, timeout=30) as connection:
        with faults.inject(proxy, hang()):
            connection.sendall(b"held")
            with pytest.raises(TimeoutError):
                connection.recv(10)
            assert clock.elapsed == 30
        assert connection.recv(10) == b"held"


def test_reset_tears_down_live_connections_and_new_ones(proxy, faults):
    """Both get RST: a live one as it waits for an answer, a new one at its first use."""
    with connect(proxy) as live:
        assert exchange(live) == b"hello"
        faults.inject(proxy, reset())
        with pytest.raises(ConnectionResetError):
            live.recv(1)
        with connect(proxy) as new, pytest.raises(ConnectionResetError):
            new.recv(1)
    assert [record.end for record in proxy.connections] == ["reset", "reset"]


def test_a_counted_script_decides_connections(proxy, faults):
    """Two are refused, the third is reset, the fourth goes through, each for its whole life."""
    injection = faults.inject(proxy, "2*refuse->1*reset->off")
    for _ in range(2):
        with pytest.raises(ConnectionRefusedError) as caught:
            socket.create_connection((proxy.host, proxy.port))
        assert caught.value.errno == errno.ECONNREFUSED
    with connect(proxy) as third, pytest.raises(ConnectionResetError):
        third.recv(1)
    with connect(proxy) as fourth:
        assert exchange(fourth) == b"hello"
        assert exchange(fourth) == b"hello"
    assert [each.done for each in injection.calls] == ["refuse", "refuse", "reset", "off"]
    assert [record.end for record in proxy.connections] == ["refused", "refused", "reset", "client"]


def test_an_endless_refuse_closes_the_port(proxy, faults, echo):
    """Connecting is refused by the kernel itself, for any client, and works again when the fault ends."""
    with faults.inject(proxy, refuse()), pytest.raises(ConnectionRefusedError):
        connect(proxy)
    with connect(proxy) as connection:
        assert exchange(connection) == b"hello"


def test_after_reset_loses_the_answer(proxy, faults):
    """The server gets the request; its answer is lost."""
    faults.inject(proxy, reset().after_effect().times(1))
    with connect(proxy) as connection, pytest.raises(ConnectionResetError):
        exchange(connection)
    (record,) = proxy.connections
    assert (record.sent, record.received) == (5, 0)


def test_limit_ends_after_so_many_bytes(proxy, faults):
    """With FIN, or with RST; the bytes up to the limit arrive."""
    faults.inject(proxy.downstream, limit(3).times(1).then(limit(3, reset=True).times(1)))
    with connect(proxy) as first:
        assert exchange(first) == b"hel"
        assert first.recv(10) == b""
    with connect(proxy) as second:
        second.sendall(b"hello")
        received = b""
        with pytest.raises(ConnectionResetError):
            while more := second.recv(1):
                received += more
    assert received in {b"", b"hel"}  # an RST may overtake what the client has not read
    assert [record.end for record in proxy.connections] == ["limit", "limit"]


def test_corrupt_flips_one_bit(proxy, faults):
    """One bit of one byte differs, counted from the beginning of the direction."""
    faults.inject(proxy.downstream, corrupt(7).times(1))
    with connect(proxy) as connection:
        assert exchange(connection, b"01234") == b"01234"
        assert exchange(connection, b"56789") == b"56689"
        assert exchange(connection, b"01234") == b"01234"


def test_slow_close_passes_the_end_on_later(proxy, faults, clock):
    """Bytes are not held back; the end of the stream is."""
    faults.inject(proxy.upstream, slow_close(5))
    with connect(proxy) as connection:
        assert exchange(connection) == b"hello"
        connection.shutdown(socket.SHUT_WR)
        assert connection.recv(1) == b""
        assert clock.elapsed == 5


def test_garbage_is_the_same_for_the_same_seed(proxy, faults):
    """The client gets bytes that are no protocol, then the end."""
    faults.inject(proxy, garbage())
    with connect(proxy) as connection:
        connection.sendall(b"hello")
        received = b""
        while more := connection.recv(100):
            received += more
    assert len(received) == 64
    assert proxy.connections[0].end == "garbage"


def test_injections_at_a_proxy_stack(proxy, faults, clock):
    """The newest is asked first; when it ends, what was armed before has its effect again, also on live connections."""
    faults.inject(proxy.upstream, latency(1))
    with connect(proxy) as connection:
        with faults.inject(proxy.upstream, passthrough()):
            exchange(connection)
            assert clock.elapsed == 0
        exchange(connection)
        assert clock.elapsed == 1


def test_sever_resets_what_lives(proxy):
    """Live connections are reset, and new ones are served."""
    with connect(proxy) as live:
        exchange(live)
        proxy.sever()
        with pytest.raises(ConnectionResetError):
            live.recv(1)
    with connect(proxy) as new:
        assert exchange(new) == b"hello"


def test_a_proxy_of_nobody_refuses(faults):
    """An upstream of None is a server that is not there."""
    proxy = faults.proxy(None)
    with pytest.raises(ConnectionRefusedError):
        socket.create_connection((proxy.host, proxy.port))


def test_a_server_that_is_gone_is_an_rst(faults, clock):
    """Where the upstream refuses, the client's connection is reset."""
    with socket.socket() as reserved:
        reserved.bind(("127.0.0.1", 0))
        proxy = faults.proxy(f"127.0.0.1:{reserved.getsockname()[1]}")
        with connect(proxy) as connection, pytest.raises(ConnectionResetError):
            connection.recv(1)
    assert proxy.connections[0].end == "refused"


def test_a_fault_that_answers_nothing_of_the_server_needs_none(faults, clock):
    """Where the upstream refuses, `hang` holds the connection until it ends, and `garbage` is answered."""
    with socket.socket() as reserved:
        reserved.bind(("127.0.0.1", 0))
        proxy = faults.proxy(f"127.0.0.1:{reserved.getsockname()[1]}")
        with faults.inject(proxy, hang()), connect(proxy, timeout=30) as connection:
            connection.sendall(b"held")
            with pytest.raises(TimeoutError):
                connection.recv(1)
            assert clock.elapsed == 30
            hung = proxy.connections[0]
        assert hung.end == "refused"
        with faults.inject(proxy.downstream, garbage()), connect(proxy) as connection:
            connection.sendall(b"hello")
            assert connection.recv(1000)
    assert [each.end for each in proxy.connections] == ["refused", "garbage"]


def test_a_unix_socket_as_upstream(faults, clock, tmp_path):
    """The path of a UNIX domain socket is a server, too."""
    path = str(tmp_path / "server")
    with socket.socket(socket.AF_UNIX) as listener:
        listener.bind(path)
        listener.listen()
        proxy = faults.proxy(path)
        with connect(proxy) as client:
            served, _ = listener.accept()
            with served:
                client.sendall(b"hello")
                assert served.recv(10) == b"hello"


@pytest.mark.parametrize("upstream", ["db.local", ":5432", "db:port", "db:0", "db:70000", "", 5432, ("db", 5432)])
def test_an_upstream_that_is_none_is_refused(upstream):
    """It says what an upstream is."""
    with pytest.raises(
        (TypeError, ValueError), match=r"^the upstream of a proxy is 'host:port', the absolute path of a UNIX"
    ):
        FaultProxy(upstream)


def test_several_proxies_form_a_partition(faults, echo):
    """One injection at several proxies takes them all away, with one ledger."""
    proxies = [faults.proxy(echo) for _ in range(3)]
    connections = [socket.create_connection((proxy.host, proxy.port), timeout=10) for proxy in proxies]
    try:
        with faults.inject(proxies, hang()) as partition:
            for connection in connections:
                connection.sendall(b"lost?")
                with pytest.raises(TimeoutError):
                    connection.recv(10)
            assert len(partition.calls) == 3
        assert [connection.recv(10) for connection in connections] == [b"lost?"] * 3
    finally:
        for connection in connections:
            connection.close()


def test_a_tcp_place_cannot_do_what_functions_do(faults, proxy):
    """An action for functions is refused, with what a connection can do."""
    with pytest.raises(
        pytest.fail.Exception, match=r"is a TCP place, which can't do raise\(OSError\): it can do off, "
    ):
        faults.inject(proxy, "1*raise(OSError)", strict=False)
    faults._objections.texts.clear()


def test_every_address_of_a_name_is_tried(echo, faults, monkeypatch):
    """A name that leads to nobody first and to the server then, as localhost does over IPv6 and IPv4, is reached."""
    host, _, port = echo.rpartition(":")
    real = socket.getaddrinfo

    def both(name, *args, **kwargs):
        if name != "database.internal":
            return real(name, *args, **kwargs)
        found = real(host, int(port), type=socket.SOCK_STREAM)
        family, kind, protocol, canonical, _ = found[0]
        return [(family, kind, protocol, canonical, ("127.0.0.1", 1)), *found]

    monkeypatch.setattr(socket, "getaddrinfo", both)
    proxy = faults.proxy(f"database.internal:{port}")
    with socket.create_connection((proxy.host, proxy.port), timeout=60) as connection:
        connection.sendall(b"x")
        assert connection.recv(1) == b"x"


def test_what_is_let_go_at_a_client_that_is_gone_is_no_matter_for_the_log(caplog):
    """Held pieces for a connection that has been reset meanwhile are dropped, and asyncio has nothing to warn of."""
    pair = socket.socketpair()

    async def release():
        gone = Connection(0.0, ["place"], lambda _: None)
        transport, _ = await asyncio.get_running_loop().create_connection(lambda: gone.client, sock=pair[0])
        link = gone.link("downstream")
        link.set_effect("place", Hang())
        for _ in range(20):
            link.feed(b"piece")
        pair[1].close()
        link.set_effect("place", None)
        transport.abort()
        await asyncio.sleep(0)
        return gone.received

    with asyncio.Runner(loop_factory=asyncio.SelectorEventLoop) as runner:
        assert runner.run(release()) <= len(b"piece")
    assert caplog.records == []
