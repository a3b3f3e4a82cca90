"""Emptying one queue: tries, waits, bursts, and what is told about them. Time moves where the line waits."""

from __future__ import annotations

import threading
from collections.abc import Callable, Sequence

import pytest

from resilience._alerts.delivery.holds import Hold
from resilience._alerts.delivery.line import MOST_TRIES, MOST_WAITING, PATIENCE_S, Line
from resilience._alerts.delivery.message import Delivery, Undelivered
from resilience.alerts import Alert

LATER = Undelivered("HTTP 500", try_again=True, may_have_arrived=True)
NOT_CONNECTED = Undelivered("ConnectError: refused", try_again=True)
HELD = Undelivered("rate limited", try_again=True, backs_off=False)
NEVER = Undelivered("HTTP 404")


class Waiting(threading.Condition):
    """A condition whose waits take no time but move the clock, and are recorded."""

    def __init__(self, clock) -> None:
        super().__init__()
        self.waits: list[float] = []
        self.meanwhile: Callable[[], object] = lambda: None
        self._clock = clock

    def wait_for(self, predicate, timeout=None):
        """Let the time pass, and what happens meanwhile happen, unless there is nothing to wait for."""
        assert timeout is not None, "waits for ever"
        if timeout > 0 and not predicate():
            self.waits.append(timeout)
            self._clock.advance(timeout)
            self.meanwhile()
        return predicate()


class Channel:
    """A destination that answers from a list, then takes everything."""

    most_per_message = 10

    def __init__(self, *answers: Undelivered | BaseException | None) -> None:
        self.answers = list(answers)
        self.messages: list[list[str]] = []
        self.again: list[bool] = []
        self.holds: list[Hold] = []
        self.closed = 0

    def hold(self) -> Hold | None:
        """Return the first hold that is not over."""
        return next((each for each in self.holds if each.left_s() > 0), None)

    def send(self, alerts: Sequence[Alert], *, again: bool) -> Undelivered | None:
        """Record a message and answer it."""
        self.messages.append([each.text for each in alerts])
        self.again.append(again)
        answer = self.answers.pop(0) if self.answers else None
        if isinstance(answer, BaseException):
            raise answer
        return answer

    def close(self) -> None:
        """Count."""
        self.closed += 1


class Told:
    """What became of each alert, in the order in which it was told."""

    def __init__(self) -> None:
        self.all: list[str] = []

    def delivery(self, text: str, *, leaves: bool = True) -> Delivery:
        """Make the delivery of an alert."""
        delivery = Delivery(
            lambda: Alert(text=text, function="f", context="", error_type="E"),
            may_leave=lambda: leaves,
            on_delivered=lambda: self.all.append(f"{text} delivered"),
            on_failed=lambda problem: self.all.append(f"{text} failed: {problem}"),
        )
        delivery.expect(1)
        return delivery


@pytest.fixture
def changed(clock) -> Waiting:
    """The lock of the line under test."""
    return Waiting(clock)


def run(line: Line, deliveries: Sequence[Delivery]) -> None:
    """Queue alerts and work the line in this thread."""
    for delivery in deliveries:
        line.append(delivery)
    assert line.adopt()
    line.work()


def test_alerts_that_can_leave_at_once_leave_one_by_one(changed):
    """Each alert is a message of its own, in order, and the connection is closed after the last."""
    channel, told = Channel(), Told()
    line = Line(channel, changed)
    run(line, [told.delivery("a"), told.delivery("b")])
    assert channel.messages == [["a"], ["b"]]
    assert told.all == ["a delivered", "b delivered"]
    assert (channel.closed, line.ended, changed.waits) == (1, True, [])


def test_failures_are_tried_again_with_growing_jittered_waits(changed):
    """A failing server is asked five times, after waits of 1-2, 2-4, 4-8 and 8-16 s; then the alert has failed."""
    channel, told = Channel(*[LATER] * 9), Told()
    run(Line(channel, changed), [told.delivery("a")])
    assert len(channel.messages) == MOST_TRIES
    assert [2**n / 2 <= wait <= 2**n for n, wait in enumerate(changed.waits, start=1)] == [True] * 4
    assert told.all == ["a failed: HTTP 500 (gave up after 5 tries)"]


def test_a_recovery_delivers(changed):
    """Failures of any kind before a success leave one delivered alert and no word about the failures."""
    channel, told = Channel(NOT_CONNECTED, LATER, HELD), Told()
    run(Line(channel, changed), [told.delivery("a")])
    assert told.all == ["a delivered"]


def test_only_an_uncertain_try_makes_the_next_one_a_repetition(changed):
    """After a refused connection nothing can be there twice; after a lost answer it can, to the end."""
    channel, told = Channel(NOT_CONNECTED, LATER, NOT_CONNECTED), Told()
    run(Line(channel, changed), [told.delivery("a")])
    assert channel.again == [False, False, True, True]


def test_who_has_no_time_begins_nothing_that_is_too_late(changed, clock):
    """A worker with ten seconds neither waits nor sends beyond them, and the next one goes on where it has stopped."""
    channel, told = Channel(LATER, LATER, LATER, LATER), Told()
    line = Line(channel, changed)
    line.append(told.delivery("a"))
    line.append(told.delivery("b"))
    assert line.adopt()
    line.work(within_s=10)
    assert sum(changed.waits) < 10
    assert 3 <= len(channel.messages) <= 4
    assert (line.ended, line.idle, told.all) == (False, False, [])
    assert line.adopt()
    line.work(within_s=0)
    assert line.adopt()
    line.work()
    assert channel.messages == [["a"]] * 5 + [["b"]]
    assert told.all == ["a delivered", "b delivered"]


def test_what_can_never_arrive_is_not_tried_again(changed):
    """A permanent refusal fails the alert at once, and the next alert is sent all the same."""
    channel, told = Channel(NEVER), Told()
    run(Line(channel, changed), [told.delivery("a"), told.delivery("b")])
    assert channel.messages == [["a"], ["b"]]
    assert told.all == ["a failed: HTTP 404", "b delivered"]


def test_a_hold_is_waited_out_before_sending(changed):
    """Nothing is sent while the destination has to be left alone."""
    channel, told = Channel(), Told()
    channel.holds.append(Hold(40, "full"))
    run(Line(channel, changed), [told.delivery("a")])
    assert changed.waits == [40]
    assert channel.messages == [["a"]]


def test_what_piles_up_in_a_hold_leaves_together(changed):
    """After a hold, what waits leaves in as few messages as can carry it; then it is one by one again."""
    channel, told = Channel(), Told()
    line = Line(channel, changed)
    channel.holds.append(Hold(2, "full"))
    names = [f"{number}" for number in range(30)]
    original = channel.send

    def send(alerts: Sequence[Alert], *, again: bool) -> Undelivered | None:
        if len(channel.messages) == 2:
            for late in ("late", "later"):
                line.append(told.delivery(late))
        return original(alerts, again=again)

    channel.send = send  # type: ignore[method-assign]  # a destination that changes while it is used
    run(line, [told.delivery(name) for name in names])
    assert channel.messages == [names[:10], names[10:20], names[20:], ["late"], ["later"]]
    assert told.all == [f"{name} delivered" for name in [*names, "late", "later"]]


def test_a_rate_limited_message_takes_along_what_came_meanwhile(changed):
    """A message that was refused for the rate limit has not arrived, so it can grow before it is sent again."""
    channel, told = Channel(HELD), Told()
    line = Line(channel, changed)
    original = channel.send

    def send(alerts: Sequence[Alert], *, again: bool) -> Undelivered | None:
        if not channel.messages:
            channel.holds.append(Hold(3, "rate limited"))
            line.append(told.delivery("b"))
        return original(alerts, again=again)

    channel.send = send  # type: ignore[method-assign]  # a destination that changes while it is used
    run(line, [told.delivery("a")])
    assert channel.messages == [["a"], ["a", "b"]]
    assert changed.waits == [3]


def test_a_message_that_may_be_there_does_not_grow(changed):
    """What is sent again after a lost answer is the same message, or it could not be recognised."""
    channel, told = Channel(LATER), Told()
    run(Line(channel, changed), [told.delivery("a"), told.delivery("b")])
    assert channel.messages == [["a"], ["a"], ["b"]]


def test_patience_is_bounded(changed):
    """Holds that add up to more than two minutes fail the alert, with the reason, instead of being slept through."""
    channel, told = Channel(), Told()
    channel.holds += [Hold(119, "first")]
    line = Line(channel, changed)
    changed.meanwhile = lambda: channel.holds.append(Hold(2, "rate limited, HTTP 429"))
    run(line, [told.delivery("a")])
    assert changed.waits == [119]
    assert told.all == ["a failed: its destination is to be left alone for 2 s: rate limited, HTTP 429"]
    assert channel.messages == []


def test_a_long_ban_fails_what_waits_at_once(changed):
    """With an hour to wait, each alert fails without any waiting."""
    channel, told = Channel(), Told()
    channel.holds.append(Hold(3600, "banned"))
    run(Line(channel, changed), [told.delivery("a"), told.delivery("b")])
    assert changed.waits == []
    assert told.all == [f"{name} failed: its destination is to be left alone for 3600 s: banned" for name in "ab"]
    assert PATIENCE_S < 3600


def test_a_hold_ends_under_a_clock_that_stands_still(changed, monkeypatch):
    """Where the clock does not move, a hold is waited for once and not for ever."""
    channel, told = Channel(HELD), Told()
    channel.holds.append(Hold(5, "full"))
    monkeypatch.setattr(changed._clock, "advance", lambda _seconds: None)
    run(Line(channel, changed), [told.delivery("a")])
    assert changed.waits == [5]
    assert told.all == ["a delivered"]


def test_a_full_queue_drops_its_oldest_and_says_so_once(changed):
    """Beyond a hundred waiting alerts the oldest go; one event tells how many."""
    channel, told = Channel(), Told()
    line = Line(channel, changed)
    kept = [line.append(told.delivery(f"{number}")) for number in range(MOST_WAITING + 3)]
    run(line, [])
    assert kept == [True] * MOST_WAITING + [False] * 3
    assert told.all[0] == "0 failed: 3 alerts were dropped, since 100 newer ones were waiting"
    assert [message[0] for message in channel.messages] == [f"{number}" for number in range(3, MOST_WAITING + 3)]


def test_a_single_dropped_alert_is_spoken_of_in_the_singular(changed):
    """One alert too many is one alert dropped."""
    told = Told()
    run(Line(Channel(), changed), [told.delivery(f"{number}") for number in range(MOST_WAITING + 1)])
    assert told.all[0] == "0 failed: an alert was dropped, since 100 newer ones were waiting"


def test_what_must_not_leave_does_not(changed):
    """An alert that the fleet does not grant disappears without a word, alone or in a burst."""
    channel, told = Channel(), Told()
    line = Line(channel, changed)
    channel.holds.append(Hold(1, "full"))
    run(
        line,
        [told.delivery("x", leaves=False), told.delivery("a"), told.delivery("y", leaves=False), told.delivery("b")],
    )
    assert channel.messages == [["a", "b"]]
    assert told.all == ["a delivered", "b delivered"]


def test_a_destination_that_raises_fails_the_alert_and_no_other(changed):
    """An unexpected error of a destination is the problem of one message; its secrets are redacted."""
    channel, told = Channel(RuntimeError("token=s3cr3t-t0ken-value")), Told()
    run(Line(channel, changed), [told.delivery("a"), told.delivery("b")])
    assert told.all == ["a failed: RuntimeError: token=[redacted]", "b delivered"]


def test_stopping_cuts_a_wait_short_and_hands_back_the_rest(changed):
    """A stopped line sends nothing more and returns what it could not deliver, the waiting message first."""
    channel, told = Channel(NOT_CONNECTED), Told()
    line = Line(channel, changed)
    changed.meanwhile = line.stop
    deliveries = [told.delivery("a"), told.delivery("b")]
    run(line, deliveries)
    assert line.ended
    assert line.join(0) == deliveries
    assert channel.messages == [["a"]]
    assert told.all == []


def test_a_dying_thread_leaves_nobody_waiting(changed):
    """What no handler may swallow ends the line: nothing waits for it any more, and the next alert starts another."""
    line, deliveries = Line(Channel(SystemExit()), changed), [Told().delivery("a"), Told().delivery("b")]
    with pytest.raises(SystemExit):
        run(line, deliveries)
    assert line.ended
    assert [each.settled.is_set() for each in deliveries] == [True, True]
