from __future__ import annotations

from datetime import datetime

import httpx
import pytest

from pytest_resilience.discord._server import DiscordServer

EMPTY = {"message": "Cannot send an empty message", "code": 50006}
UNKNOWN = {"message": "Unknown Webhook", "code": 10015}


def unlimited(**switches: object) -> DiscordServer:
    """Make a server without limits."""
    return DiscordServer(bucket=None, channel_limit=None, global_limit=None, **switches)


def test_a_message_without_wait_is_answered_204_and_nothing_else(clock, post) -> None:
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
def test_a_message_with_wait_is_answered_with_what_was_stored(clock, post, wait) -> None:
    """Success with ``wait`` is a 200 with the message, all of whose ids are texts."""
    server = unlimited()
    body = {"content": " down \n", "username": "Billing", "embeds": [{"title": "t", "nonsense": 1}]}
    response = post(server, body, query=f"?wait={wait}")
    assert response.status_code == 200
    assert response.headers["content-type"] == "application/json"
    message = response.json()
    webhook = server.webhook_url().split("/")[-2]
    stored_at = datetime.fromisoformat(message.pop("timestamp"))
    assert abs(stored_at.timestamp() - clock.wall) < 0.002
    assert message.pop("id") == server.messages[0].id
    assert message == {
        "type": 0,
        "content": "down",
        "channel_id": message["channel_id"],
        "author": {"id": webhook, "username": "Billing", "avatar": None, "discriminator": "0000", "bot": True},
        "attachments": [],
        "embeds": [{"type": "rich", "title": "t"}],
        "mentions": [],
        "mention_roles": [],
        "mention_everyone": False,
        "pinned": False,
        "tts": False,
        "edited_timestamp": None,
        "flags": 0,
        "components": [],
        "webhook_id": webhook,
    }
    assert message["channel_id"].isdecimal()


def test_ids_are_unique_snowflakes_even_when_the_clock_stands(clock, post) -> None:
    """Messages of one instant, and of one before it, get ids of their own that grow."""
    server = unlimited()
    ids = [int(post(server).json()["id"]) for _ in range(10)]
    clock.advance(-60)
    ids.append(int(post(server).json()["id"]))
    assert ids == sorted(set(ids))
    assert all(0 < each < 2**64 for each in ids)


def test_mentions_in_the_answer_are_those_that_notify(post) -> None:
    """The message lists users, roles and everyone, each where the rules let them be notified."""
    allowed = {"parse": ["everyone"], "users": ["7"], "roles": ["8"]}
    message = post(unlimited(), {"content": "<@7> <@!9> <@&8> @here", "allowed_mentions": allowed}).json()
    assert (message["mentions"], message["mention_roles"], message["mention_everyone"]) == ([{"id": "7"}], ["8"], True)


@pytest.mark.parametrize("method", ["GET", "PUT", "PATCH", "DELETE", "HEAD"])
def test_other_methods_are_not_allowed(post, method) -> None:
    """A method other than POST is answered 405 and objected to."""
    server = unlimited()
    response = post(server, method=method)
    assert response.status_code == 405
    assert response.json() == {"message": "405: Method Not Allowed", "code": 0}
    assert [each.endswith("a message is sent with POST") for each in server.problems] == [True]


@pytest.mark.parametrize("version", ["", "v6", "v7", "v5", "v1", "v11", "v0"])
def test_other_versions_are_refused(post, version) -> None:
    """A URL without a version, or with one that is deprecated, dead or unknown, is answered 400 and objected to."""
    server = unlimited()
    url = server.webhook_url() if not version else server.webhook_url().replace("/api/", f"/api/{version}/")
    response = post(server, url=url)
    assert response.status_code == 400
    assert response.json() == {"message": "Invalid API version", "code": 50041}
    assert len(server.problems) == 1
    assert "write /api/v10/webhooks/<id>/<token>" in server.problems[0]
    assert server.messages == []


@pytest.mark.parametrize("version", ["v8", "v9", "v10"])
def test_versions_of_the_same_shape_are_served(post, version) -> None:
    """Versions 8 to 10 take a message alike."""
    assert post(unlimited(), version=version).status_code == 200


def test_paths_beside_the_webhook_are_unknown(post) -> None:
    """What follows the token, and what is no webhook, is answered 404 and objected to."""
    server = unlimited()
    webhook = server.webhook_url().replace("/api/", "/api/v10/")
    for url in (f"{webhook}/slack", f"{webhook}/messages/1", "https://discord.com/api/v10/webhooks/1"):
        assert post(server, url=url, query="").json() == {"message": "404: Not Found", "code": 0}
    assert len(server.problems) == 3
    assert "there is nothing at <webhook>/slack" in server.problems[0]


def test_a_slash_at_the_end_of_the_path_is_no_difference(post) -> None:
    """``.../<token>/`` is the same webhook."""
    server = unlimited()
    assert post(server, url=server.webhook_url().replace("/api/", "/api/v10/") + "/").status_code == 200


def test_requests_without_tls_are_turned_away(post) -> None:
    """``http://`` is redirected by the edge, and objected to."""
    server = unlimited()
    response = post(server, url=server.webhook_url().replace("https:", "http:"))
    assert response.status_code == 301
    assert "via" not in response.headers
    assert len(server.problems) == 1


@pytest.mark.parametrize("agent", [None, "", "Python-urllib/3.12"])
def test_a_client_without_a_name_is_blocked_by_the_edge(post, agent) -> None:
    """Without a User-Agent, or with urllib's, the answer is the edge's 403: a text, and no ``Via``."""
    server = DiscordServer()
    response = post(server, headers={"User-Agent": agent})
    assert (response.status_code, response.text) == (403, "error code: 1010")
    assert dict(response.headers) == {
        "server": "cloudflare",
        "content-type": "text/plain; charset=UTF-8",
        "content-length": "16",
    }
    assert len(server.problems) == 1


def test_a_strict_server_insists_on_the_name_of_a_bot(clock, post) -> None:
    """``bots_only`` blocks every other User-Agent, which else goes through."""
    assert post(unlimited(), headers={"User-Agent": "python-httpx/0.28.1"}).status_code == 200
    strict = unlimited(bots_only=True)
    assert post(strict, headers={"User-Agent": "python-httpx/0.28.1"}).text == "error code: 1010"
    assert post(strict, headers={"User-Agent": "DiscordBot (https://x.org, 1) extra"}).status_code == 200
    assert strict.problems[0] == (
        "POST to the default channel at 0.000 s: its User-Agent is 'python-httpx/0.28.1', and Discord blocks such "
        "clients: send 'DiscordBot (<url>, <version>)'"
    )


def test_every_answer_of_discord_itself_has_via(post) -> None:
    """Answers that reached Discord say so, whatever their status."""
    server = DiscordServer()
    url = server.webhook_url().replace("/api/", "/api/v10/")
    responses = [
        post(server),
        post(server, query=""),
        post(server, "{"),
        post(server, url=url + "x"),
        post(server, url="https://discord.com/api/v10/webhooks/1/x"),
        *(post(server) for _ in range(5)),
    ]
    assert {each.status_code for each in responses} == {200, 204, 400, 401, 404, 429}
    assert {(each.headers.get("via"), each.headers["server"]) for each in responses} == {("1.1 google", "cloudflare")}


def test_an_unknown_webhook_is_404(post) -> None:
    """A webhook that nobody added is unknown, and that is objected to."""
    server = unlimited()
    response = post(server, url="https://discord.com/api/v10/webhooks/123/abc")
    assert (response.status_code, response.json()) == (404, UNKNOWN)
    assert len(server.problems) == 1
    assert "its webhook is unknown" in server.problems[0]
    assert "abc" not in server.problems[0]


def test_unknown_webhooks_can_be_taken(post) -> None:
    """With ``accept_unknown_webhooks`` any webhook will do, always with the same token."""
    server = unlimited(accept_unknown_webhooks=True)
    url = "https://discord.com/api/v10/webhooks/123/abc"
    assert [post(server, url=each).status_code for each in (url, url, url + "d")] == [200, 200, 401]
    assert [each.webhook for each in server.messages] == ["123", "123"]


def test_a_deleted_webhook_is_404_and_further_calls_are_counted(post) -> None:
    """Deleting is no fault of the client; calling again after the first 404 is."""
    server = unlimited()
    assert post(server).status_code == 200
    server.delete_webhook()
    assert post(server).json() == UNKNOWN
    assert (server.calls_to_dead_webhooks, server.problems) == (0, [])
    assert post(server).json() == UNKNOWN
    assert post(server, channel="other").status_code == 200
    assert server.calls_to_dead_webhooks == 1
    assert len(server.problems) == 1
    assert "must not be called again" in server.problems[0]


def test_a_wrong_token_is_401(post) -> None:
    """A known id with another token is answered 401 and objected to, without the token."""
    server = unlimited()
    response = post(server, url=server.webhook_url().replace("/api/", "/api/v10/") + "SECRET")
    assert (response.status_code, response.json()) == (401, {"message": "Invalid Webhook Token", "code": 50027})
    assert len(server.problems) == 1
    assert "SECRET" not in str(server.problems) + str(server.requests) + repr(server.requests)


def test_an_id_that_is_no_snowflake_is_a_form_error(post) -> None:
    """The id of a webhook is a number of 64 bits."""
    response = post(unlimited(), url="https://discord.com/api/v10/webhooks/abc/x")
    assert response.status_code == 400
    assert response.json()["errors"] == {
        "webhook_id": {"_errors": [{"code": "NUMBER_TYPE_COERCE", "message": 'Value "abc" is not snowflake.'}]}
    }


@pytest.mark.parametrize(
    "body",
    ["", "{", "{'content': 'x'}", '{"content": NaN}', b'{"content": "\xff"}', "[" * 100_000, "[" * 101 + "]" * 101],
)
def test_a_body_that_is_no_json_is_50109(post, body) -> None:
    """What can't be read as JSON is answered 400 with a code of its own."""
    server = unlimited()
    response = post(server, body)
    assert (response.status_code, response.json()["code"]) == (400, 50109)
    assert [each.rpartition(": ")[2] for each in server.problems] == ["its body is not valid JSON"]


@pytest.mark.parametrize("kind", [None, "", "text/plain", "application/x-www-form-urlencoded", "multipart/form-data"])
def test_a_foreign_content_type_is_a_form_error(post, kind) -> None:
    """Without ``application/json`` the body is not read."""
    server = unlimited()
    response = post(server, headers={"Content-Type": kind})
    assert (response.status_code, response.json()["code"]) == (400, 50035)
    assert len(server.problems) == 1


def test_a_content_type_may_have_a_charset(post) -> None:
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
def test_an_empty_message_is_50006(post, body) -> None:
    """Nothing to send is an error without form errors."""
    response = post(unlimited(), body)
    assert (response.status_code, response.json()) == (400, EMPTY)


@pytest.mark.parametrize(
    "body", [{"embeds": [{"title": "x"}]}, {"components": [{"type": 1}]}, {"poll": {"question": {}}}]
)
def test_content_is_not_the_only_thing_to_send(post, body) -> None:
    """Embeds, components or a poll make a message, too."""
    assert post(unlimited(), body).status_code == 200


def test_before_version_8_form_errors_are_flat(post) -> None:
    """An old version gets a map of fields to texts, or to indices."""
    server = unlimited(accept_legacy=True)
    url = server.webhook_url()
    long = "x" * 257
    assert post(server, {"content": "x" * 2001}, url=url).json() == {"content": ["Must be 2000 or fewer in length."]}
    assert post(server, {"embeds": [{}, {"title": long}]}, url=url).json() == {"embeds": ["1"]}
    assert post(server, [], url=url).json() == {"_misc": ["Only dictionaries may be used in a ModelType"]}
    assert post(server, {"content": "x", "allowed_mentions": {"parse": ["x"]}}, url=url).json() == {
        "allowed_mentions": ["Value must be one of ('everyone', 'roles', 'users')."]
    }
    assert post(server, {}, url=url).json() == EMPTY
    assert post(server, url=url).status_code == 200


def test_before_version_8_waits_are_in_milliseconds(clock, post) -> None:
    """An old version gets its waits in milliseconds and the end of the bucket in whole seconds."""
    server = DiscordServer(accept_legacy=True)
    for _ in range(5):
        post(server, url=server.webhook_url())
    clock.advance(1.5)
    response = post(server, url=server.webhook_url())
    assert response.status_code == 429
    assert response.json() == {"message": "You are being rate limited.", "retry_after": 500, "global": False}
    assert response.headers["retry-after"] == "500"
    assert response.headers["x-ratelimit-reset"].isdecimal()


def test_forums_need_a_thread_and_other_channels_have_none(post) -> None:
    """The three errors of threads, each with its own code."""
    forum, plain = unlimited(forum=True), unlimited()
    named = {"content": "x", "thread_name": "outage"}
    codes = [
        post(forum).json()["code"],
        post(forum, named, query="?thread_id=5").json()["code"],
        post(plain, named).json()["code"],
    ]
    assert codes == [220001, 220002, 220003]
    assert post(forum).status_code == 400
    assert post(forum, named).status_code == 200
    assert post(forum, query="?wait=1&thread_id=5").status_code == 200
    assert post(plain, query="?wait=1&thread_id=5").status_code == 200


def test_unawaited_messages_can_get_lost(post) -> None:
    """With ``lose_unawaited`` a 204 proves nothing, while awaited messages are stored."""
    server = unlimited(lose_unawaited=True)
    assert post(server, {"content": "lost"}, query="").status_code == 204
    assert post(server, {"content": "kept"}).status_code == 200
    assert [each.content for each in server.messages] == ["kept"]
    assert [each.recorded for each in server.requests] == [False, True]


def test_requests_are_recorded_with_their_answers(clock, post) -> None:
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


def test_webhooks_of_one_channel_are_told_apart(post) -> None:
    """A channel may have several webhooks, also one with a given URL."""
    server = unlimited()
    first = server.add_webhook("ops")
    second = server.add_webhook("ops", "https://discord.com/api/webhooks/77/token")
    assert server.webhook_url("ops") == first != second
    post(server, url=second.replace("/api/", "/api/v10/"))
    assert [(each.webhook, each.channel) for each in server.messages] == [("77", "ops")]
    assert "token" not in repr(server._webhooks.get("77"))
    with pytest.raises(ValueError, match="its host is not Discord's"):
        server.add_webhook("ops", "https://example.org/api/webhooks/77/token")


def test_the_channels_are_a_mapping_that_knows_every_name() -> None:
    """Any channel has a URL, the same each time; those that were asked for are the mapping's keys."""
    channels = unlimited().channels
    assert (len(channels), list(channels)) == (0, [])
    assert channels.get("ops") == channels["ops"] != channels["billing"]
    assert (len(channels), list(channels)) == (2, ["ops", "billing"])


def test_it_is_a_handler_of_httpx_own_mock_transport() -> None:
    """Without any patching the server answers sync and async clients of httpx."""
    server = unlimited()
    with httpx.Client(transport=httpx.MockTransport(server.handle)) as client:
        url = server.webhook_url().replace("/api/", "/api/v10/")
        assert client.post(url, json={"content": "x"}).status_code == 204
    assert [each.content for each in server.messages] == ["x"]
