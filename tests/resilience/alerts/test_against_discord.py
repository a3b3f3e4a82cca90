"""The kit's alerts against a Discord as exact as it is known, in virtual time."""

from __future__ import annotations

import asyncio
import time
from itertools import pairwise

import httpx
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import resilience
from pytest_resilience.clock import VirtualClock
from pytest_resilience.discord import edge_ban, lost_answer, rate_limited
from resilience import _config as config
from resilience import send_rate_limited_discord_alert
from resilience.testing import answer, delay, fail
from tests.discord_server import ExactDiscord


@pytest.fixture
def clock():
    """Virtual time, in the place of the clock that the other tests move by hand."""
    with VirtualClock() as clock:
        yield clock


@pytest.fixture
def discord(clock):
    """A Discord whose end fails a test in which the client sent anything that Discord does not take."""
    with ExactDiscord() as discord:
        yield discord


class DownError(Exception):
    """What fails in these tests."""


def outage(attempts, *, threshold=None):
    """Make a function that fails so many times and then recovers."""
    left = [attempts]

    @resilience.create_retry_decorator(max_attempts=1000, alert_threshold=threshold)
    def job():
        left[0] -= 1
        if left[0] >= 0:
            raise DownError("down")
        return "ok"

    return job


def alert(text, channel=None):
    """Send one alert by hand."""
    return send_rate_limited_discord_alert("job", DownError(text), "tests", text, channel)


def statuses(discord):
    """Return the status of every answer, None where there was none."""
    return [each.status for each in discord.requests]


def test_an_outage_of_60_attempts_alerts_once(discord, clock):
    """The 50th failure alerts, when it happens, and the service recovers."""
    assert outage(60)() == "ok"
    discord.assert_alerted(count=1, match=r"Approaching Failure Threshold: 'job'\n\nCurrent attempt: 50/50\n")
    assert 0 < discord.alerts[0].at < clock.elapsed


def test_an_outage_that_lasts_alerts_again_in_the_next_window(discord):
    """A call that is still down alerts again when 300 s have passed since its last alert, and no sooner."""

    @resilience.create_retry_decorator(max_attempts=1000, alert_threshold=3, timeout=700)
    def job():
        raise DownError("down")

    with pytest.raises(DownError):
        job()
    times = [each.at for each in discord.alerts]
    assert len(times) == 3
    assert all(300 <= later - earlier < 340 for earlier, later in pairwise(times))


FAULTS = [
    ("3*return(500)", [500, 500, 500, 200]),
    ("1*return(502)->1*return(503)->1*return(504)", [502, 503, 504, 200]),
    (fail(httpx.ConnectError("down")).times(3), [None, None, None, 200]),
    (fail(httpx.ConnectTimeout("slow")).times(2), [None, None, 200]),
    (fail(httpx.RemoteProtocolError("gone")).times(2), [None, None, 200]),
    (fail(ConnectionResetError("reset")).times(2), [None, None, 200]),
    (delay(60).times(2), [None, None, 200]),
    (rate_limited(40).times(1), [429, 200]),
    (rate_limited(40, scope="shared").times(2), [429, 429, 200]),
    (rate_limited(5, scope="global").times(1), [429, 200]),
    (edge_ban(60).times(1), [429, 200]),
    ("1*return({'status': 429, 'retry_after': '30'})", [429, 200]),
    ("1*return(204)", [204]),
    ("1*return(400)", [400, 200]),
]


@pytest.mark.parametrize(("script", "expected"), FAULTS, ids=[str(script) for script, _ in FAULTS])
def test_an_alert_survives_what_passes(discord, clock, script, expected):
    """Failures that pass cost the alert nothing but time, and the service not even that."""
    discord.respond(script)
    job = outage(60)
    assert job() == "ok"
    assert discord.alerts
    assert statuses(discord) == expected


WAITS = [
    (rate_limited(40), 40),
    (rate_limited(40.5, scope="shared"), 40.5),
    (rate_limited(7, scope="global"), 7),
    (edge_ban(60), 60),
]


@pytest.mark.parametrize(("script", "wait"), WAITS, ids=[str(script) for script, _ in WAITS])
def test_a_wait_that_discord_asks_for_is_kept(discord, script, wait):
    """The next request comes no sooner than asked, and soon after."""
    discord.respond(script.times(1))
    assert alert("disk full")
    first, second = discord.requests
    assert wait <= second.at - first.at <= wait + 1


def test_discord_down_for_good_does_nothing_to_the_service(discord, caplog):
    """With an endless failure the alert is given up within bounds, said once, and the service goes on."""
    discord.respond("return(500)")
    job = outage(60)
    assert job() == "ok"
    assert discord.alerts == []
    assert 1 < len(discord.requests) < 10
    said = [each.getMessage() for each in caplog.records if "Failed to send Discord alert" in each.getMessage()]
    assert len(said) == 1


@pytest.mark.parametrize("status", [401, 404])
def test_a_dead_webhook_is_left_alone(discord, status):
    """After a 401 or 404 the webhook is never called again, and other channels are."""
    discord.respond(f"1*return({status})")
    assert not alert("one")
    assert not alert("two")
    assert alert("three", "ops")
    assert statuses(discord) == [status, 200]


def test_a_ban_without_a_wait_stops_every_channel(discord, clock):
    """After the edge's page nothing is sent to any webhook for minutes."""
    discord.respond(edge_ban().times(1))
    assert not alert("one")
    assert not alert("two", "ops")
    assert statuses(discord) == [429]
    time.sleep(3600)
    assert alert("three", "ops")


def test_a_lost_answer_shows_as_a_duplicate(discord):
    """When the answer is lost the alert is sent again, so it is there twice, the second time with a note."""
    discord.respond(lost_answer().times(1))
    assert alert("disk full")
    first, second = discord.alerts
    assert (first.content, second.content) == ("disk full", "disk full")
    assert first.embeds == ()
    assert "Sent again" in second.embeds[0]["description"]


def test_a_stored_message_with_an_error_shows_as_a_duplicate(discord):
    """The same holds where Discord stores the message and answers 500."""
    discord.respond(answer({"status": 500, "recorded": True}).times(1))
    assert alert("disk full")
    discord.assert_alerted(count=2, match="^disk full$")


def test_a_webhook_that_is_deleted_silences_its_channel_only(discord):
    """The client gives up a webhook that is gone and never calls it again; other channels work."""
    assert alert("one", "ops")
    discord.server.delete_webhook("ops")
    assert not alert("two", "ops")
    assert not alert("three", "ops")
    assert alert("four")
    assert statuses(discord) == [200, 404, 200]
    assert discord.server.calls_to_dead_webhooks == 0


def test_a_thread_that_is_gone_costs_no_alert(clock):
    """An alert for a thread that Discord does not know goes to the channel instead."""
    with ExactDiscord(threads=frozenset()) as discord:
        with config.configured(discord_webhook_url=f"{discord.webhook_url()}?thread_id=5"):
            assert alert("disk full")
        assert statuses(discord) == [404, 200]
        discord.assert_alerted(count=1, match="^disk full$")


def test_a_forum_takes_alerts_for_a_thread(clock):
    """A webhook of a forum works with the thread in its URL."""
    with ExactDiscord(forum=True) as discord:
        with config.configured(discord_webhook_url=f"{discord.webhook_url()}?thread_id=5"):
            assert alert("disk full")
        assert statuses(discord) == [200]


def test_every_message_is_one_that_discord_proves_to_have_stored(clock):
    """No alert gets lost where Discord loses what nobody waits for."""
    with ExactDiscord(lose_unawaited=True) as discord:
        assert alert("one")
        outage(60)()
        assert len(discord.alerts) == 2


def test_a_ban_of_the_address_is_waited_out(discord, clock):
    """While the edge bans the address the client sends nothing to any webhook, and then the alert."""
    discord.server.ban(60)
    assert alert("one")
    assert statuses(discord) == [429, 200]
    assert discord.alerts[0].at >= 60


@settings(max_examples=25)
@given(text=st.text(), error=st.text(), channel=st.none() | st.text(min_size=1, max_size=20))
def test_any_text_is_taken(text, error, channel):
    """Whatever an alert says, Discord finds nothing wrong with its message."""
    with ExactDiscord() as discord:
        assert send_rate_limited_discord_alert("job", DownError(error), "tests", text, channel)
        assert statuses(discord) == [200]


def test_a_burst_arrives_complete_and_within_the_limits(discord, clock):
    """Twenty alerts at one instant all arrive, in order, without a single 429."""

    async def burst():
        await asyncio.gather(*(asyncio.to_thread(alert, f"alert {number:02}") for number in range(20)))

    asyncio.run(burst())
    assert sorted(each.content for each in discord.alerts) == [f"alert {number:02}" for number in range(20)]
    assert set(statuses(discord)) == {200}


def test_a_hundred_alerts_are_within_every_limit(clock):
    """In a long storm the client never meets a limit of Discord, as it keeps below them."""
    with ExactDiscord() as discord, config.configured(max_alerts_per_minute=10_000):
        for number in range(100):
            assert alert(f"alert {number}")
        assert len(discord.alerts) == 100
        assert 429 not in statuses(discord)
        assert discord.server.invalid_requests == 0


def test_no_text_pings_anybody(discord):
    """Mentions in an alert notify nobody."""
    alert("@everyone <@1> <@&2>")
    assert discord.alerts
    assert discord.server.notified == [()]


HOSTILE = ["", " ", "\x00\ud800", "x" * 10_000, "```" * 900, "<@&1>" * 700, "\n" * 3000, "😀" * 2500, "discord clyde"]


@pytest.mark.parametrize("text", HOSTILE, ids=range(len(HOSTILE)))
def test_hostile_texts_are_taken(discord, text):
    """Whatever an exception or a message says, Discord takes the alert at the first try."""
    assert alert(text)
    assert statuses(discord) == [200]


def test_an_async_service_is_not_held_up(discord, clock):
    """While the alert of an async function waits for Discord, other tasks go on."""
    discord.respond(delay(4).times(1))
    ticks = []

    @resilience.create_retry_decorator(max_attempts=3, alert_threshold=1)
    async def job():
        raise DownError("down")

    async def ticker():
        while True:
            ticks.append(clock.elapsed)
            await asyncio.sleep(0.5)

    async def main():
        task = asyncio.create_task(ticker())
        with pytest.raises(DownError):
            await job()
        task.cancel()

    asyncio.run(main())
    assert len(discord.alerts) == 1
    assert all(later - earlier == 0.5 for earlier, later in pairwise(ticks))
