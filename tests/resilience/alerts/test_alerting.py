"""Alerting as a whole: which failing calls alert, what arrives, and what is told about it."""

from __future__ import annotations

import asyncio
import logging
import re
import threading

import httpx
import pytest
import respx
import tenacity

from resilience import alerts, conn_retry, create_retry_decorator
from resilience._config import configured
from resilience.alerts import send_rate_limited_discord_alert
from resilience.events import AlertDelivered, AlertFailed, AlertSuppressed, CallEnded, stream
from tests.resilience.alerts.conftest import API, REFUSED, Recorder, about_alerts, contents, fail


def end(call, attempts, reason="attempts", outcome="gave_up"):
    """Report the end of a call as the engine does."""
    stream.emit(CallEnded(call=call, attempts=attempts, outcome=outcome, reason=reason, error=REFUSED))


# When a call alerts.


def test_a_call_alerts_from_its_threshold_on_once_per_window(discord, make_call, events, clock):
    """An outage of 60 attempts sends one alert, at the threshold, and another one when it lasts 300 s longer."""
    call = make_call()
    fail(call, *range(1, 61))
    assert [text.splitlines()[4] for text in contents(discord)] == ["Current attempt: 50/101"]
    clock.advance(300)
    fail(call, 61, 62)
    assert [text.splitlines()[4] for text in contents(discord)][1:] == ["Current attempt: 61/101"]
    assert [event.attempt for event in events if isinstance(event, AlertDelivered)] == [50, 61]
    assert [event.attempt for event in events if isinstance(event, AlertSuppressed)] == [*range(51, 61), 62]


def test_a_changing_message_does_not_make_one_outage_many(discord, make_call, clock):
    """A call whose message is new at each attempt still alerts once per window."""
    call = make_call()
    for attempt in range(50, 60):
        fail(call, attempt, error=ConnectionError(f"port {attempt} refused"))
    assert len(contents(discord)) == 1
    clock.advance(300)
    fail(call, 60, error=ConnectionError("port 60 refused"))
    assert len(contents(discord)) == 2


def test_calls_that_fail_differently_alert_separately(discord, make_call):
    """Two calls with different messages have windows of their own; two with the same message share one."""
    fail(make_call(), 50, error=ConnectionError("db-1 refused"))
    fail(make_call(), 50, error=ConnectionError("db-2 refused"))
    fail(make_call(), 50, error=ConnectionError("db-1 refused"))
    assert len(contents(discord)) == 2


def test_the_last_attempt_counts(discord, make_call):
    """With as many attempts as the threshold, the failing last one alerts, although no further attempt follows it."""
    call = make_call(max_attempts=3, alert_threshold=3)
    fail(call, 1, 2)
    end(call, 3)
    assert len(contents(discord)) == 1


@pytest.mark.parametrize(("reason", "alerted"), [("attempts", 1), ("deadline", 1), ("excluded", 0), ("stop_event", 0)])
def test_losing_a_connection_is_never_silent(discord, make_call, reason, alerted):
    """A connection without a threshold alerts when it gives up, unless somebody wanted the error or the end."""
    call = make_call(max_attempts=4, alert_threshold=None, alert_on_give_up=True)
    fail(call, 1)
    end(call, 2, reason)
    assert len(contents(discord)) == alerted


def test_a_cancelled_call_does_not_alert(discord, make_call):
    """Cancellation is no outage, however late it comes."""
    end(make_call(), 60, "cancelled", "cancelled")
    assert contents(discord) == []


def test_an_operation_without_a_threshold_does_not_alert(discord, make_call):
    """A few attempts in vain are logged and not alerted."""
    call = make_call(kind="retry", max_attempts=5, alert_threshold=None)
    fail(call, 1, 2, 3, 4)
    end(call, 5)
    assert contents(discord) == []


def test_a_success_does_not_alert(discord, make_call):
    """A call that recovers at a late attempt ends without an alert of its own."""
    stream.emit(CallEnded(call=make_call(), attempts=60, outcome="recovered"))
    assert contents(discord) == []


# What is told about it.


def test_a_failed_alert_is_told_and_keeps_its_window(discord, make_call, events):
    """A delivery that failed for good is reported once, and the window stays taken."""
    discord.respond(404, json={"message": "Unknown Webhook", "code": 10015})
    fail(make_call(), 50)
    alerts.flush(None)
    fail(make_call(), 50)
    alerts.flush(None)
    assert [getattr(event, "problem", "suppressed") for event in events] == [
        "HTTP 404, code 10015: Unknown Webhook; nothing more is sent to this webhook until another one is configured",
        "suppressed",
    ]


@pytest.mark.parametrize("broken", ["failure_of", "text_of"])
def test_a_bug_in_alerting_reaches_nobody_but_the_log(discord, make_call, events, monkeypatch, broken):
    """Should alerting itself fail, the call goes on, it is reported, and the next alert is delivered."""
    with monkeypatch.context() as patch:
        patch.setattr(f"resilience._alerts.call_alert.{broken}", lambda *_args, **_kw: 1 / 0)
        fail(make_call(), 50)
        alerts.flush(None)
    fail(make_call(), 50, error=OSError("other"))
    assert len(contents(discord)) == 1
    assert [type(event) for event in events] == [AlertFailed, AlertDelivered]
    assert events[0].problem == "ZeroDivisionError: division by zero"


def test_without_a_webhook_that_is_said_once(make_call, caplog):
    """The first alert that would have been sent is replaced by one warning; nothing is sent."""
    with configured(discord_webhook_url=None), alerts.isolated():
        fail(make_call(), 49)
        assert about_alerts(caplog) == []
        fail(make_call(), 50)
        fail(make_call(), 50, error=OSError("other"))
        sent = send_rate_limited_discord_alert("f", REFUSED, "", "text")
    assert not sent
    assert {"attempt", "failpoint", "conn_id", "error_type", "wait_s", "trace_id"} <= vars(caplog.records[-1]).keys()
    assert about_alerts(caplog) == [
        (
            "WARNING",
            (
                "An alert was due and is not sent, because there is no Discord webhook: set "
                "RESILIENCE_DISCORD_WEBHOOK_URL or call resilience.configure(discord_webhook_url=...)"
            ),
        )
    ]


def test_the_webhook_of_the_environment_is_used(discord, make_call, monkeypatch):
    """Without a configured webhook, the environment's is used."""
    monkeypatch.setenv("RESILIENCE_DISCORD_WEBHOOK_URL", API)
    with configured(discord_webhook_url=None):
        fail(make_call(), 50)
    assert len(contents(discord)) == 1


def test_a_wrong_url_in_the_environment_is_told_without_the_url(make_call, events, monkeypatch):
    """A URL that nobody could check at start-up fails each alert with the reason, and is not shown."""
    monkeypatch.setenv("RESILIENCE_DISCORD_WEBHOOK_URL", "https://example.com/api/webhooks/1/s3cr3t")
    with configured(discord_webhook_url=None), alerts.isolated():
        fail(make_call(), 50)
        alerts.flush(None)
    (failed,) = events
    assert failed.problem == (
        "the webhook URL in RESILIENCE_DISCORD_WEBHOOK_URL or RESILIENCE_DISCORD_WEBHOOK_URL_<CHANNEL> is not Discord's: "
        "its host is not Discord's; "
        "expected https://discord.com/api/webhooks/<id>/<token>"
    )


@pytest.mark.parametrize(
    "decorator",
    [
        create_retry_decorator(3, wait=tenacity.wait_none(), alert_threshold=2, channel="ops"),
        conn_retry("Redis", "connect", max_retry=2, wait=tenacity.wait_none(), channel="ops"),
    ],
)
def test_a_decorator_alerts_in_its_channel(discord, decorator):
    """A call alerts at the webhook of its decorator's channel, and at no other; notifiers are told the channel."""
    recorder = Recorder()

    @decorator
    def charge():
        raise REFUSED

    channels = {"ops": "https://discord.com/api/webhooks/7/t"}
    with respx.mock(assert_all_called=False) as router, configured(discord_channels=channels, notifiers=[recorder]):
        ops = router.post("https://discord.com/api/v10/webhooks/7/t").respond(200)
        with pytest.raises(ConnectionError):
            charge()
        assert alerts.flush(None)
    assert ops.call_count == 1
    assert [alert.channel for alert in recorder.alerts] == ["ops"]
    assert contents(discord) == []


# Storms.


def test_a_storm_is_capped_and_counted_in_the_next_alert(discord, make_call, clock):
    """Of 30 different failures in a minute 20 alert; the first one after it tells of the other 10."""
    for number in range(30):
        fail(make_call(), 50, error=ConnectionError(f"failure {number}"))
    clock.advance(60)
    fail(make_call(), 50, error=ConnectionError("the next minute"))
    texts = contents(discord)
    assert len(texts) == 21
    assert texts[-1].endswith("Investigate immediately.\n\n10 more alerts were held back before this one.")
    assert not any("held back" in text for text in texts[:-1])


def test_the_cap_can_be_configured(discord, make_call):
    """``max_alerts_per_minute`` is the cap."""
    with configured(max_alerts_per_minute=2):
        for number in range(5):
            fail(make_call(), 50, error=ConnectionError(f"failure {number}"))
    assert len(contents(discord)) == 2


def test_a_count_is_not_lost_with_the_alert_that_carried_it(discord, make_call, clock):
    """When the alert that tells of those held back fails, the next one tells of them."""
    with configured(max_alerts_per_minute=1):
        for number in range(4):
            fail(make_call(), 50, error=ConnectionError(f"failure {number}"))
        contents(discord)
        clock.advance(60)
        discord.respond(302)
        fail(make_call(), 50, error=ConnectionError("lost"))
        contents(discord)
        clock.advance(60)
        discord.respond(200)
        fail(make_call(), 50, error=ConnectionError("delivered"))
    assert contents(discord)[-1].endswith("3 more alerts were held back before this one.")


def test_every_alert_that_a_full_queue_costs_is_counted(make_call):
    """What is dropped is told of by those that arrive, also where the dropped ones had others to tell of."""
    entered, may_go = threading.Event(), threading.Event()

    class Slow(Recorder):
        def notify(self, alert):
            entered.set()
            may_go.wait()
            super().notify(alert)

    slow = Slow()
    with configured(discord_webhook_url=None, notifiers=[slow], max_alerts_per_minute=10**6), alerts.isolated():
        fail(make_call(), 50)
        entered.wait()
        for number in range(350):
            fail(make_call(), 50, error=ConnectionError(f"failure {number}"))
        may_go.set()
        assert alerts.flush(None)
        fail(make_call(), 50, error=ConnectionError("the last"))
        assert alerts.flush(None)
    counts = [int(found[1]) for each in slow.alerts if (found := re.search(r"(\d+) more alert", each.text))]
    assert (len(slow.alerts), sum(counts)) == (102, 250)


# Never in the way.


def test_a_failing_call_does_not_wait_for_its_alert(discord, make_call):
    """While Discord hangs, the failing call and its event loop go on."""
    answering = threading.Event()
    discord.mock(side_effect=lambda _request: answering.wait() and httpx.Response(200))

    async def main():
        order = []
        asyncio.get_running_loop().call_soon(order.append, "the loop went on")
        fail(make_call(), 50)
        order.append("the call went on")
        await asyncio.sleep(0)
        order.append("discord answers" if discord.call_count == 0 or not answering.is_set() else "")
        return order

    try:
        assert asyncio.run(main()) == ["the call went on", "the loop went on", "discord answers"]
    finally:
        answering.set()
    assert len(contents(discord)) == 1


def test_nothing_but_the_resilience_logger_is_used(discord, make_call, caplog):
    """Of a delivered alert no logger but our own says a word, so no other can say too much."""
    caplog.set_level(logging.INFO)
    fail(make_call(), 50)
    contents(discord)
    assert {record.name for record in caplog.records} == {"resilience"}
