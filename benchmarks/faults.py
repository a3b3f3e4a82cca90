"""What places of faults cost: an idle proxy against a bare relay, and failpoints and functions, armed and not."""

from __future__ import annotations

import asyncio
import contextlib
import socket
import statistics
import threading
import time
from collections.abc import Callable, Iterator

from benchmarks._ratios import interleaved, report
from pytest_resilience import FaultProxy, Faults
from resilience import failpoint

MEGABYTES = 256
CHUNK = 1 << 18
ROUND_TRIPS = 2000
ROUNDS = 5
LEAST_MB_PER_S = 500
MOST_ADDED_US = 150


class Relay(asyncio.Protocol):
    """One end of a relay that does nothing but pass bytes on: what no proxy of asyncio can undercut."""

    def __init__(self, other: Relay | None, upstream: tuple[str, int] | None) -> None:
        self.other, self._upstream = other, upstream
        self.transport: asyncio.Transport | None = None
        self.early: list[bytes] = []

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)
        self.transport = transport
        if self._upstream is not None:
            loop = asyncio.get_running_loop()
            self.other = Relay(self, None)
            self._connecting = loop.create_task(loop.create_connection(lambda: self.other, *self._upstream))
        elif self.other is not None:
            for each in self.other.early:
                transport.write(each)

    def data_received(self, data: bytes) -> None:
        if self.other is None or self.other.transport is None:
            self.early.append(data)
        else:
            self.other.transport.write(data)

    def pause_writing(self) -> None:
        if self.other is not None and self.other.transport is not None:
            self.other.transport.pause_reading()

    def resume_writing(self) -> None:
        if self.other is not None and self.other.transport is not None:
            self.other.transport.resume_reading()

    def connection_lost(self, _error: Exception | None) -> None:
        if self.other is not None and self.other.transport is not None:
            self.other.transport.close()


@contextlib.contextmanager
def relay(upstream: tuple[str, int]) -> Iterator[tuple[str, int]]:
    """Run the bare relay in a thread of its own, as the proxy runs."""
    loop = asyncio.SelectorEventLoop()
    server = loop.run_until_complete(loop.create_server(lambda: Relay(None, upstream), "127.0.0.1", 0))
    thread = threading.Thread(target=loop.run_forever)
    thread.start()
    try:
        yield server.sockets[0].getsockname()
    finally:
        loop.call_soon_threadsafe(loop.stop)
        thread.join()


@contextlib.contextmanager
def serving(serve: Callable[[socket.socket], None]) -> Iterator[tuple[str, int]]:
    """Serve connections one after the other."""
    listener = socket.create_server(("127.0.0.1", 0))

    def accept() -> None:
        with contextlib.suppress(OSError):
            while True:
                connection, _ = listener.accept()
                with connection, contextlib.suppress(OSError):
                    connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
                    serve(connection)

    thread = threading.Thread(target=accept)
    thread.start()
    try:
        yield listener.getsockname()
    finally:
        listener.shutdown(socket.SHUT_RDWR)
        listener.close()
        thread.join()


def flood(connection: socket.socket) -> None:
    data = bytes(CHUNK)
    connection.recv(1)
    for _ in range(MEGABYTES * (1 << 20) // CHUNK):
        connection.sendall(data)


def echo(connection: socket.socket) -> None:
    while data := connection.recv(1 << 16):
        connection.sendall(data)


def megabytes_per_second(address: tuple[str, int]) -> float:
    with socket.create_connection(address) as client:
        client.sendall(b"x")
        started, left = time.perf_counter(), MEGABYTES << 20
        while left:
            left -= len(client.recv(CHUNK))
        return MEGABYTES / (time.perf_counter() - started)


def microseconds(address: tuple[str, int]) -> float:
    """The median of a round trip."""
    taken = []
    with socket.create_connection(address) as client:
        client.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        for _ in range(ROUND_TRIPS):
            started = time.perf_counter_ns()
            client.sendall(b"ping")
            client.recv(64)
            taken.append((time.perf_counter_ns() - started) / 1000)
    return statistics.median(taken)


def compared(serve: Callable[[socket.socket], None], measure: Callable[[tuple[str, int]], float]) -> dict[str, float]:
    """The medians of the server itself, of a bare relay and of the idle proxy, measured in turn."""
    with (
        serving(serve) as direct,
        relay(direct) as relayed,
        FaultProxy(f"{direct[0]}:{direct[1]}") as proxy,
    ):
        ways = {"directly": direct, "bare relay of asyncio": relayed, "idle fault_proxy": (proxy.host, proxy.port)}
        rounds = [{name: measure(address) for name, address in ways.items()} for _ in range(ROUNDS)]
    return {name: statistics.median(each[name] for each in rounds) for name in ways}


def plain(number: int = 1) -> int:
    return number


def function_calls() -> None:
    """The cost of a pass and of a call, unarmed and armed with a script that lets them through."""
    with Faults() as faults:
        unarmed = {
            "an empty function": lambda: None,
            "failpoint, unarmed": lambda: failpoint("Bench.unarmed"),
            "function, unarmed": plain,
        }
        taken = interleaved(unarmed, number=20_000)
        report("a call of what nothing is armed at", taken, base="an empty function")
        failpoint("Bench.armed")  # so that it is known
        faults.inject("Bench.armed", "off")
        armed = faults.inject(plain, "off")
        taken = interleaved(
            {"failpoint, armed": lambda: failpoint("Bench.armed"), "function, armed": plain}, number=200
        )
        report("a call of what a script lets through, kept in its ledger", taken, base="failpoint, armed")
        assert armed.calls


def main() -> None:
    print("\nan idle proxy")
    speed = compared(flood, megabytes_per_second)
    for name, value in speed.items():
        print(f"  {name:<34}{value:>9.0f} MB/s")
    missed = "" if speed["idle fault_proxy"] >= LEAST_MB_PER_S else "  MISSED"
    print(f"  {'target':<34}>= {LEAST_MB_PER_S} MB/s{missed}")
    trips = compared(echo, microseconds)
    for name, value in trips.items():
        print(f"  {name:<34}{value:>9.1f} us for a round trip")
    added = trips["idle fault_proxy"] - trips["directly"]
    missed = "" if added <= MOST_ADDED_US else "  MISSED"
    print(f"  {'added by the proxy':<34}{added:>9.1f} us, <= {MOST_ADDED_US}{missed}")
    function_calls()


if __name__ == "__main__":
    main()
