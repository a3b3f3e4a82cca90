"""Storms: what the cap refuses loses nothing, and noise does not silence an outage."""

from __future__ import annotations

import itertools
import re
import threading

import pytest

from resilience import alerts
from resilience._config import configured
from resilience.alerts import send_rate_limited_discord_alert
from resilience.events import AlertSuppressed, AttemptFailed, stream


class Inbox:
    """A notifier that keeps what it gets, with the time, and can be made to wait."""

    def __init__(self, clock):
        self.alerts = []
        self.entered, self.open = threading.Event(), threading.Event()
        self.open.set()
        self._clock, self._start_ns = clock, clock.ns

    def notify(self, alert):
        """Record."""
        self.entered.set()
        self.open.wait()
        self.alerts.append(((self._clock.ns - self._start_ns) / 1e9, alert))

    def times(self, function):
        """When the alerts of a function came, in seconds since the test began."""
        return [at for at, alert in self.alerts if alert.function == function]

    @property
    def told(self):
        """How many alerts the others say were held back."""
        found = (re.search(r"(\d+) more alerts? w", alert.text) for _, alert in self.alerts)
        return sum(int(each[1]) for each in found if each)


@pytest.fixture
def inbox(clock):
    """Alert nobody but a notifier, from a memory of its own."""
    inbox = Inbox(clock)
    with configured(discord_webhook_url=None, notifiers=[inbox]), alerts.isolated():
        yield inbox


def fail(call, message, attempt=50):
    """Report a failed attempt as the engine does."""
    stream.emit(AttemptFailed(call=call, attempt=attempt, error=ConnectionError(message), wait_s=1.0))


def by_call(make_call):
    """Alert as failing calls do."""
    calls = {}

    def alert(function, message):
        call = calls.setdefault(function, make_call(function, failpoint=f"shop:{function}"))
        fail(call if message == "down" else make_call(function, failpoint=f"shop:{function}"), message)

    return alert


def by_hand(_make_call):
    """Alert by hand."""

    def alert(function, message):
        send_rate_limited_discord_alert(function, ConnectionError(message), "", message)

    return alert


ways = pytest.mark.parametrize("way", [by_call, by_hand])


@ways
def test_what_the_cap_refuses_keeps_its_window_free(inbox, clock, make_call, way):
    """A failure that is refused amid 20 others alerts as soon as there is room, and not a window later."""
    alert = way(make_call)
    for number in range(20):
        alert("parse", f"noise {number}")
    alert("connect", "down")
    alerts.flush(None)
    assert inbox.times("connect") == []
    clock.advance(60)
    alert("connect", "down")
    alerts.flush(None)
    assert inbox.times("connect") == [60]


@ways
@pytest.mark.parametrize("most", [1, 2, 3, 20])
def test_the_alert_of_an_outage_is_never_lost_in_noise(inbox, clock, make_call, way, most):
    """A quarter of an hour of 25 distinct errors a minute delays the alerts of an outage by no more than a minute."""
    alert = way(make_call)
    with configured(max_alerts_per_minute=most):
        for tick in range(16 * 25):
            alert("parse", f"noise {tick}")
            if tick % 8 == 0:  # every 19 seconds
                alert("connect", "down")
            alerts.flush(None)
            clock.advance(2.4)
    times = inbox.times("connect")
    assert times[0] <= 80
    assert all(300 <= later - earlier <= 320 for earlier, later in itertools.pairwise(times[1:])), times
    assert times[-1] > 16 * 60 - 320
    ordered = sorted(at for at, _ in inbox.alerts)
    assert all(later - earlier >= 60 for earlier, later in zip(ordered, ordered[most:], strict=False))


def test_all_that_is_held_back_is_counted(inbox, clock, make_call):
    """The next alert tells what the cap has held back, and what its own window has; nothing is told twice."""
    suppressed = []
    end = stream.subscribe(suppressed.append, AlertSuppressed)
    alert = by_call(make_call)
    for tick in range(400):
        alert("parse", f"noise {tick % 50}")
        alert("connect", "down")
        alerts.flush(None)  # a full queue would drop some, which the next alert tells of too
        clock.advance(2.4)
    for number in range(50):
        clock.advance(300)
        alert("parse", f"noise {number}")
        alert("connect", "down")
    alerts.flush(None)
    end()
    assert len(suppressed) > 400
    assert inbox.told == len(suppressed)


def test_the_window_alone_is_counted(inbox, clock, make_call):
    """An outage that goes on says in its next alert how many its window has held back."""
    call = make_call()
    for attempt in range(50, 61):
        fail(call, "down", attempt)
    clock.advance(300)
    fail(call, "down", 61)
    alerts.flush(None)
    assert [each.text.splitlines()[-1] for _, each in inbox.alerts] == [
        "Infrastructure component is approaching failure threshold. Investigate immediately.",
        "10 more alerts were held back before this one.",
    ]


def test_what_a_full_queue_drops_keeps_its_window_free(inbox, make_call):
    """An alert that was dropped because newer ones were waiting alerts when it fails again."""
    inbox.open.clear()
    with configured(max_alerts_per_minute=10**6):
        fail(make_call(), "first")
        inbox.entered.wait()
        for number in range(101):
            fail(make_call(), f"failure {number}")
        inbox.open.set()
        alerts.flush(None)
        fail(make_call(), "failure 0")
        alerts.flush(None)
    lines = [alert.text.splitlines()[5] for _, alert in inbox.alerts]
    assert lines[-1] == "Error: ConnectionError: failure 0"
    assert len(lines) == 102


def test_what_a_full_queue_drops_leaves_its_room_to_another(inbox, make_call):
    """An alert that was dropped has not left, so it does not count for the cap."""
    inbox.open.clear()
    with configured(max_alerts_per_minute=102):
        fail(make_call(), "first")
        inbox.entered.wait()
        for number in range(101):
            fail(make_call(), f"failure {number}")
        fail(make_call(), "one more")
        inbox.open.set()
        alerts.flush(None)
    assert len(inbox.alerts) == 101
    assert inbox.alerts[-1][1].text.splitlines()[5] == "Error: ConnectionError: one more"


def test_the_cap_leaves_the_window_of_the_fleet_free(inbox, server, clock, make_call):
    """With Redis, too, what is refused for want of room alerts as soon as there is room."""
    with configured(redis_url=server.url, max_alerts_per_minute=1):
        for function, seconds in (("parse", 0), ("connect", 60), ("connect", 0)):
            fail(make_call(function), "down")
            alerts.flush(None)
            clock.advance(seconds)
    assert (inbox.times("parse"), inbox.times("connect")) == ([0], [60])
