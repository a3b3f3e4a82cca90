from __future__ import annotations

import pytest

from pytest_resilience.discord._server import DiscordServer

HEADERS = ("limit", "remaining", "reset", "reset-after", "bucket", "scope", "global")


def limits_in(response) -> dict[str, str]:
    """Return the headers of limits that an answer has."""
    return {
        name: response.headers[f"x-ratelimit-{name}"] for name in HEADERS if f"x-ratelimit-{name}" in response.headers
    }


@pytest.mark.parametrize(("size", "seconds"), [(5, 2.0), (5, 1.0), (5, 5.0), (1, 0.5)])
def test_a_bucket_counts_down_and_refills(clock, post, size, seconds) -> None:
    """The headers count to 0, the next request is a 429 of the user's scope, and after the wait it goes on."""
    server = DiscordServer(bucket=(size, seconds))
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


def test_each_webhook_has_a_bucket_and_all_show_the_same_hash(clock, post) -> None:
    """A used-up bucket stops its own webhook only, although the hash in the headers is the same."""
    server = DiscordServer(bucket=(1, 2.0))
    responses = [post(server, channel=each) for each in ("ops", "ops", "billing")]
    assert [each.status_code for each in responses] == [200, 429, 200]
    assert len({each.headers["x-ratelimit-bucket"] for each in responses}) == 1


def test_a_clock_that_steps_back_opens_the_bucket(clock, post) -> None:
    """A bucket never stays closed because the clock was set back."""
    server = DiscordServer(bucket=(1, 2.0))
    post(server)
    clock.advance(-3600)
    assert post(server).status_code == 200


def test_the_limit_of_a_channel_holds_for_all_of_its_webhooks(clock, post) -> None:
    """After 30 messages in a minute comes a 429 of the shared scope, whose bucket still shows something left."""
    server = DiscordServer()
    urls = [server.add_webhook("ops").replace("/api/", "/api/v10/") for _ in range(10)]
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


def test_a_shared_limit_shows_something_left_even_in_the_last_of_a_bucket(clock, post) -> None:
    """A 429 of a channel never shows 0, so that a client that trusts the number is found out."""
    server = DiscordServer(bucket=(2, 2.0), channel_limit=(1, 60.0))
    post(server)
    assert post(server).headers["x-ratelimit-remaining"] == "1"


def test_the_global_limit_holds_for_everything_and_shows_no_bucket(clock, post) -> None:
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


@pytest.mark.parametrize(("count", "statuses"), [(True, [400, 400, 429]), (False, [400, 400, 400])])
def test_failed_requests_use_up_the_bucket_unless_told_otherwise(clock, post, count, statuses) -> None:
    """``failed_requests_count`` decides whether a refused message takes from the bucket."""
    server = DiscordServer(bucket=(2, 2.0), failed_requests_count=count)
    assert [post(server, {}).status_code for _ in range(3)] == statuses


def test_limits_can_be_switched_off(clock, post) -> None:
    """None is no limit, and without a bucket there are no headers of one."""
    server = DiscordServer(bucket=None, channel_limit=None, global_limit=None)
    responses = [post(server) for _ in range(100)]
    assert {each.status_code for each in responses} == {200}
    assert limits_in(responses[0]) == {}


@pytest.mark.parametrize("limit", [(0, 1.0), (1.5, 1.0), (5, 0), (5, -1), (5, float("nan")), 5, (5,), ("5", 1), "ab"])
@pytest.mark.parametrize("name", ["bucket", "channel_limit", "global_limit"])
def test_a_limit_that_is_none_is_refused(name, limit) -> None:
    """A limit is a number of requests and of seconds; the message names the argument and the value."""
    with pytest.raises(ValueError, match=f"{name} is a number of requests") as caught:
        DiscordServer(**{name: limit})
    assert repr(limit) in str(caught.value)


def test_a_limit_of_invalid_requests_is_at_least_one() -> None:
    """No ban before the first request."""
    with pytest.raises(ValueError, match="invalid_limit is a number of requests, from 1; got 0"):
        DiscordServer(invalid_limit=0)


def test_invalid_requests_of_ten_minutes_are_counted(clock, post) -> None:
    """401, 403 and 429 count, 404, 400 and a channel's 429 do not, and none counts for longer than 10 minutes."""
    server = DiscordServer(bucket=(2, 2.0), channel_limit=(1, 60.0))
    other = server.webhook_url("other").replace("/api/", "/api/v10/")
    harmless = [
        post(server),
        post(server),
        post(server, url="https://discord.com/api/v10/webhooks/5/x"),
        post(server, {}, channel="third"),
    ]
    assert [each.status_code for each in harmless] == [200, 429, 404, 400]
    assert harmless[1].headers["x-ratelimit-scope"] == "shared"
    assert server.invalid_requests == 0
    invalid = [post(server), post(server, url=other + "x"), post(server, headers={"User-Agent": None})]
    assert [each.status_code for each in invalid] == [429, 401, 403]
    assert invalid[0].headers["x-ratelimit-scope"] == "user"
    assert server.invalid_requests == 3
    clock.advance(600)
    assert server.invalid_requests == 0


def test_too_many_invalid_requests_ban_the_address(clock, post) -> None:
    """At the limit the edge takes over for an hour, and says how long it lasts."""
    server = DiscordServer(bucket=None, invalid_limit=3)
    url = server.webhook_url().replace("/api/", "/api/v10/") + "x"
    assert [post(server, url=url).status_code for _ in range(3)] == [401, 401, 401]
    banned = post(server)
    assert (banned.status_code, banned.text, banned.headers["retry-after"]) == (429, "error code: 1015", "3600")
    assert "via" not in banned.headers
    clock.advance(3600)
    assert post(server).status_code == 200


def test_a_ban_that_says_how_long(clock, post) -> None:
    """One form of a ban is a text with the seconds that are left."""
    server = DiscordServer()
    server.ban(100)
    clock.advance(40.5)
    response = post(server)
    assert (response.status_code, response.text) == (429, "error code: 1015")
    assert dict(response.headers) == {
        "server": "cloudflare",
        "content-type": "text/plain; charset=UTF-8",
        "retry-after": "60",
        "content-length": "16",
    }
    assert server.messages == []


def test_a_ban_that_does_not_say_how_long(clock, post) -> None:
    """The other form is a JSON page with code 0 and no wait anywhere."""
    server = DiscordServer()
    server.ban(says_how_long=False)
    response = post(server)
    body = response.json()
    assert (response.status_code, body["code"], body.keys()) == (429, 0, {"code", "message"})
    assert body["message"].startswith("You are being blocked from accessing our API temporarily")
    assert response.headers.keys() == {"server", "content-type", "content-length"}


def test_the_servers_clock_goes_on_where_freezegun_has_stopped_the_clients(monkeypatch, post) -> None:
    """A client that waits in real time under a frozen clock finds its limit free again."""
    import freezegun

    from pytest_resilience.discord import _limits as limits

    real = [1_000_000_000]
    monkeypatch.setattr(limits, "_real_ns", lambda: real[0])
    server = DiscordServer(bucket=(1, 2.0))
    with freezegun.freeze_time("2024-01-01"):
        statuses = [post(server).status_code, post(server).status_code]
        real[0] += 2_000_000_000
        statuses.append(post(server).status_code)
    assert statuses == [200, 429, 200]
