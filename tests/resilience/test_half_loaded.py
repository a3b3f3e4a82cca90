"""Optional libraries that another thread is just importing for the first time, or that are mocks."""

from __future__ import annotations

import asyncio
import importlib.machinery
import sys
import types
from unittest import mock

import pytest
import tenacity

from resilience import alerts, create_retry_decorator
from resilience._config import configured


@pytest.fixture
def half_loaded(monkeypatch):
    """Let every library be as it is in the first moment of its import: in `sys.modules`, and empty."""
    for name in (
        "trio",
        "opentelemetry.trace",
        "opentelemetry.context",
        "multiprocessing.process",
        "multiprocessing.util",
    ):
        module = types.ModuleType(name)
        module.__spec__ = importlib.machinery.ModuleSpec(name, None)
        module.__spec__._initializing = True
        monkeypatch.setitem(sys.modules, name, module)


@pytest.fixture
def mocked(monkeypatch):
    """Let mocks stand in the place of libraries that are not installed."""
    for name in ("trio", "opentelemetry.trace", "opentelemetry.context"):
        monkeypatch.setitem(sys.modules, name, mock.MagicMock())


def flaky():
    """A function that fails once."""
    failures = [ConnectionError("refused")]

    def fetch():
        if failures:
            raise failures.pop()
        return "ok"

    return fetch


@pytest.mark.parametrize("library", ["half_loaded", "mocked"])
def test_a_sync_call_is_retried_logged_and_alerted(library, request, caplog):
    """A call whose libraries are half loaded, or mocks, is what it is without them: no line is lost, and no alert."""
    request.getfixturevalue(library)

    class Inbox:
        def notify(self, alert):
            received.append(alert.function)

    received = []
    with configured(discord_webhook_url=None, notifiers=[Inbox()]), alerts.isolated():
        assert create_retry_decorator(2, wait=tenacity.wait_none(), alert_threshold=1)(flaky())() == "ok"
        assert alerts.flush(None)
    assert received == ["fetch"]
    assert "Retry attempt 1 for 'fetch': ConnectionError: refused" in caplog.text
    assert {record.trace_id for record in caplog.records} == {None}


@pytest.mark.parametrize("library", ["half_loaded", "mocked"])
def test_an_async_call_is_retried(library, request):
    """While trio is half loaded, or a mock, nothing runs in it: the call sleeps in asyncio."""
    request.getfixturevalue(library)
    fetch = flaky()

    @create_retry_decorator(2, wait=tenacity.wait_none())
    async def fetch_async():
        return fetch()

    assert asyncio.run(fetch_async()) == "ok"
