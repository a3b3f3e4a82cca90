"""What gets alerts besides Discord: notifiers, and the memory of an isolated block."""

from __future__ import annotations

import threading

import httpx
import pytest
import respx

from resilience import alerts
from resilience._config import configured
from resilience.alerts import Alert, send_rate_limited_discord_alert, should_send_alert
from resilience.events import AlertDelivered, AlertFailed
from tests.resilience.alerts.conftest import API, REFUSED, Recorder, about_alerts, contents, fail


def test_a_notifier_gets_every_alert_beside_discord(discord, make_call, events):
    """A notifier is handed what Discord is sent, and both together are one delivered alert."""
    recorder = Recorder()
    with configured(notifiers=[recorder]):
        fail(make_call(), 50)
        (text,) = contents(discord)
    assert recorder.alerts == [
        Alert(
            text=text,
            function="connect",
            context="Redis_infrastructure",
            error_type="ConnectionError",
            attempt=50,
            channel=None,
        )
    ]
    assert [type(event) for event in events] == [AlertDelivered]


def test_notifiers_do_without_discord(make_call, events, caplog):
    """Without a webhook the notifiers get the alerts, and nobody complains."""
    recorder = Recorder()
    with configured(discord_webhook_url=None, notifiers=[recorder]), alerts.isolated():
        fail(make_call(), 50)
        assert send_rate_limited_discord_alert("f", REFUSED, "", "by hand", channel="urgent")
        alerts.flush(None)
    assert [(alert.attempt, alert.channel) for alert in recorder.alerts] == [(50, None), (None, "urgent")]
    assert [type(event) for event in events] == [AlertDelivered]
    assert [level for level, _ in about_alerts(caplog)] == ["CRITICAL"]


def test_a_failing_notifier_is_told_and_hurts_nobody(discord, make_call, events):
    """What a notifier raises is reported with its name, and Discord gets the alert all the same."""
    with configured(notifiers=[Recorder(OSError("smtp://user:hunter2@mail is down"))]):
        fail(make_call(), 50)
        assert len(contents(discord)) == 1
    problems = [event.problem for event in events if isinstance(event, AlertFailed)]
    assert problems == ["Recorder: OSError: smtp://user:[redacted]@mail is down"]
    assert [event.attempt for event in events if isinstance(event, AlertDelivered)] == [50]


def test_an_isolated_block_remembers_nothing_and_is_forgotten():
    """A block starts with free windows, may be nested, and gives the outer memory back."""
    with alerts.isolated():
        answers = [should_send_alert("f", REFUSED)]
        with alerts.isolated():
            answers += [should_send_alert("f", REFUSED), should_send_alert("f", REFUSED)]
        answers.append(should_send_alert("f", REFUSED))
    assert answers == [True, True, False, False]


def test_an_isolated_block_cleans_up_whatever_happens(webhook, make_call):
    """Also after an error, the outer system is back and no thread of the block is left."""
    recorder = Recorder()

    def raise_in_block():
        with configured(notifiers=[recorder]), alerts.isolated(), respx.mock as router:
            router.post(API).respond(200)
            should_send_alert("f", REFUSED)
            fail(make_call(), 50)
            alerts.flush(None)
            raise LookupError("in the block")

    with pytest.raises(LookupError, match="in the block"):
        raise_in_block()
    assert should_send_alert("f", REFUSED)
    assert not [each for each in threading.enumerate() if each.name == "resilience-alerts"]


def test_what_is_on_its_way_at_the_end_of_a_block_is_dropped(webhook, make_call, events):
    """A message that waits for its next try when the block ends is dropped without a word, at once."""
    asked = threading.Event()
    answer = httpx.Response(429, json={"retry_after": 30}, headers={"Via": "1.1 google"})
    with alerts.isolated(), respx.mock as router:
        router.post(API).mock(side_effect=lambda _request: asked.set() or answer)
        fail(make_call(), 50)
        asked.wait()
    assert events == []
