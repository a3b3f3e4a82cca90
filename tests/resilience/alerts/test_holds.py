"""What is remembered about waiting, and about webhooks that are dead."""

from __future__ import annotations

import pytest

from resilience._alerts.delivery.holds import Hold, Holds
from resilience._alerts.discord.webhook_url import Webhook

ONE, OTHER = Webhook("1", "token"), Webhook("2", "token")


def test_a_hold_ends_when_its_time_has_passed(clock):
    """What is left of a hold shrinks with the clock, down to nothing."""
    hold = Hold(10, "full")
    clock.advance(4)
    assert hold.left_s() == 6
    clock.advance(7)
    assert hold.left_s() == 0


def test_a_hold_ends_when_it_was_waited_out(clock):
    """Where the clock stands still, as under freezegun, having waited is enough."""
    hold = Hold(10, "full")
    hold.over = True
    assert hold.left_s() == 0


def test_a_clock_that_steps_back_never_prolongs_a_hold(clock):
    """After a step back a hold starts again at most, whatever the size of the step."""
    hold = Hold(10, "full")
    clock.advance(-1_000_000)
    assert hold.left_s() == 10


def test_no_hold_lasts_longer_than_an_hour(clock):
    """An answer that asks for a day is believed for an hour."""
    assert Hold(86_400, "banned").left_s() == 3600


def test_a_webhook_waits_for_the_longer_of_its_own_and_the_common_hold(clock):
    """A hold of all webhooks counts for each, and the longest decides."""
    holds = Holds()
    holds.hold(ONE, 5, "own")
    holds.hold(None, 3, "common")
    waits = {
        each.id: hold and (hold.reason, hold.left_s()) for each in (ONE, OTHER) if (hold := holds.of(each)) or True
    }
    assert waits == {"1": ("own", 5), "2": ("common", 3)}
    clock.advance(5)
    assert holds.of(ONE) is None


def test_a_shorter_hold_does_not_end_a_longer_one(clock):
    """A new hold counts only where it ends later than the one that is running."""
    holds = Holds()
    holds.hold(ONE, 40, "long")
    holds.hold(ONE, 2, "short")
    hold = holds.of(ONE)
    assert hold is not None
    assert hold.left_s() == 40


def test_the_dead_stay_dead():
    """A dead webhook is known by id and token, in whatever thread it posts, and no other one is."""
    holds = Holds()
    holds.bury(ONE, "deleted")
    assert holds.death_of(Webhook("1", "token", thread_id="7")) == "deleted"
    assert holds.death_of(Webhook("1", "new token")) is None
    assert holds.death_of(OTHER) is None


def test_a_webhook_is_held_before_its_channel_is_full(clock):
    """After 25 messages within a minute the webhook waits until the first of them is a minute old."""
    holds = Holds()
    for _ in range(24):
        holds.count_sent(ONE)
        clock.advance(1)
    assert holds.of(ONE) is None
    holds.count_sent(ONE)
    hold = holds.of(ONE)
    assert hold is not None
    assert (hold.left_s(), hold.reason) == (36, "25 messages were sent to it within a minute")
    assert holds.of(OTHER) is None


def test_a_slow_stream_of_messages_is_never_held(clock):
    """One message every three seconds stays below the budget for ever."""
    holds = Holds()
    for _ in range(100):
        holds.count_sent(ONE)
        clock.advance(3)
        assert holds.of(ONE) is None


@pytest.mark.parametrize(("apart_s", "held"), [(5, True), (7, False)])
def test_many_refused_requests_hold_everything(clock, apart_s, held):
    """A hundred refused requests within ten minutes stop all webhooks, long before the address is banned."""
    holds = Holds()
    for _ in range(100):
        holds.count_invalid()
        clock.advance(apart_s)
    assert (holds.of(OTHER) is not None) is held
