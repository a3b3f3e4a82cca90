"""What a test leaves over is ended and named when it is over: calls, connections, processes, servers, faults."""

from __future__ import annotations

import contextlib
import os
import socket
import subprocess
import sys
import threading
import time
from pathlib import Path

import httpx
import pytest

import resilience
from pytest_resilience import Faults, LeftoverWarning, Retries, VirtualClock
from tests.forked import run_forked

HOUSE = str(Path(str(resilience.__file__)).parent.parent)


@pytest.mark.parametrize("script", ["1*hang", "1*pause"])
def test_calls_that_are_still_held_at_the_end_are_ended_and_named(script, app, clock):
    """A thread that waits when the test is over ends, and a warning says which fault held it."""
    ends = []

    def run():
        try:
            app.plain()
        except BaseException as error:
            ends.append(type(error).__name__)

    faults = Faults()
    thread = threading.Thread(target=run, name="the worker")
    with pytest.warns(LeftoverWarning) as warned, faults:
        injection = faults.inject("target_app:plain", script)
        thread.start()
        injection.wait_reached()
    thread.join()
    assert ends == ["ReleasedError"]
    assert [str(each.message) for each in warned] == [
        "calls were still held by a fault when the test was over, and were ended then:\n"
        "  target_app:plain: the worker\n"
        "Let them go before: injection.resume() ends a pause, and injection.disarm() ends a hang."
    ]


@pytest.mark.parametrize("time", ["real", "virtual"])
def test_connections_that_are_still_open_at_the_end_are_ended_and_named(time, request):
    """A client that keeps connections to a server, a proxy or an address loses them, and a warning counts them."""
    if time == "virtual":
        request.getfixturevalue("clock")
    with pytest.warns(LeftoverWarning) as warned, Faults() as faults, contextlib.ExitStack() as clients:
        server, other = faults.server(), faults.server()
        proxy = faults.proxy(f"127.0.0.1:{other.port}")
        faults.inject(proxy, "2*off")
        faults.inject(f"tcp://127.0.0.1:{other.port}", "1*off")
        server.route("GET", "/items", json=[])
        clients.enter_context(httpx.Client()).get(f"{server.url}/items")
        addresses = [(proxy.host, proxy.port)] * 2 + [("127.0.0.1", other.port)]
        sockets = [clients.enter_context(socket.create_connection(each)) for each in addresses]
        kept = clients.pop_all()
    for each in sockets:
        with contextlib.suppress(ConnectionResetError):
            assert each.recv(1) == b""
    kept.close()
    assert [str(each.message) for each in warned] == [
        "connections were still open when the test was over, and were ended then:\n"
        f"  <FaultServer at {server.url}>: 1 connection\n"
        f"  proxy of 127.0.0.1:{other.port}: 2 connections\n"
        f"  tcp://127.0.0.1:{other.port}: 1 connection\n"
        "Close the client before: in the test, or in a fixture that asks for `faults`."
    ]


def test_connections_that_the_client_has_closed_are_no_leftovers():
    """Nothing is said of clients that have closed their connections."""
    with Faults() as faults:
        server = faults.server()
        server.route("GET", "/items", json=[])
        proxy = faults.proxy(f"{server.host}:{server.port}")
        for _ in range(3):
            with socket.create_connection((proxy.host, proxy.port)) as client:
                client.sendall(b"x" * 100)
        httpx.get(f"{server.url}/items")


def test_connections_are_not_looked_at_where_a_fault_has_struck():
    """What a fault has made to fail may be held by an exception that the log keeps, with all clients of its frames."""
    with Faults() as faults, contextlib.ExitStack() as clients:
        server = faults.server()
        proxy = faults.proxy(f"127.0.0.1:{server.port}")
        hang = faults.inject(proxy.upstream, "1*hang")
        clients.enter_context(socket.create_connection((proxy.host, proxy.port)))
        kept = clients.pop_all()
    kept.close()
    assert hang.fired == 1


CHILD = """
import sys
import resilience
print("ready", flush=True)
sys.stdin.read()
"""


def test_processes_that_still_run_at_the_end_are_named(monkeypatch):
    """A warning has the numbers of processes that outlive the test; those that have ended are not in it."""
    monkeypatch.setenv("PYTHONPATH", HOUSE)

    def start(faults):
        environment = faults.environment()
        child = subprocess.Popen(
            [sys.executable, "-c", CHILD], env=environment, stdin=subprocess.PIPE, stdout=subprocess.PIPE
        )
        assert child.stdout.readline() == b"ready\n"
        return child

    with pytest.warns(LeftoverWarning) as warned, Faults() as faults:
        with start(faults) as ended:
            ended.communicate()
        killed = start(faults)
        killed.kill()
        os.waitid(os.P_PID, killed.pid, os.WEXITED | os.WNOWAIT)  # it is there as a zombie
        running = start(faults)
    killed.communicate()
    running.communicate()
    assert running.returncode == 0
    assert [str(each.message) for each in warned] == [
        "processes that the test had started were still there when it was over; no fault strikes in them any more:\n"
        f"  process {running.pid}\n"
        "End them, or wait for them, before: in the test, or in a fixture that asks for `faults`."
    ]


CHILDREN = """
import gc, multiprocessing, os, signal, subprocess, sys
from concurrent.futures import ProcessPoolExecutor
import pytest
from pytest_resilience._faults import left_processes
from pytest_resilience.clock._plugin import real

FORK = multiprocessing.get_context("fork")

def wait(start, *ignored):
    for each in ignored:
        signal.signal(each, signal.SIG_IGN)
    os.write(start, b"!")
    signal.pause()

class Pool:
    pool = None

    def submit(self, function, *args):
        self.pool = self.pool or FORK.Pool(1)
        self.result = self.pool.apply_async(function, args).get
        return self

@pytest.fixture(scope="module")
def pools():
    pools = [ProcessPoolExecutor(1, FORK), Pool()]
    yield pools
    pools[0].shutdown()
    pools[1].pool.close()
    pools[1].pool.join()

class Patience:
    # At its end as soon as all but the last process, which ignores SIGTERM, have ended.
    ahead = 0

    def monotonic(self):
        return real.monotonic() + self.ahead

    def sleep(self, seconds):
        real.sleep(seconds)
        if all(os.waitid(os.P_PID, each.pid, os.WEXITED | os.WNOWAIT | os.WNOHANG) for each in left[:-1]):
            self.ahead = left_processes._PATIENCE_S

@pytest.fixture
def patience(monkeypatch):
    monkeypatch.setattr(left_processes, "real", Patience())

left = []

def test_leaves_processes(patience, faults, pools):
    gc.freeze()
    environment = faults.environment()
    for pool in pools:
        assert pool.submit(abs, -1).result() == 1
    command = "import resilience, signal; print('ready', flush=True); signal.pause()"
    left.append(subprocess.Popen([sys.executable, "-c", command], env=environment, stdout=subprocess.PIPE))
    assert left[0].stdout.read(6) == b"ready\\n"
    ready, start = os.pipe()
    left.extend(FORK.Process(target=wait, args=(start, *ignored)) for ignored in [(), (signal.SIGTERM,)])
    for each in left[1:]:
        each.start()
        assert os.read(ready, 1) == b"!"

def test_uses_the_pools_of_the_module(pools):
    child, *others = left
    for each in others:
        each.join()
    with child:
        print("\\nchildren", child.pid, *(each.pid for each in others))
    print("workers", *(pool.submit(os.getpid).result() for pool in pools))
    print("ends", child.returncode, *(each.exitcode for each in others))
"""


@pytest.mark.slow
def test_processes_that_still_run_at_the_end_of_the_test_are_ended(suite, monkeypatch):
    """Children of every kind are ended and named, one that ignores SIGTERM too; workers of an open pool work on."""
    monkeypatch.setenv("PYTHONPATH", HOUSE)
    suite.makepyfile(CHILDREN)

    result = run_forked(suite, "-W", "default", "-s", "-v", "--resilience")

    result.assert_outcomes(passed=2)
    told = {name: rest.split() for name, _, rest in (line.partition(" ") for line in result.outlines)}
    assert told["ends"] == ["-15", "-15", "-9"]
    head = "processes that the test had started were still there when it was over"
    for end, processes in [
        (", and were ended then:", told["children"]),
        ("; no fault strikes in them any more:", told["workers"]),
    ]:
        start = next(number for number, line in enumerate(result.outlines) if line.endswith(head + end)) + 1
        assert [line.split()[-1] for line in result.outlines[start : start + len(processes)]] == sorted(
            processes, key=int
        )
        assert result.outlines[start + len(processes)].startswith("  End them, or wait for them, before:")


SUITE = """
import time
import pytest
from pytest_resilience import DiscordMock, FaultProxy, Faults, FaultServer, Retries, RetryLog, Timeline, VirtualClock

def target():
    return "as it is"

@pytest.fixture(scope="module")
def kept():
    with FaultServer() as server:
        server.route("GET", "/", text="kept")
        yield server

@pytest.fixture
def mine(kept):
    return FaultProxy(f"127.0.0.1:{kept.port}").__enter__()

def test_opens_and_does_not_close(kept, mine):
    server = FaultServer().__enter__()
    Faults().__enter__().inject(target, "raise(OSError)", strict=False)
    for each in (DiscordMock, Retries, RetryLog, Timeline, VirtualClock):
        each().__enter__()
    time.sleep(3600)
    print(f"opened {server.url} {mine.address} {kept.port}")

def test_is_the_next_one(kept):
    assert target() == "as it is"
    with VirtualClock():
        time.sleep(3600)

def test_uses_what_closes_by_itself(fault_server, fault_proxy, faults):
    fault_proxy(None)
    with FaultServer():
        pass
"""


@pytest.mark.slow
def test_tools_that_the_test_has_opened_by_hand_are_closed_and_named(suite):
    """What a test, or a fixture for it alone, has not closed is closed after it; what lives longer by right is not."""
    suite.makepyfile(SUITE)

    result = run_forked(suite, "-W", "default", "-s", "-v")

    result.assert_outcomes(passed=3, warnings=1)
    opened = next(line for line in result.outlines if "opened " in line).partition("opened ")[2]
    url, address, port = opened.split()
    result.stdout.fnmatch_lines(
        [
            "*LeftoverWarning: tools that the test had opened were still open when it was over, and were closed then:",
            "    <VirtualClock after 3600 s>",
            "    <Timeline of 0 events>",
            "    <RetryLog>",
            "    <Retries>",
            "    <DiscordMock with 0 alerts>",
            "    <Faults with 1 injection>",
            f"    <FaultServer at {url}>",
            f"    <FaultProxy at {address}, proxy of 127.0.0.1:{port}>",
            "  Open them in a `with` block, or use the fixtures, which close themselves.",
        ],
        consecutive=True,
    )


INNER = """
from pytest_resilience import Retries, Timeline

def test_opens_and_does_not_close():
    Timeline().__enter__()

def test_opens_and_closes():
    with Retries():
        pass
"""


def test_tools_that_were_open_before_a_test_are_not_closed_with_it(suite):
    """A test that runs pytest in pytest keeps its own, and only those of the tests inside are closed."""
    suite.makepyfile(INNER)
    with VirtualClock() as clock, Retries():
        result = suite.runpytest("-W", "default")
        time.sleep(60)
        assert clock.elapsed == 60

    result.assert_outcomes(passed=2, warnings=1)
    result.stdout.fnmatch_lines(["    <Timeline of 0 events>"])
    result.stdout.no_fnmatch_line("*<VirtualClock*")
