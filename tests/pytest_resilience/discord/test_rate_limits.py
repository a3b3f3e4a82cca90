"""The rate limits of the simulated Discord, and the headers that tell of them."""

from __future__ import annotations

import pytest

from pytest_resilience.discord._rate_limits import RateLimits
from pytest_resilience.discord._server import DiscordServer
from tests.discord_server.posting import post

HEADERS = ("limit", "remaining", "reset", "reset-after", "bucket", "scope", "global")


def limits_in(response):
    """Return the headers of limits that an answer has."""
    return {
        name: response.headers[f"x-ratelimit-{name}"] for name in HEADERS if f"x-ratelimit-{name}" in response.headers
    }


@pytest.mark.parametrize(("size", "seconds"), [(5, 2.0), (5, 1.0), (5, 5.0), (1, 0.5)])
def test_a_bucket_counts_down_and_refills(clock, size, seconds):
    """The headers count to 0, the next request is a 429 of the user's scope, and after the wait it goes on."""
    server = DiscordServer(RateLimits(webhook=(size, seconds)))
    ends = clock.wall + seconds
    for left in reversed(range(size)):
        assert limits_in(post(server)) == {
            "limit": str(size),
            "remaining": str(left),
            "reset": f"{ends:.3f}",
            "reset-after": f"{seconds:.3f}",
            "bucket": "9e1c2a7b54d30f68",
        }
    clock.advance(0.25)
    refused = post(server)
    left_s = seconds - 0.25
    assert refused.status_code == 429
    assert refused.headers["via"] == "1.1 google"
    assert refused.json() == {"message": "You are being rate limited.", "retry_after": left_s, "global": False}
    assert isinstance(refused.json()["retry_after"], float)
    assert refused.headers["retry-after"] == str(-int(-left_s // 1))
    assert limits_in(refused) == {
        "limit": str(size),
        "remaining": "0",
        "reset": f"{ends:.3f}",
        "reset-after": f"{left_s:.3f}",
        "bucket": "9e1c2a7b54d30f68",
        "scope": "user",
    }
    clock.advance(left_s)
    assert post(server).status_code == 200


def test_each_webhook_has_a_bucket_and_all_show_the_same_hash(clock):
    """A used-up bucket stops its own webhook only, although the hash in the headers is the same."""
    server = DiscordServer(RateLimits(webhook=(1, 2.0)))
    responses = [post(server, channel=each) for each in ("ops", "ops", "billing")]
    assert [each.status_code for each in responses] == [200, 429, 200]
    assert len({each.headers["x-ratelimit-bucket"] for each in responses}) == 1


def test_a_clock_that_steps_back_opens_the_bucket(clock):
    """A bucket never stays closed because the clock was set back."""
    server = DiscordServer(RateLimits(webhook=(1, 2.0)))
    post(server)
    clock.advance(-3600)
    assert post(server).status_code == 200


def test_the_limit_of_a_channel_holds_for_all_of_its_webhooks(clock):
    """After 30 messages in a minute comes a 429 of the shared scope, whose bucket still shows something left."""
    server = DiscordServer()
    urls = [
        f"https://discord.com/api/v10/webhooks/{number}/token" for number in range(10)
    ]  # all of the default channel
    for number in range(30):
        assert post(server, url=urls[number % 10]).status_code == 200
    clock.advance(18)
    refused = post(server, url=urls[0])
    assert refused.status_code == 429
    assert refused.json() == {"message": "The resource is being rate limited.", "retry_after": 42.0, "global": False}
    assert refused.headers["retry-after"] == "42"
    assert limits_in(refused) == {
        "limit": "5",
        "remaining": "4",
        "reset": f"{clock.wall + 2:.3f}",
        "reset-after": "2.000",
        "bucket": "9e1c2a7b54d30f68",
        "scope": "shared",
    }
    assert post(server, channel="other").status_code == 200
    clock.advance(42)
    assert post(server, url=urls[0]).status_code == 200


def test_a_shared_limit_shows_something_left_even_in_the_last_of_a_bucket(clock):
    """A 429 of a channel never shows 0, so that a client that trusts the number is found out."""
    server = DiscordServer(RateLimits(webhook=(2, 2.0), channel=(1, 60.0)))
    post(server)
    assert post(server).headers["x-ratelimit-remaining"] == "1"


def test_the_global_limit_holds_for_everything_and_shows_no_bucket(clock):
    """The 51st request of a second is a 429 of the global scope, whichever webhook it is for."""
    server = DiscordServer()
    assert {post(server, channel=f"c{number}").status_code for number in range(50)} == {200}
    clock.advance(0.4)
    refused = post(server, channel="another")
    assert refused.status_code == 429
    assert refused.json() == {"message": "You are being rate limited.", "retry_after": 0.6, "global": True}
    assert refused.headers["retry-after"] == "1"
    assert limits_in(refused) == {"scope": "global", "global": "true"}
    clock.advance(0.6)
    assert post(server, channel="another").status_code == 200


def test_failed_requests_use_up_the_bucket(clock):
    """A refused message takes from the bucket as one that is stored does."""
    server = DiscordServer(RateLimits(webhook=(2, 2.0)))
    assert [post(server, {}).status_code for _ in range(3)] == [400, 400, 429]


def test_the_servers_clock_goes_on_where_freezegun_has_stopped_the_clients(monkeypatch):
    """A client that waits in real time under a frozen clock finds its limit free again."""
    import freezegun

    from pytest_resilience.discord import _rate_limits as limits

    real = [1_000_000_000]
    monkeypatch.setattr(limits, "_real_ns", lambda: real[0])
    server = DiscordServer(RateLimits(webhook=(1, 2.0)))
    with freezegun.freeze_time("2024-01-01"):
        statuses = [post(server).status_code, post(server).status_code]
        real[0] += 2_000_000_000
        statuses.append(post(server).status_code)
    assert statuses == [200, 429, 200]
