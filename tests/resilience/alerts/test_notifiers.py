"""Notifiers that do not do as they should: none of them counts as delivered, and none keeps alerting for ever."""

from __future__ import annotations

import threading

import pytest
import tenacity

from resilience import alerts, configure, conn_retry
from resilience._config import configured
from resilience.alerts import send_rate_limited_discord_alert
from resilience.events import AlertDelivered, AlertFailed, AlertSuppressed
from tests.resilience.alerts.test_alerting import fail


class Notifying:
    """A notifier that does as a test says."""

    def __init__(self, notify):
        self.notify = notify


@pytest.fixture
def using():
    """Alert nobody but the notifiers that the test names."""
    with configured(discord_webhook_url=None), alerts.isolated():
        yield lambda *notifiers: configure(notifiers=notifiers)


def problems(events):
    """What was told of alerts that failed, when everything has been told."""
    assert alerts.flush(60)
    return [event.problem for event in events if isinstance(event, AlertFailed)]


def test_a_notifier_that_returns_false_has_not_delivered(using, make_call, events):
    """A notifier may say no instead of raising; what is no answer, such as None, says yes."""
    using(Notifying(lambda _alert: False))
    fail(make_call(), 50)
    assert problems(events) == ["Notifying: notify() returned False"]
    using(*(Notifying(lambda _alert, answer=answer: answer) for answer in (None, True, 0, "")))
    fail(make_call(), 50, error=OSError("other"))
    assert len(problems(events)) == 1
    assert [type(event) for event in events] == [AlertFailed, AlertDelivered]


def test_a_notifier_whose_answer_has_to_be_awaited_has_not_delivered(using, make_call, events):
    """What nobody awaits has done nothing: the alert has failed, and Python does not warn of it besides."""

    async def post():
        pytest.fail("nobody is there to run it")

    using(Notifying(lambda _alert: post()))
    fail(make_call(), 50)
    assert problems(events) == [
        "Notifying: notify() returned a coroutine, which nobody awaits: it may block, as it has a thread of its own"
    ]


class Asynchronous:
    """A notifier for an event loop."""

    async def notify(self, alert):
        """Do nothing."""


class AsynchronousCall:
    """A callable object whose call has to be awaited."""

    async def __call__(self, alert):
        """Do nothing."""


ASYNC = (
    "notifiers must have a notify(alert) method that nobody has to await, got the async one of {name}: write "
    "`def notify(self, alert)`, which may block, as it has a thread of its own"
)


@pytest.mark.parametrize(
    ("notifier", "problem"),
    [
        (Asynchronous(), ASYNC.format(name="Asynchronous")),
        (Notifying(AsynchronousCall()), ASYNC.format(name="Notifying")),
        (
            Asynchronous,
            "notifiers must be objects with a notify(alert) method, got the class Asynchronous: write Asynchronous(...)",
        ),
    ],
)
def test_a_notifier_that_can_deliver_nothing_is_refused(notifier, problem):
    """An async method and a class in the place of an object are refused where they are configured."""
    with pytest.raises(TypeError) as refused:
        configure(notifiers=[notifier])
    assert str(refused.value) == problem


def test_a_notifier_that_fails_does_not_alert_about_itself(using, events):
    """What fails while an alert is delivered is logged, and its own alert held back: else it would never end."""

    @conn_retry("Pager", "post", max_retry=1, wait=tenacity.wait_none())
    def post(alert):
        calls.append(alert.text)
        raise ConnectionError(f"refused {len(calls)}")

    calls = []
    using(Notifying(post))
    with pytest.raises(ConnectionError):
        conn_retry("Redis", "connect", max_retry=0)(_refuse)()
    assert problems(events) == ["Notifying: ConnectionError: refused 2"]
    assert len(calls) == 2
    assert [event.call.failpoint for event in events if isinstance(event, AlertSuppressed)] == ["Pager.post"]


def test_a_notifier_that_alerts_by_hand_does_not_wait_for_itself(using, make_call, events):
    """An alert by hand from inside a delivery is held back at once; it could only wait for itself."""
    answers = []

    def notify(alert):
        answers.append(send_rate_limited_discord_alert("notify", OSError("no"), "", "the pager is down"))

    using(Notifying(notify))
    fail(make_call(), 50)
    assert problems(events) == []
    assert answers == [False]


def test_other_threads_alert_while_one_delivers(using, make_call, events):
    """Only the delivering thread's own failures are held back."""
    delivering, may_end = threading.Event(), threading.Event()

    def notify(_alert):
        delivering.set()
        may_end.wait()

    using(Notifying(notify))
    fail(make_call(), 50)
    delivering.wait()
    fail(make_call(), 50, error=OSError("other"))
    may_end.set()
    assert problems(events) == []
    assert [type(event) for event in events] == [AlertDelivered, AlertDelivered]


def _refuse():
    raise ConnectionError("refused")
