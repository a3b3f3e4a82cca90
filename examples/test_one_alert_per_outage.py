"""A long outage wakes somebody up once, and again only if it goes on."""

from __future__ import annotations

import sqlite3
from pathlib import Path

import pytest

from orders.database import connect
from pytest_resilience import DiscordMock, Faults, Retries, VirtualClock, fail

pytestmark = [pytest.mark.resilience, pytest.mark.usefixtures("virtual_clock")]
OUTAGE = fail(sqlite3.OperationalError("unable to open database file"))


def test_an_outage_of_sixty_attempts_sends_one_alert(
    tmp_path: Path, faults: Faults, discord: DiscordMock, retries: Retries
) -> None:
    """The alert comes with the fiftieth attempt; the ten after it are in its window of 300 s."""
    faults.inject("Database.connect", OUTAGE.times(60))

    connect(tmp_path / "orders.db").close()

    retries.assert_recovered("Database.connect", attempts=61)
    discord.assert_alerted(count=1, match="Current attempt: 50/101")


def test_it_alerts_again_when_it_is_still_down_300_seconds_later(
    tmp_path: Path, faults: Faults, discord: DiscordMock, virtual_clock: VirtualClock
) -> None:
    """Twenty attempts after the first alert, five minutes and more have passed, and there is a second one."""
    faults.inject("Database.connect", OUTAGE.times(70))

    connect(tmp_path / "orders.db").close()

    first, second = discord.alerts
    assert 300 <= second.at - first.at <= 330
    assert second.content.startswith("🚨 **Critical Infrastructure Connection Issue**\nResource: Database\n")
    assert virtual_clock.elapsed > second.at
