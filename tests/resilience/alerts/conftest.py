"""What the tests of alerting share: a clock that moves when told, calls without an engine, and recorded events."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from resilience import alerts
from resilience.config import configured
from resilience.events import AlertDelivered, AlertFailed, AlertSuppressed, Call, Event, stream
from resilience.policy import Policy

WEBHOOK = "https://discord.com/api/webhooks/123456789012345678/a-token"


class Clock:
    """A monotonic clock in whole nanoseconds that moves only when told."""

    def __init__(self) -> None:
        self.now_ns = 1_700_000_000 * 10**9 + 7

    def __call__(self) -> int:
        return self.now_ns

    def advance(self, seconds: float) -> None:
        """Move on, or back."""
        self.now_ns += round(seconds * 10**9)


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Clock:
    """Stand in for ``time.monotonic_ns``."""
    clock = Clock()
    monkeypatch.setattr(time, "monotonic_ns", clock)
    return clock


@pytest.fixture(autouse=True)
def no_settings_from_outside(monkeypatch: pytest.MonkeyPatch) -> None:
    """Take the machine's own settings away."""
    for name in ("RESILIENCE_DISCORD_WEBHOOK_URL", "RESILIENCE_REDIS_URL", "HTTPS_PROXY", "https_proxy", "ALL_PROXY"):
        monkeypatch.delenv(name, raising=False)


@pytest.fixture
def webhook() -> Iterator[str]:
    """Configure a webhook and start with an alert system that remembers nothing."""
    with configured(discord_webhook_url=WEBHOOK), alerts.isolated():
        yield WEBHOOK


@pytest.fixture(scope="session")
def make_call() -> Callable[..., Call]:
    """Make calls as the engine would, of a connection unless told otherwise."""

    def make(function: str = "connect", **settings: Any) -> Call:
        policy: dict[str, Any] = {"kind": "connection", "max_attempts": 101, "resource": "Redis", "action": "connect"}
        policy |= {"alert_threshold": 50, "wait": lambda _state: 0.0} | settings
        return Call(failpoint="Redis.connect", function=function, policy=Policy(**policy), conn_id="0", started_ns=0)

    return make


@pytest.fixture
def events() -> Iterator[list[Event]]:
    """Record what alerting reports."""
    recorded: list[Event] = []
    end = stream.subscribe(recorded.append, AlertDelivered, AlertFailed, AlertSuppressed)
    yield recorded
    end()
