"""What the exact server adds to the public stand-in: who may call, which webhooks there are, threads, and bans."""

from __future__ import annotations

import pytest

from tests.discord_server.exact import NO_LIMITS, ExactServer
from tests.discord_server.posting import post, versioned

UNKNOWN = {"message": "Unknown Webhook", "code": 10015}


def unlimited(**switches):
    """Make a server without limits."""
    return ExactServer(limits=NO_LIMITS, **switches)


@pytest.mark.parametrize("agent", [None, "", "Python-urllib/3.12", "python-httpx/0.28.1", "DiscordBot"])
def test_who_does_not_say_that_it_is_a_bot_is_blocked_by_the_edge(clock, agent):
    """The answer is the edge's 403: a text, and no ``Via``."""
    server = unlimited()
    response = post(server, headers={"User-Agent": agent})
    assert (response.status_code, response.text) == (403, "error code: 1010")
    assert response.headers.keys() == {"server", "content-type", "content-length"}
    assert server.problems == [
        f"POST to the default channel at 0.000 s: its User-Agent is {agent!r}: send 'DiscordBot (<url>, <version>)'"
    ]


def test_requests_without_tls_are_turned_away():
    """``http://`` is redirected by the edge, and objected to."""
    server = unlimited()
    response = post(server, url=server.webhooks.url(None).replace("https:", "http:"))
    assert (response.status_code, response.headers.get("via")) == (301, None)
    assert len(server.problems) == 1


def test_an_unknown_webhook_is_404():
    """A webhook that nobody asked for is unknown, and that is objected to, without its token."""
    server = unlimited()
    response = post(server, url="https://discord.com/api/v10/webhooks/123/abc")
    assert (response.status_code, response.json()) == (404, UNKNOWN)
    assert [each.rpartition(": ")[2] for each in server.problems] == ["its webhook is unknown"]
    assert "abc" not in server.problems[0]


def test_a_wrong_token_is_401():
    """A known id with another token is answered 401 and objected to, without the token."""
    server = unlimited()
    response = post(server, url=versioned(server.webhooks.url(None)) + "SECRET")
    assert (response.status_code, response.json()) == (401, {"message": "Invalid Webhook Token", "code": 50027})
    assert len(server.problems) == 1
    assert "SECRET" not in str(server.problems) + str(server.requests) + repr(server.requests)


def test_an_id_that_is_no_snowflake_is_a_form_error():
    """The id of a webhook is a number of 64 bits."""
    response = post(unlimited(), url="https://discord.com/api/v10/webhooks/abc/x")
    assert response.status_code == 400
    assert response.json()["errors"] == {
        "webhook_id": {"_errors": [{"code": "NUMBER_TYPE_COERCE", "message": 'Value "abc" is not snowflake.'}]}
    }


def test_a_deleted_webhook_is_404_and_further_calls_are_counted():
    """Deleting is no fault of the client; calling again after the first 404 is."""
    server = unlimited()
    assert post(server).status_code == 200
    server.delete_webhook()
    assert post(server).json() == UNKNOWN
    assert (server.calls_to_dead_webhooks, server.problems) == (0, [])
    assert post(server).json() == UNKNOWN
    assert post(server, channel="other").status_code == 200
    assert server.calls_to_dead_webhooks == 1
    assert server.problems == ["a webhook that was answered 401 or 404 was called again"]


def test_forums_need_a_thread_and_other_channels_have_none():
    """The errors of threads, each with its own code."""
    forum, plain = unlimited(forum=True), unlimited(threads=frozenset({"5"}))
    named = {"content": "x", "thread_name": "outage"}
    codes = [
        post(forum).json()["code"],
        post(forum, named, query="?thread_id=5").json()["code"],
        post(plain, named).json()["code"],
        post(plain, query="?thread_id=6").json()["code"],
    ]
    assert codes == [220001, 220002, 220003, 10003]
    assert post(forum, named).status_code == 200
    assert post(forum, query="?wait=1&thread_id=5").status_code == 200
    assert post(plain, query="?wait=1&thread_id=5").status_code == 200


def test_unawaited_messages_can_get_lost():
    """With ``lose_unawaited`` a 204 proves nothing, while awaited messages are stored."""
    server = unlimited(lose_unawaited=True)
    assert post(server, {"content": "lost"}, query="").status_code == 204
    assert post(server, {"content": "kept"}).status_code == 200
    assert [each.content for each in server.alerts] == ["kept"]
    assert [each.recorded for each in server.requests] == [False, True]


def test_invalid_requests_of_ten_minutes_are_counted(clock):
    """401, 403 and 429 count, 404, 400 and a channel's 429 do not, and none counts for longer than 10 minutes."""
    server = ExactServer(limits={"webhook": (2, 2.0), "channel": (1, 60.0)})
    other = versioned(server.webhooks.url("other"))
    unknown = "https://discord.com/api/v10/webhooks/5/x"
    harmless = [post(server), post(server), post(server, url=unknown), post(server, {}, channel="third")]
    assert [each.status_code for each in harmless] == [200, 429, 429, 400]
    assert {each.headers["x-ratelimit-scope"] for each in harmless[1:3]} == {"shared"}
    assert server.invalid_requests == 0
    invalid = [post(server), post(server, url=other + "x"), post(server, headers={"User-Agent": None})]
    assert [each.status_code for each in invalid] == [429, 401, 403]
    assert invalid[0].headers["x-ratelimit-scope"] == "user"
    assert server.invalid_requests == 3
    clock.advance(600)
    assert server.invalid_requests == 0


def test_planned_answers_count_towards_a_ban(clock):
    """401, 403 and 429 count whether they were planned or not."""
    server = ExactServer()
    server.respond(
        "1*return(401)->1*return(403)->1*return(429)->1*return({'status': 429, 'scope': 'shared'})->1*return(500)"
    )
    for number in range(5):
        post(server, channel=f"c{number}")
    assert server.invalid_requests == 3


def test_too_many_invalid_requests_ban_the_address(clock):
    """At the limit the edge takes over for an hour, and says how long it lasts."""
    server = unlimited(invalid_limit=3)
    for channel in ("a", "b", "c"):
        assert post(server, url=versioned(server.webhooks.url(channel)) + "x").status_code == 401
    banned = post(server)
    assert (banned.status_code, banned.text, banned.headers["retry-after"]) == (429, "error code: 1015", "3600")
    assert "via" not in banned.headers
    clock.advance(3600)
    assert post(server).status_code == 200


def test_a_ban_says_how_long_it_lasts(clock):
    """While it lasts nothing is stored, and the seconds that are left are said."""
    server = unlimited()
    server.ban(100)
    clock.advance(40.5)
    response = post(server)
    assert (response.status_code, response.text, response.headers["retry-after"]) == (429, "error code: 1015", "60")
    assert (server.alerts, server.problems) == ([], [])
