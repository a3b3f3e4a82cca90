"""The same error alerts once in 300 seconds, to the millisecond."""

from __future__ import annotations

import pytest

from pytest_resilience import DiscordMock, VirtualClock
from resilience import send_rate_limited_discord_alert, should_send_alert

pytestmark = [pytest.mark.resilience, pytest.mark.usefixtures("discord")]
ERROR = ConnectionError("refused")


def test_the_window_is_over_at_300_seconds(virtual_clock: VirtualClock) -> None:
    """At 299.999 s the error is still held back, at 300 s it alerts again."""
    assert should_send_alert("connect", ERROR, "Database")

    virtual_clock.advance(299.999)
    assert not should_send_alert("connect", ERROR, "Database")

    virtual_clock.advance(0.001)
    assert should_send_alert("connect", ERROR, "Database")


def test_another_error_has_a_window_of_its_own(virtual_clock: VirtualClock, discord: DiscordMock) -> None:
    """Alerts that are sent by hand share the windows, which belong to context, function, type and message."""
    for error in (ERROR, ERROR, TimeoutError("slow")):
        send_rate_limited_discord_alert("settle", error, "payments", f"Settling failed: {error}")

    assert [alert.content for alert in discord.alerts] == ["Settling failed: refused", "Settling failed: slow"]
    assert virtual_clock.elapsed == 0
