"""Alerting is never in the way: a broken Discord costs the service no second and no error."""

from __future__ import annotations

import itertools
from pathlib import Path

import httpx
import pytest

from orders.database import connect
from pytest_resilience import DiscordMock, Faults, Retries, RetryLog, Script, answer, fail

pytestmark = [pytest.mark.resilience, pytest.mark.usefixtures("virtual_clock")]


def assert_lost_no_time(retries: Retries) -> None:
    """Assert that each attempt came exactly as long after the one before it as its policy had it wait."""
    (call,) = retries["Database.connect"]
    for earlier, later in itertools.pairwise(call.attempts):
        assert later.at - earlier.at == pytest.approx(earlier.wait)


@pytest.mark.parametrize(
    "trouble",
    [answer(500), answer({"status": 429, "retry_after": 3600}), fail(httpx.ConnectError("no route to host"))],
    ids=["server error", "rate limit of an hour", "connection error"],
)
def test_the_service_does_not_notice(
    trouble: Script, tmp_path: Path, faults: Faults, discord: DiscordMock, retries: Retries, retry_log: RetryLog
) -> None:
    """The connection recovers as if there were no Discord; that the alert was lost is in the log."""
    discord.respond(trouble)
    faults.inject("Database.connect", "60*raise(ConnectionError('refused'))")

    connect(tmp_path / "orders.db").close()

    retries.assert_recovered("Database.connect", attempts=61)
    assert_lost_no_time(retries)
    assert discord.alerts == []
    assert "Failed to send Discord alert: " in retry_log.text


def test_a_short_rate_limit_only_delays_the_alert(
    tmp_path: Path, faults: Faults, discord: DiscordMock, retries: Retries
) -> None:
    """After a 429 that asks for 20 seconds the alert is delivered when they have passed."""
    discord.respond("1*status(429, retry_after=20)")
    faults.inject("Database.connect", "60*raise(ConnectionError('refused'))")

    connect(tmp_path / "orders.db").close()

    assert_lost_no_time(retries)
    (alert,) = discord.alerts
    fiftieth = retries["Database.connect"][0].attempts[49]
    assert 20 <= alert.at - fiftieth.at < 25
