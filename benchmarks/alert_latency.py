"""What an alert costs the call that raises it, while Discord is well, slow, hanging, down, or answers garbage.

Every call fails once, alerts (each with a signature of its own, the storm cap out of the way), and succeeds at its
second attempt, without a wait between. The same calls without a webhook are the baseline, and rounds alternate. The lag
of the event loop is how late a timer of 1 ms fires while calls on the same loop alert.

    python benchmarks/alert_latency.py
"""

from __future__ import annotations

import asyncio
import itertools
import logging
import socket
import statistics
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress

import tenacity

from resilience import conn_retry
from resilience._alerts import system
from resilience._alerts.discord import client as discord
from resilience._config import configured

CALLS = 300
ROUNDS = 5
PAUSE_S = 0.002
OK = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n{}"

Behaviour = Callable[[socket.socket], None]

stopped = threading.Event()
unique = itertools.count()


def well(connection: socket.socket) -> None:
    """Answer at once."""
    connection.sendall(OK)


def slow(connection: socket.socket) -> None:
    """Answer after a second."""
    stopped.wait(1)
    connection.sendall(OK)


def hanging(_connection: socket.socket) -> None:
    """Never answer."""
    stopped.wait()


def garbage(connection: socket.socket) -> None:
    """Answer what is no HTTP."""
    connection.sendall(b"\x00\xff" * 1000)


@contextmanager
def serving(behave: Behaviour | None) -> Iterator[str]:
    """Run a server that behaves so, and yield its base URL; without a behaviour, nobody listens there."""
    listening = socket.create_server(("127.0.0.1", 0), backlog=128)
    base = f"http://127.0.0.1:{listening.getsockname()[1]}"

    def handle(behave: Behaviour, connection: socket.socket) -> None:
        with connection, suppress(OSError):
            while connection.recv(65_536):
                behave(connection)

    def accept(behave: Behaviour) -> None:
        with suppress(OSError):
            while True:
                threading.Thread(target=handle, args=(behave, listening.accept()[0]), daemon=True).start()

    stopped.clear()
    if behave is None:
        listening.close()
    else:
        threading.Thread(target=accept, args=(behave,), daemon=True).start()
    try:
        yield base
    finally:
        stopped.set()
        with suppress(OSError):
            listening.shutdown(socket.SHUT_RDWR)
        listening.close()


def make_call() -> Callable[[], None]:
    """Return a call that fails once, with a message that was never seen before."""
    attempts = itertools.count()
    message = f"failure {next(unique)}"

    @conn_retry("Redis", "connect", max_retry=3, alert_threshold=1, wait=tenacity.wait_none())
    def connect() -> None:
        if next(attempts) == 0:
            raise ConnectionError(message)

    return connect


def call_times() -> tuple[list[float], list[float]]:
    """Return how long each call took, by the clock on the wall and by that of the processor, in milliseconds."""
    wall, processor = [], []
    for call in [make_call() for _ in range(CALLS)]:
        time.sleep(PAUSE_S)
        begun = time.perf_counter(), time.thread_time()
        call()
        wall.append((time.perf_counter() - begun[0]) * 1000)
        processor.append((time.thread_time() - begun[1]) * 1000)
    return wall, processor


async def loop_lags() -> list[float]:
    """Return how late each timer of 1 ms fired, in milliseconds, while calls on the loop fail and alert."""
    lags: list[float] = []

    async def tick() -> None:
        while True:
            begun = time.perf_counter()
            await asyncio.sleep(0.001)
            lags.append((time.perf_counter() - begun) * 1000 - 1)

    ticking = asyncio.create_task(tick())
    for call in [make_call() for _ in range(CALLS)]:
        await asyncio.sleep(PAUSE_S)
        call()
    ticking.cancel()
    return lags


def percentile(values: list[float], percent: int) -> float:
    """Return a percentile."""
    return statistics.quantiles(values, n=100, method="inclusive")[percent - 1]


def measure(base: str | None) -> tuple[list[float], list[float], list[float]]:
    """Return the call times and loop lags of one round, with a webhook at the given base or without one."""
    vars(discord)["DISCORD_API"] = base or ""
    url = f"https://discord.com/api/webhooks/{next(unique) + 1}/token" if base else None
    with configured(discord_webhook_url=url, max_alerts_per_minute=10**9):
        measured = *call_times(), asyncio.run(loop_lags())
    system.current().dispatcher.stop(0)
    return measured


def main() -> None:
    """Print a table."""
    logging.disable(logging.CRITICAL)
    api = vars(discord)["DISCORD_API"]
    columns = ("call, wall clock", "call, processor", "lag of the loop")
    print(f"{'milliseconds':<14}" + "".join(f"{each:^28}" for each in columns))
    print(f"{'Discord is':<14}" + f"{'p50 added':>10}{'p99 added':>10}{'max':>8}" * len(columns))
    try:
        for name, behave in {"well": well, "slow": slow, "hanging": hanging, "down": None, "garbage": garbage}.items():
            without: tuple[list[float], ...] = ([], [], [])
            alerting: tuple[list[float], ...] = ([], [], [])
            for _ in range(ROUNDS):
                for kept, new in zip(without, measure(None), strict=True):
                    kept += new
                with serving(behave) as base:
                    for kept, new in zip(alerting, measure(base), strict=True):
                        kept += new
            print(f"{name:<14}" + "".join(_cells(*each) for each in zip(without, alerting, strict=True)))
    finally:
        vars(discord)["DISCORD_API"] = api
        logging.disable(logging.NOTSET)


def _cells(without: list[float], alerting: list[float]) -> str:
    p50, p99 = (percentile(alerting, each) - percentile(without, each) for each in (50, 99))
    return f"{p50:>10.3f}{p99:>10.3f}{max(alerting):>8.2f}"


if __name__ == "__main__":
    main()
