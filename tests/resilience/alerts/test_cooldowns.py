"""What is remembered about waiting, and about webhooks that are dead."""

from __future__ import annotations

import pytest

from resilience._alerts.delivery.cooldowns import Cooldown, Cooldowns
from resilience._alerts.discord.webhook_url import Webhook

ONE, OTHER = Webhook("1", "token"), Webhook("2", "token")


def test_a_cooldown_ends_when_its_time_has_passed(clock):
    """What is left of a cooldown shrinks with the clock, down to nothing."""
    cooldown = Cooldown(10, "full")
    clock.advance(4)
    assert cooldown.left_s() == 6
    clock.advance(7)
    assert cooldown.left_s() == 0


def test_a_cooldown_ends_when_it_was_waited_out(clock):
    """Where the clock stands still, as under freezegun, having waited is enough."""
    cooldown = Cooldown(10, "full")
    cooldown.over = True
    assert cooldown.left_s() == 0


def test_a_clock_that_steps_back_never_prolongs_a_cooldown(clock):
    """After a step back a cooldown starts again at most, whatever the size of the step."""
    cooldown = Cooldown(10, "full")
    clock.advance(-1_000_000)
    assert cooldown.left_s() == 10


def test_no_cooldown_lasts_longer_than_an_hour(clock):
    """An answer that asks for a day is believed for an hour."""
    assert Cooldown(86_400, "banned").left_s() == 3600


def test_a_webhook_waits_for_the_longer_of_its_own_and_the_common_cooldown(clock):
    """A cooldown of all webhooks counts for each, and the longest decides."""
    cooldowns = Cooldowns()
    cooldowns.begin(ONE, 5, "own")
    cooldowns.begin(None, 3, "common")
    waits = {
        each.id: cooldown and (cooldown.reason, cooldown.left_s())
        for each in (ONE, OTHER)
        if (cooldown := cooldowns.of(each)) or True
    }
    assert waits == {"1": ("own", 5), "2": ("common", 3)}
    clock.advance(5)
    assert cooldowns.of(ONE) is None


def test_a_shorter_cooldown_does_not_end_a_longer_one(clock):
    """A new cooldown counts only where it ends later than the one that is running."""
    cooldowns = Cooldowns()
    cooldowns.begin(ONE, 40, "long")
    cooldowns.begin(ONE, 2, "short")
    cooldown = cooldowns.of(ONE)
    assert cooldown is not None
    assert cooldown.left_s() == 40


def test_the_dead_stay_dead():
    """A dead webhook is known by id and token, in whatever thread it posts, and no other one is."""
    cooldowns = Cooldowns()
    cooldowns.disable(ONE, "deleted")
    assert cooldowns.why_disabled(Webhook("1", "token", thread_id="7")) == "deleted"
    assert cooldowns.why_disabled(Webhook("1", "new token")) is None
    assert cooldowns.why_disabled(OTHER) is None


def test_a_webhook_is_held_before_its_channel_is_full(clock):
    """After 25 messages within a minute the webhook waits until the first of them is a minute old."""
    cooldowns = Cooldowns()
    for _ in range(24):
        cooldowns.count_sent(ONE)
        clock.advance(1)
    assert cooldowns.of(ONE) is None
    cooldowns.count_sent(ONE)
    cooldown = cooldowns.of(ONE)
    assert cooldown is not None
    assert (cooldown.left_s(), cooldown.reason) == (36, "25 messages were sent to it within a minute")
    assert cooldowns.of(OTHER) is None


def test_a_slow_stream_of_messages_is_never_held(clock):
    """One message every three seconds stays below the budget for ever."""
    cooldowns = Cooldowns()
    for _ in range(100):
        cooldowns.count_sent(ONE)
        clock.advance(3)
        assert cooldowns.of(ONE) is None


@pytest.mark.parametrize(("apart_s", "held"), [(5, True), (7, False)])
def test_many_refused_requests_cooldown_everything(clock, apart_s, held):
    """A hundred refused requests within ten minutes stop all webhooks, long before the address is banned."""
    cooldowns = Cooldowns()
    for _ in range(100):
        cooldowns.count_invalid()
        clock.advance(apart_s)
    assert (cooldowns.of(OTHER) is not None) is held
