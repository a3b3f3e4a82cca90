from __future__ import annotations

import time

import pytest

from resilience import send_rate_limited_discord_alert
from tests.discord_server.posting import Clock


@pytest.fixture
def clock(monkeypatch):
    """Time that only the test moves."""
    clock = Clock()
    monkeypatch.setattr(time, "monotonic_ns", lambda: clock.ns)
    monkeypatch.setattr(time, "time", lambda: clock.wall)
    return clock


def alert(text, channel=None, *, error=""):
    """Send one alert by hand, and tell whether it was delivered."""
    return send_rate_limited_discord_alert("job", ValueError(error or text), "tests", text, channel)
