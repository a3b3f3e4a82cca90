"""Emptying one queue: tries, waits, bursts, and what is told about them. Time moves where the line waits."""

from __future__ import annotations

import pytest

from resilience._alerts.delivery.cooldowns import Cooldown
from resilience._alerts.delivery.line import MOST_TRIES, MOST_WAITING, PATIENCE_S, Line
from resilience._alerts.delivery.sink import Undelivered
from tests.resilience.alerts.fake_alert import FakeAlert

LATER = Undelivered("HTTP 500", try_again=True, may_have_arrived=True)
NOT_CONNECTED = Undelivered("ConnectError: refused", try_again=True)
HELD = Undelivered("rate limited", try_again=True, backs_off=False)
NEVER = Undelivered("HTTP 404")


class Waiting:
    """A latch whose waits take no time but move the clock, and are recorded."""

    def __init__(self, clock):
        self.is_open = False
        self.waits = []
        self.meanwhile = lambda: None
        self._clock = clock

    def open(self):
        """End all waits."""
        self.is_open = True

    def wait(self, timeout):
        """Let the time pass, and what happens meanwhile happen."""
        self.waits.append(timeout)
        self._clock.advance(timeout)
        self.meanwhile()
        return self.is_open


class Channel:
    """A destination that answers from a list, then takes everything."""

    most_per_message = 10

    def __init__(self, *answers):
        self.answers = list(answers)
        self.messages = []
        self.again = []
        self.cooldowns = []
        self.closed = 0

    def cooldown(self):
        """Return the first cooldown that is not over."""
        return next((each for each in self.cooldowns if each.left_s() > 0), None)

    def send(self, alerts, *, again):
        """Record a message and answer it."""
        self.messages.append([each.text for each in alerts])
        self.again.append(again)
        answer = self.answers.pop(0) if self.answers else None
        if isinstance(answer, BaseException):
            raise answer
        return answer

    def close(self):
        """Count."""
        self.closed += 1


class Told:
    """What became of each alert, in the order in which it was told."""

    def __init__(self):
        self.all = []

    def alert(self, text, *, leaves=True):
        """Make an alert."""
        return FakeAlert(text, self.all, leaves=leaves)


@pytest.fixture
def waiting(clock):
    """What the line under test waits with."""
    return Waiting(clock)


def run(line, alerts):
    """Queue alerts and work the line in this thread."""
    for alert in alerts:
        line.append(alert)
    line.work_where_no_thread_does(within_s=None)


def test_alerts_that_can_leave_at_once_leave_one_by_one(waiting):
    """Each alert is a message of its own, in order, and the connection is closed after the last."""
    channel, told = Channel(), Told()
    line = Line(channel, stopped=waiting)
    run(line, [told.alert("a"), told.alert("b")])
    assert channel.messages == [["a"], ["b"]]
    assert told.all == ["a delivered", "b delivered"]
    assert (channel.closed, line.is_unused, waiting.waits) == (1, True, [])


def test_failures_are_tried_again_with_growing_jittered_waits(waiting):
    """A failing server is asked five times, after waits of 1-2, 2-4, 4-8 and 8-16 s; then the alert has failed."""
    channel, told = Channel(*[LATER] * 9), Told()
    run(Line(channel, stopped=waiting), [told.alert("a")])
    assert len(channel.messages) == MOST_TRIES
    assert [2**n / 2 <= wait <= 2**n for n, wait in enumerate(waiting.waits, start=1)] == [True] * 4
    assert told.all == ["a failed: HTTP 500 (gave up after 5 tries)"]


def test_a_recovery_delivers(waiting):
    """Failures of any kind before a success leave one delivered alert and no word about the failures."""
    channel, told = Channel(NOT_CONNECTED, LATER, HELD), Told()
    run(Line(channel, stopped=waiting), [told.alert("a")])
    assert told.all == ["a delivered"]


def test_only_an_uncertain_try_makes_the_next_one_a_repetition(waiting):
    """After a refused connection nothing can be there twice; after a lost answer it can, to the end."""
    channel, told = Channel(NOT_CONNECTED, LATER, NOT_CONNECTED), Told()
    run(Line(channel, stopped=waiting), [told.alert("a")])
    assert channel.again == [False, False, True, True]


def test_who_has_no_time_begins_nothing_that_is_too_late(waiting, clock):
    """A worker with ten seconds neither waits nor sends beyond them, and the next one goes on where it has stopped."""
    channel, told = Channel(LATER, LATER, LATER, LATER), Told()
    line = Line(channel, stopped=waiting)
    line.append(told.alert("a"))
    line.append(told.alert("b"))
    line.work_where_no_thread_does(within_s=10)
    assert sum(waiting.waits) < 10
    assert 3 <= len(channel.messages) <= 4
    assert told.all == []
    line.work_where_no_thread_does(within_s=0)
    line.work_where_no_thread_does(within_s=None)
    assert channel.messages == [["a"]] * 5 + [["b"]]
    assert told.all == ["a delivered", "b delivered"]


def test_what_can_never_arrive_is_not_tried_again(waiting):
    """A permanent refusal fails the alert at once, and the next alert is sent all the same."""
    channel, told = Channel(NEVER), Told()
    run(Line(channel, stopped=waiting), [told.alert("a"), told.alert("b")])
    assert channel.messages == [["a"], ["b"]]
    assert told.all == ["a failed: HTTP 404", "b delivered"]


def test_a_cooldown_is_waited_out_before_sending(waiting):
    """Nothing is sent while the destination has to be left alone."""
    channel, told = Channel(), Told()
    channel.cooldowns.append(Cooldown(40, "full"))
    run(Line(channel, stopped=waiting), [told.alert("a")])
    assert waiting.waits == [40]
    assert channel.messages == [["a"]]


def test_what_piles_up_in_a_cooldown_leaves_together(waiting):
    """After a cooldown, what waits leaves in as few messages as can carry it; then it is one by one again."""
    channel, told = Channel(), Told()
    line = Line(channel, stopped=waiting)
    channel.cooldowns.append(Cooldown(2, "full"))
    names = [f"{number}" for number in range(30)]
    original = channel.send

    def send(alerts, *, again):
        if len(channel.messages) == 2:
            for late in ("late", "later"):
                line.append(told.alert(late))
        return original(alerts, again=again)

    channel.send = send
    run(line, [told.alert(name) for name in names])
    assert channel.messages == [names[:10], names[10:20], names[20:], ["late"], ["later"]]
    assert told.all == [f"{name} delivered" for name in [*names, "late", "later"]]


def test_a_rate_limited_message_takes_along_what_came_meanwhile(waiting):
    """A message that was refused for the rate limit has not arrived, so it can grow before it is sent again."""
    channel, told = Channel(HELD), Told()
    line = Line(channel, stopped=waiting)
    original = channel.send

    def send(alerts, *, again):
        if not channel.messages:
            channel.cooldowns.append(Cooldown(3, "rate limited"))
            line.append(told.alert("b"))
        return original(alerts, again=again)

    channel.send = send
    run(line, [told.alert("a")])
    assert channel.messages == [["a"], ["a", "b"]]
    assert waiting.waits == [3]


def test_a_message_that_may_be_there_does_not_grow(waiting):
    """What is sent again after a lost answer is the same message, or it could not be recognised."""
    channel, told = Channel(LATER), Told()
    run(Line(channel, stopped=waiting), [told.alert("a"), told.alert("b")])
    assert channel.messages == [["a"], ["a"], ["b"]]


def test_patience_is_bounded(waiting):
    """Cooldowns that add up to more than two minutes fail the alert, with the reason, instead of being slept through."""
    channel, told = Channel(), Told()
    channel.cooldowns += [Cooldown(119, "first")]
    line = Line(channel, stopped=waiting)
    waiting.meanwhile = lambda: channel.cooldowns.append(Cooldown(2, "rate limited, HTTP 429"))
    run(line, [told.alert("a")])
    assert waiting.waits == [119]
    assert told.all == ["a failed: its destination is to be left alone for 2 s: rate limited, HTTP 429"]
    assert channel.messages == []


def test_a_long_ban_fails_what_waits_at_once(waiting):
    """With an hour to wait, each alert fails without any waiting."""
    channel, told = Channel(), Told()
    channel.cooldowns.append(Cooldown(3600, "banned"))
    run(Line(channel, stopped=waiting), [told.alert("a"), told.alert("b")])
    assert waiting.waits == []
    assert told.all == [f"{name} failed: its destination is to be left alone for 3600 s: banned" for name in "ab"]
    assert PATIENCE_S < 3600


def test_a_cooldown_ends_under_a_clock_that_stands_still(waiting, monkeypatch):
    """Where the clock does not move, a cooldown is waited for once and not for ever."""
    channel, told = Channel(HELD), Told()
    channel.cooldowns.append(Cooldown(5, "full"))
    monkeypatch.setattr(waiting._clock, "advance", lambda _seconds: None)
    run(Line(channel, stopped=waiting), [told.alert("a")])
    assert waiting.waits == [5]
    assert told.all == ["a delivered"]


def test_a_full_queue_drops_its_oldest_and_says_so_once(waiting, events):
    """Beyond a hundred waiting alerts the oldest go; one event tells how many."""
    channel, told = Channel(), Told()
    line = Line(channel, stopped=waiting)
    alerts = [told.alert(f"{number}") for number in range(MOST_WAITING + 3)]
    run(line, alerts)
    assert [each.settled.is_open and not each.reached for each in alerts] == [True] * 3 + [False] * MOST_WAITING
    assert [event.problem for event in events] == ["3 alerts were dropped, since 100 newer ones were waiting"]
    assert [message[0] for message in channel.messages] == [f"{number}" for number in range(3, MOST_WAITING + 3)]


def test_a_single_dropped_alert_is_spoken_of_in_the_singular(waiting, events):
    """One alert too many is one alert dropped."""
    run(Line(Channel(), stopped=waiting), [FakeAlert() for _ in range(MOST_WAITING + 1)])
    assert [event.problem for event in events] == ["an alert was dropped, since 100 newer ones were waiting"]


def test_what_must_not_leave_does_not(waiting):
    """An alert that the fleet does not grant disappears without a word, alone or in a burst."""
    channel, told = Channel(), Told()
    line = Line(channel, stopped=waiting)
    channel.cooldowns.append(Cooldown(1, "full"))
    run(
        line,
        [told.alert("x", leaves=False), told.alert("a"), told.alert("y", leaves=False), told.alert("b")],
    )
    assert channel.messages == [["a", "b"]]
    assert told.all == ["a delivered", "b delivered"]


def test_a_destination_that_raises_fails_the_alert_and_no_other(waiting):
    """An unexpected error of a destination is the problem of one message; its secrets are redacted."""
    channel, told = Channel(RuntimeError("token=s3cr3t-t0ken-value")), Told()
    run(Line(channel, stopped=waiting), [told.alert("a"), told.alert("b")])
    assert told.all == ["a failed: RuntimeError: token=[redacted]", "b delivered"]


def test_a_destination_without_a_file_descriptor_left_is_tried_again(waiting):
    """Trouble of the operating system passes: the alert is sent again, and does not count as one that may be there."""
    channel, told = Channel(OSError(24, "Too many open files")), Told()
    run(Line(channel, stopped=waiting), [told.alert("a")])
    assert (channel.messages, channel.again, told.all) == ([["a"], ["a"]], [False, False], ["a delivered"])


def test_stopping_cuts_a_wait_short_and_hands_back_the_rest(waiting):
    """A stopped line sends nothing more and returns what it could not deliver, the waiting message first."""
    channel, told = Channel(NOT_CONNECTED), Told()
    line = Line(channel, stopped=waiting)
    waiting.meanwhile = line.stop
    alerts = [told.alert("a"), told.alert("b")]
    run(line, alerts)
    assert line.join(0) == alerts
    assert channel.messages == [["a"]]
    assert told.all == []


def test_a_dying_thread_leaves_nobody_waiting(waiting):
    """What no handler may swallow ends the line: nothing waits for it any more, and the next alert starts another."""
    line, alerts = Line(Channel(SystemExit()), stopped=waiting), [FakeAlert("a"), FakeAlert("b")]
    with pytest.raises(SystemExit):
        run(line, alerts)
    assert line.is_unused
    assert [each.settled.is_open for each in alerts] == [True, True]
