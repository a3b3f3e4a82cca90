"""The simulated Discord: which requests it takes, and what it answers to those and to others."""

from __future__ import annotations

from datetime import datetime

import httpx
import pytest

from pytest_resilience.discord._rate_limits import RateLimits
from pytest_resilience.discord._server import DiscordServer
from tests.discord_server.exact import NO_LIMITS
from tests.discord_server.posting import post, versioned

EMPTY = {"message": "Cannot send an empty message", "code": 50006}


def unlimited():
    """Make a server without limits."""
    return DiscordServer(RateLimits(**NO_LIMITS))


def test_a_message_without_wait_is_answered_204_and_nothing_else(clock):
    """Success without ``wait`` is an empty 204 without a content type, with the headers of the bucket."""
    for query in ("", "?wait=false", "?wait=0", "?wait=False"):
        response = post(DiscordServer(), {"content": "down"}, query=query)
        assert (response.status_code, response.content) == (204, b"")
        assert dict(response.headers) == {
            "via": "1.1 google",
            "server": "cloudflare",
            "x-ratelimit-limit": "5",
            "x-ratelimit-remaining": "4",
            "x-ratelimit-reset": f"{clock.wall + 2:.3f}",
            "x-ratelimit-reset-after": "2.000",
            "x-ratelimit-bucket": "9e1c2a7b54d30f68",
        }


@pytest.mark.parametrize("wait", ["true", "True", "1"])
def test_a_message_with_wait_is_answered_with_what_was_stored(clock, wait):
    """Success with ``wait`` is a 200 with the message, all of whose ids are texts."""
    server = unlimited()
    body = {"content": " down \n", "username": "Billing", "embeds": [{"title": "t", "nonsense": 1}]}
    response = post(server, body, query=f"?wait={wait}")
    assert response.status_code == 200
    assert response.headers["content-type"] == "application/json"
    message = response.json()
    webhook = server.webhooks.url(None).split("/")[-2]
    assert datetime.fromisoformat(message.pop("timestamp")).tzinfo is not None
    assert message.pop("id").isdecimal()
    assert message == {
        "type": 0,
        "content": "down",
        "channel_id": message["channel_id"],
        "author": {"id": webhook, "username": "Billing", "avatar": None},
        "attachments": [],
        "embeds": [{"type": "rich", "title": "t", "nonsense": 1}],
        "mentions": [],
        "mention_roles": [],
        "mention_everyone": False,
        "pinned": False,
        "tts": False,
        "edited_timestamp": None,
        "webhook_id": webhook,
    }
    assert message["channel_id"].isdecimal()


@pytest.mark.parametrize("method", ["GET", "PUT", "PATCH", "DELETE", "HEAD"])
def test_other_methods_are_not_allowed(method):
    """A method other than POST is answered 405 and objected to."""
    server = unlimited()
    response = post(server, method=method)
    assert response.status_code == 405
    assert response.json() == {"message": "405: Method Not Allowed", "code": 0}
    assert [each.endswith("a message is sent with POST") for each in server.problems] == [True]


@pytest.mark.parametrize("version", ["", "v6", "v7", "v5", "v1", "v11", "v0"])
def test_other_versions_are_refused(version):
    """A URL without a version, or with one that is deprecated, dead or unknown, is answered 400 and objected to."""
    server = unlimited()
    url = server.webhooks.url(None) if not version else versioned(server.webhooks.url(None), version)
    response = post(server, url=url)
    assert response.status_code == 400
    assert response.json() == {"message": "Invalid API version", "code": 50041}
    assert len(server.problems) == 1
    assert "write /api/v10/webhooks/<id>/<token>" in server.problems[0]
    assert server.alerts == []


@pytest.mark.parametrize("version", ["v8", "v9", "v10"])
def test_versions_of_the_same_shape_are_served(version):
    """Versions 8 to 10 take a message alike."""
    server = unlimited()
    assert post(server, url=versioned(server.webhooks.url(None), version)).status_code == 200


def test_paths_beside_the_webhook_are_unknown():
    """What follows the token, and what is no webhook, is answered 404 and objected to."""
    server = unlimited()
    webhook = versioned(server.webhooks.url(None))
    for url in (f"{webhook}/slack", f"{webhook}/messages/1", "https://discord.com/api/v10/webhooks/1"):
        assert post(server, url=url, query="").json() == {"message": "404: Not Found", "code": 0}
    assert len(server.problems) == 3
    assert "there is nothing at <webhook>/slack" in server.problems[0]


def test_a_slash_at_the_end_of_the_path_is_no_difference():
    """``.../<token>/`` is the same webhook."""
    server = unlimited()
    assert post(server, url=versioned(server.webhooks.url(None)) + "/").status_code == 200


def test_any_webhook_will_do(clock):
    """Code under test may configure a webhook of its own, which posts to the default channel."""
    server = unlimited()
    url = "https://discord.com/api/v10/webhooks/123/abc"
    assert [post(server, url=each).status_code for each in (url, url + "d")] == [200, 200]
    assert [(each.webhook, each.channel) for each in server.requests] == [("123", None)] * 2
    assert "abc" not in str(server.requests) + repr(server.requests)


def test_every_answer_of_discord_itself_has_via():
    """Answers that reached Discord say so, whatever their status."""
    server = DiscordServer()
    responses = [
        post(server),
        post(server, query=""),
        post(server, "{"),
        post(server, url="https://discord.com/api/v10/webhooks/1"),
        *(post(server) for _ in range(5)),
    ]
    assert {each.status_code for each in responses} == {200, 204, 400, 404, 429}
    assert {(each.headers.get("via"), each.headers["server"]) for each in responses} == {("1.1 google", "cloudflare")}


def test_messages_have_ids_of_their_own(clock):
    """Each stored message has another id, a number of 64 bits as a text."""
    server = unlimited()
    ids = [int(post(server).json()["id"]) for _ in range(10)]
    assert ids == sorted(set(ids))
    assert all(0 < each < 2**64 for each in ids)


@pytest.mark.parametrize(
    "body",
    ["", "{", "{'content': 'x'}", b'{"content": "\xff"}', "[" * 100_000],
)
def test_a_body_that_is_no_json_is_50109(body):
    """What can't be read as JSON is answered 400 with a code of its own."""
    server = unlimited()
    response = post(server, body)
    assert (response.status_code, response.json()["code"]) == (400, 50109)
    assert [each.rpartition(": ")[2] for each in server.problems] == ["its body is not valid JSON"]


@pytest.mark.parametrize("kind", [None, "", "text/plain", "application/x-www-form-urlencoded", "multipart/form-data"])
def test_a_foreign_content_type_is_a_form_error(kind):
    """Without ``application/json`` the body is not read."""
    server = unlimited()
    response = post(server, headers={"Content-Type": kind})
    assert (response.status_code, response.json()["code"]) == (400, 50035)
    assert len(server.problems) == 1


def test_a_content_type_may_have_a_charset():
    """Parameters and the case of a content type make no difference."""
    assert post(unlimited(), headers={"Content-Type": "Application/JSON; charset=utf-8"}).status_code == 200


@pytest.mark.parametrize(
    "body",
    [
        {},
        {"content": ""},
        {"content": None},
        {"content": " \n\t"},
        {"embeds": []},
        {"username": "x"},
        {"content": "", "embeds": []},
    ],
)
def test_an_empty_message_is_50006(body):
    """Nothing to send is an error without form errors."""
    response = post(unlimited(), body)
    assert (response.status_code, response.json()) == (400, EMPTY)


@pytest.mark.parametrize(
    "body", [{"embeds": [{"title": "x"}]}, {"components": [{"type": 1}]}, {"poll": {"question": {}}}]
)
def test_content_is_not_the_only_thing_to_send(body):
    """Embeds, components or a poll make a message, too."""
    assert post(unlimited(), body).status_code == 200


def test_requests_are_recorded_with_their_answers(clock):
    """Each request is there with its time, its channel, its body and what it got."""
    server = unlimited()
    clock.advance(1.5)
    post(server, {"content": "x"}, channel="ops")
    clock.advance(1)
    post(server, {})
    first, second = server.requests
    assert (first.at, first.channel, first.body, first.status, first.recorded) == (
        1.5,
        "ops",
        {"content": "x"},
        200,
        True,
    )
    assert str(first) == "       1.500  POST to channel 'ops': 200, message stored"
    assert str(second) == "       2.500  POST to the default channel: 400, code 50006"


def test_the_channels_are_a_mapping_that_knows_every_name():
    """Any channel has a URL, the same each time; those that were asked for are the mapping's keys."""
    channels = unlimited().webhooks
    assert (len(channels), list(channels)) == (0, [])
    assert channels.get("ops") == channels["ops"] != channels["billing"]
    assert (len(channels), list(channels)) == (2, ["ops", "billing"])


def test_it_is_a_transport_of_httpx():
    """Without any patching the server answers sync and async clients of httpx."""
    server = unlimited()
    with httpx.Client(transport=server) as client:
        url = versioned(server.webhooks.url(None))
        assert client.post(url, json={"content": "x"}).status_code == 204
    assert [each.content for each in server.alerts] == ["x"]
