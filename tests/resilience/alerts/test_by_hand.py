"""Alerts by hand: one per window, true once delivered, and to the webhook of their channel."""

from __future__ import annotations

import json
import signal
import threading

import httpx
import pytest
import respx

from resilience import alerts
from resilience._config import configured
from resilience.alerts import send_rate_limited_discord_alert, should_send_alert
from tests.resilience.alerts.conftest import contents

REFUSED = ConnectionError("refused")


def test_an_alert_by_hand_is_sent_once_per_window(discord, clock, events):
    """The function is true once delivered, false in the window, and true again at exactly 300 s."""
    answers = [send_rate_limited_discord_alert("f", REFUSED, "billing", "down") for _ in range(2)]
    clock.advance(299.999)
    answers.append(send_rate_limited_discord_alert("f", REFUSED, "billing", "down"))
    clock.advance(0.001)
    answers.append(send_rate_limited_discord_alert("f", REFUSED, "billing", "down again"))
    assert answers == [True, False, False, True]
    assert contents(discord) == ["down", "down again\n\n2 more alerts were held back before this one."]
    assert events == []


def test_an_alert_by_hand_that_fails_is_false_and_told(discord, events):
    """A failed delivery is false, is reported, and keeps its window."""
    discord.respond(302)
    assert not send_rate_limited_discord_alert("f", REFUSED, "", "down")
    discord.respond(200)
    assert not send_rate_limited_discord_alert("f", REFUSED, "", "down")
    assert [event.problem for event in events] == ["HTTP 302"]


def test_an_alert_by_hand_that_takes_too_long_is_false_and_told(discord, events, monkeypatch):
    """The wait for a delivery is bounded; what is not delivered by then has failed for the caller."""
    monkeypatch.setattr("resilience._alerts.by_hand._LONGEST_WAIT_S", 0)
    answering = threading.Event()
    discord.mock(side_effect=lambda _request: answering.wait() and httpx.Response(200))
    assert not send_rate_limited_discord_alert("f", REFUSED, "", "down")
    assert [event.problem for event in events] == ["it was not delivered within 0 s"]
    answering.set()
    assert alerts.flush(None)


def test_an_alert_by_hand_shares_its_window_with_the_question(discord):
    """Whoever asked whether to alert has taken the window."""
    assert should_send_alert("f", REFUSED, "billing")
    assert not send_rate_limited_discord_alert("f", REFUSED, "billing", "down")


def test_the_storm_cap_holds_for_alerts_by_hand(discord):
    """Beyond the cap an alert by hand is held back like any other."""
    with configured(max_alerts_per_minute=1):
        answers = [send_rate_limited_discord_alert("f", ValueError(text), "", text) for text in "ab"]
    assert answers == [True, False]


@pytest.mark.parametrize(
    ("arguments", "problem"),
    [
        ({"channel": 5}, "TypeError: channel must be a str, got 5"),
        ({"alert_msg": None}, "TypeError: "),
    ],
)
def test_wrong_arguments_are_told_and_not_raised(discord, events, arguments, problem):
    """Whoever alerts is in an error handler, where another error would hide the first: it is false, and logged."""
    given = {"func_name": "f", "exception": REFUSED, "context": "", "alert_msg": "down", "channel": None} | arguments
    assert not send_rate_limited_discord_alert(**given)
    assert [event.problem[: len(problem)] for event in events] == [problem]


@pytest.mark.skipif(not hasattr(signal, "pthread_kill"), reason="there are no such signals here")
def test_a_time_limit_ends_the_wait(events):
    """What a signal handler raises while an alert is on its way, such as a soft time limit, is not swallowed."""

    class TimeLimitError(Exception):
        pass

    def limit(_number, _frame):
        raise TimeLimitError

    class Slow:
        def notify(self, alert):
            signal.pthread_kill(threading.main_thread().ident, signal.SIGUSR1)
            may_end.wait()

    may_end, before = threading.Event(), signal.signal(signal.SIGUSR1, limit)
    try:
        with configured(discord_webhook_url=None, notifiers=[Slow()]), alerts.isolated():
            with pytest.raises(TimeLimitError):
                send_rate_limited_discord_alert("f", REFUSED, "", "down")
            may_end.set()
            assert alerts.flush(60)
    finally:
        signal.signal(signal.SIGUSR1, before)
    assert events == []


def test_a_channel_has_a_webhook_of_its_own(discord):
    """A named channel gets its alert at its own webhook; one that has none gets it at the default one."""
    urgent = respx.mock(assert_all_called=False)
    with urgent, configured(discord_channels={"urgent": "https://discord.com/api/webhooks/7/t"}):
        route = urgent.post("https://discord.com/api/v10/webhooks/7/t").respond(200)
        urgent.route().pass_through()
        assert send_rate_limited_discord_alert("f", REFUSED, "", "now", channel="urgent")
        assert json.loads(route.calls.last.request.content)["content"] == "now"
    assert send_rate_limited_discord_alert("g", REFUSED, "", "later", channel="nowhere")
    assert contents(discord) == ["later"]
