from __future__ import annotations

import time

import pytest

from tests.discord_server.posting import Clock


@pytest.fixture
def clock(monkeypatch):
    """Time that only the test moves."""
    clock = Clock()
    monkeypatch.setattr(time, "monotonic_ns", lambda: clock.ns)
    monkeypatch.setattr(time, "time", lambda: clock.wall)
    return clock
