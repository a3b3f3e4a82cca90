"""Alerts are delivered before a platform freezes the process, or a server ends it without its exit handlers."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest
import tenacity

import resilience
from resilience.alerts import Alert, flush
from resilience.testing import configured, isolated

pytestmark = pytest.mark.resilience


@resilience.conn_retry("Ledger", "connect", max_retry=2, wait=tenacity.wait_none())
def connect() -> None:
    """Fail, as long as the ledger is down."""
    raise ConnectionError("refused")


def handler(_event: object, _context: object) -> None:
    """Serve one invocation of AWS Lambda, which freezes the process as soon as this returns."""
    try:
        connect()
    finally:
        flush(timeout=2.0)


@asynccontextmanager
async def lifespan(_app: object) -> AsyncIterator[None]:
    """Live as long as the application, under uvicorn, which ends without the process's exit handlers."""
    yield
    await asyncio.to_thread(flush)


class Inbox:
    """Somewhere else than Discord."""

    def __init__(self) -> None:
        self.alerts: list[Alert] = []

    def notify(self, alert: Alert) -> None:
        """Keep it."""
        self.alerts.append(alert)


def test_a_function_that_is_frozen_has_alerted() -> None:
    """When the handler returns, or raises, the alert has been delivered."""
    inbox = Inbox()
    with configured(notifiers=[inbox]), isolated():
        with pytest.raises(ConnectionError):
            handler(None, None)
        assert [alert.function for alert in inbox.alerts] == ["connect"]


def test_an_application_that_ends_has_alerted() -> None:
    """When the lifespan is over, the alert has been delivered."""
    inbox = Inbox()

    async def serve() -> None:
        async with lifespan(None):
            with pytest.raises(ConnectionError):
                await asyncio.to_thread(connect)

    with configured(notifiers=[inbox]), isolated():
        asyncio.run(serve())
        assert [alert.function for alert in inbox.alerts] == ["connect"]
