"""``configure(alert_recoveries=True)``: a call that has alerted says once that it has recovered."""

from __future__ import annotations

import threading

import httpx
import pytest
import tenacity

from resilience import alerts, configure, conn_retry, continuous_retry, create_retry_decorator
from resilience._config import configured
from resilience.alerts import Alert
from resilience.events import CallEnded, RecoveryDelivered, stream
from tests.resilience.alerts.conftest import contents
from tests.resilience.alerts.test_alerting import fail

NO_WAIT = {"wait": tenacity.wait_none()}


@pytest.fixture(autouse=True)
def recoveries():
    """Ask for them."""
    with configured(alert_recoveries=True):
        yield


@pytest.fixture
def told():
    """Record what is reported of them."""
    recorded = []
    end = stream.subscribe(recorded.append, RecoveryDelivered)
    yield recorded
    end()


def failing(times, decorator):
    """A decorated function that fails so many times."""
    failures = [ConnectionError("refused")] * times

    @decorator
    def fetch():
        if failures:
            raise failures.pop()

    return fetch


def recover(call, attempt=61):
    """Report the end of a call as the engine does."""
    stream.emit(CallEnded(call=call, attempts=attempt, outcome="recovered"))


@pytest.mark.parametrize(
    ("decorator", "text"),
    [
        (create_retry_decorator(5, context="billing", alert_threshold=2, **NO_WAIT), "billing: 'fetch' at attempt 4"),
        (create_retry_decorator(5, alert_threshold=2, **NO_WAIT), "'fetch' at attempt 4"),
        (conn_retry("Redis", "connect", alert_threshold=2, **NO_WAIT), "Redis_infrastructure: 'fetch' at attempt 4"),
        (continuous_retry(retry_delay=0.001, alert_threshold=2), "'fetch' at attempt 4"),
    ],
)
def test_a_call_that_alerted_says_that_it_has_recovered(discord, told, decorator, text):
    """Its alert is followed by one notice, which is reported, and which no other call sends."""
    failing(3, decorator)()
    failing(3, decorator)()
    alert, recovery = contents(discord)
    assert "Current attempt: 2/" in alert
    assert recovery == f"✅ Recovered: {text}"
    assert [(event.call.function, event.attempt) for event in told] == [("fetch", 4)]


def test_without_being_asked_for_nothing_is_said(discord):
    """By default a recovery is a line of the log."""
    with configured(alert_recoveries=None):
        failing(3, create_retry_decorator(5, alert_threshold=2, **NO_WAIT))()
    assert len(contents(discord)) == 1


def test_a_call_that_did_not_alert_says_nothing(discord, make_call):
    """Neither a call below its threshold nor one that was held back has anything to take back."""
    first, second = make_call(), make_call()
    fail(first, 1, 49)
    recover(first, 50)
    fail(make_call(), 50)
    fail(second, 50)
    recover(second)
    assert len(contents(discord)) == 1


def test_a_call_whose_alert_was_not_delivered_says_nothing(discord, make_call, told):
    """Nobody is told of the end of an outage that nobody was told of."""
    discord.mock(side_effect=[httpx.Response(302)])
    call = make_call()
    fail(call, 50)
    recover(call)
    assert len(contents(discord)) == 1
    assert told == []


def test_a_call_that_gives_up_says_nothing(discord, make_call):
    """What ends without a success has not recovered."""
    call = make_call()
    fail(call, 50)
    stream.emit(CallEnded(call=call, attempts=101, outcome="gave_up", reason="attempts", error=OSError("no")))
    assert len(contents(discord)) == 1


def test_a_recovery_counts_for_the_cap(discord, make_call, clock):
    """Where there is no room it is held back like an alert, and the window of the outage stays taken."""
    call = make_call()
    with configured(max_alerts_per_minute=1):
        fail(call, 50)
        recover(call)
        clock.advance(60)
        fail(make_call(), 50)
        assert len(contents(discord)) == 1


def test_who_was_told_of_the_outage_is_told_of_its_end_beside_a_destination_that_fails(make_call):
    """What one destination can't take is no matter of another that takes longer."""

    class Broken:
        def notify(self, alert):
            raise RuntimeError("the pager is down")

    class Slow:
        def notify(self, alert):
            received.append(alert.text)
            recovered.wait(60)
            for thread in threading.enumerate():  # that of the broken one has dealt with the notice, too
                if thread.name == threading.current_thread().name and thread is not threading.current_thread():
                    thread.join(60)

    received, recovered = [], threading.Event()
    call = make_call()
    with configured(discord_webhook_url=None, notifiers=[Broken(), Slow()]), alerts.isolated():
        fail(call, 50)
        recover(call)
        recovered.set()
        assert alerts.flush(60)
    assert len(received) == 2
    assert received[1].startswith("✅ Recovered: ")


def test_a_notifier_is_told_what_it_is_about(make_call):
    """A notice is an alert without an error, for the channel of its call."""

    class Inbox:
        def notify(self, alert):
            received.append(alert)

    received = []
    call = make_call("charge", kind="retry", context="billing", channel="ops")
    with configured(discord_webhook_url=None, notifiers=[Inbox()]), alerts.isolated():
        fail(call, 50)
        recover(call)
        assert alerts.flush(60)
    assert received[1] == Alert(
        text="✅ Recovered: billing: 'charge' at attempt 61",
        function="charge",
        context="billing",
        error_type="",
        attempt=61,
        channel="ops",
    )


@pytest.mark.parametrize("value", [1, "yes", object])
def test_a_wrong_value_is_refused(value):
    """It is a bool."""
    with pytest.raises(TypeError) as refused:
        configure(alert_recoveries=value)
    assert str(refused.value) == f"alert_recoveries must be a bool, got {type(value).__name__}"
