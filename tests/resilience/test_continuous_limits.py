"""What bounds a loop that never stops by itself: alerts from its 50th failure on, and a time limit."""

from __future__ import annotations

import pytest

from pytest_resilience import DiscordMock
from resilience import conn_retry, continuous_retry, create_retry_decorator


def test_it_alerts_from_the_50th_failure_on_once_a_window(timed_mode, log):
    """A consumer that fails for twenty minutes says so at its 50th failure, and again in each window after it."""
    fetch = continuous_retry(retry_delay=10.0)(timed_mode.function(*[ConnectionError] * 120, "stock"))
    with DiscordMock() as discord:
        assert timed_mode.run(fetch) == "stock"
        alerts = discord.alerts
    assert [alert.content.splitlines()[2] for alert in alerts] == [
        "Current attempt: 50/50",
        "Current attempt: 80/50",
        "Current attempt: 110/50",
    ]
    assert [round(alert.at) for alert in alerts] == [490, 790, 1090]
    assert log.texts("CRITICAL")[0] == "CRITICAL ALERT SENT: Operation fetch at attempt 50"


def test_its_threshold_is_yours_to_set(timed_mode):
    """With ``alert_threshold``, it alerts earlier or later."""
    fetch = continuous_retry(retry_delay=1.0, alert_threshold=3)(timed_mode.function(*[ConnectionError] * 4, "stock"))
    with DiscordMock() as discord:
        timed_mode.run(fetch)
        discord.assert_alerted(count=1, match="Current attempt: 3/3")


def test_a_loop_that_was_stopped_alerts_nobody(timed_mode):
    """A ``stop_on`` error is a give-up that somebody asked for, whatever the threshold says."""
    fetch = continuous_retry(stop_on=PermissionError, alert_threshold=1)(timed_mode.function(PermissionError))
    with DiscordMock() as discord:
        timed_mode.fails(fetch, PermissionError)
        assert discord.alerts == []


def test_its_time_is_limited_by_its_timeout(timed_mode, virtual_clock, ends, log):
    """A wait that would pass the timeout is not begun: the loop gives up, and says so once, at ERROR."""
    raised = timed_mode.fails(continuous_retry(retry_delay=3.0, timeout=10.0)(timed_mode.function(ConnectionError)))
    assert virtual_clock.elapsed == 9.0
    assert timed_mode.attempts == 4
    assert [(end.reason, end.error) for end in ends] == [("deadline", raised)]
    assert log.texts("ERROR") == ["Giving up after 4 attempts for 'fetch': ConnectionError: refused"]


@pytest.mark.parametrize(
    "decorator",
    [
        create_retry_decorator(2, alert_threshold=2, max_wait=0, channel="ops"),
        conn_retry("Redis", "connect", 1, 0, channel="ops"),
        continuous_retry(alert_threshold=2, timeout=2.0, channel="ops"),
    ],
    ids=["retry", "connection", "continuous"],
)
def test_an_alert_goes_to_the_channel_of_its_decorator(timed_mode, decorator):
    """Each decorator may name where its alerts go."""
    with DiscordMock() as discord:
        timed_mode.fails(decorator(timed_mode.function(ConnectionError)))
        assert [alert.channel for alert in discord.alerts] == ["ops"]
