"""Planned answers: statuses, limits, bans, errors of the transport, and what is lost or late."""

from __future__ import annotations

import asyncio
import json
import time

import httpx
import pytest
import trio

from pytest_resilience.discord import edge_ban, lost_answer, rate_limited
from pytest_resilience.discord._planned_answers import PlannedAnswer
from pytest_resilience.discord._rate_limits import RateLimits
from pytest_resilience.discord._server import DiscordServer
from resilience.testing import Script, answer, delay, fail, passthrough
from tests.discord_server.posting import post, versioned


def planned(script):
    """Plan a script, post one message, and return the server and its answer."""
    server = DiscordServer()
    server.respond(script)
    return server, post(server, {"content": "hello"})


TYPICAL = {
    400: {"message": "Invalid Form Body", "code": 50035},
    401: {"message": "Invalid Webhook Token", "code": 50027},
    403: {"message": "Missing Permissions", "code": 50013},
    404: {"message": "Unknown Webhook", "code": 10015},
    405: {"message": "405: Method Not Allowed", "code": 0},
    413: {"message": "Request entity too large", "code": 40005},
    418: {"message": "418: I'm a Teapot", "code": 0},
    500: {"message": "500: Internal Server Error", "code": 0},
    503: {"message": "503: Service Unavailable", "code": 0},
    599: {"message": "599: Unknown", "code": 0},
}


@pytest.mark.parametrize("status", TYPICAL)
def test_a_status_is_answered_as_is_typical_of_it(clock, status):
    """``return(500)`` is Discord's answer with that status and the headers of the bucket, and nothing is stored."""
    server, response = planned(f"1*return({status})")
    assert (response.status_code, response.json()) == (status, TYPICAL[status])
    assert response.headers["via"] == "1.1 google"
    assert response.headers["x-ratelimit-remaining"] == "4"
    assert server.alerts == []
    assert [each.recorded for each in server.requests] == [False]


@pytest.mark.parametrize(
    ("script", "same"),
    [
        ("1*status(503)", "1*return(503)"),
        ("1*status(204)", "1*return(204)"),
        ("1*status(429)", "1*return(429)"),
        ("1*status(429, retry_after=2.5)", "1*return({'status': 429, 'retry_after': 2.5})"),
    ],
)
def test_a_status_is_planned_in_the_words_of_other_requests(clock, script, same):
    """``status(...)`` is at Discord what it is at any other place for HTTP: the answer that is typical of it."""
    (server, response), (_, expected) = planned(script), planned(same)
    assert (response.status_code, response.content) == (expected.status_code, expected.content)
    assert response.headers.get("retry-after") == expected.headers.get("retry-after")
    assert [each.planned for each in server.requests] == [script.removeprefix("1*")]


def test_server_errors_have_three_kinds_of_bodies(clock):
    """A 502 is a page of HTML, a 504 is empty, and others are JSON."""
    _, page = planned("return(502)")
    _, empty = planned("return(504)")
    assert page.headers["content-type"] == "text/html; charset=UTF-8"
    assert "<title>502 Bad Gateway</title>" in page.text
    assert (empty.content, empty.headers.get("content-type")) == (b"", None)


@pytest.mark.parametrize("status", [500, 502, 503, 504])
def test_a_message_can_be_stored_although_the_answer_is_an_error(clock, status):
    """``recorded`` shows how duplicates come about: the failed try and the next one are both stored."""
    server, response = planned(answer({"status": status, "recorded": True}).times(1))
    assert response.status_code == status
    assert post(server, {"content": "hello"}).status_code == 200
    assert [each.content for each in server.alerts] == ["hello", "hello"]
    assert [each.recorded for each in server.requests] == [True, True]


@pytest.mark.parametrize("status", [200, 204])
def test_success_can_be_planned(clock, status):
    """A planned 200 has the stored message and a planned 204 nothing, and both are stored."""
    server, response = planned(answer(status))
    assert response.status_code == status
    assert len(server.alerts) == 1
    assert (response.json()["content"] if status == 200 else response.content) == ("hello" if status == 200 else b"")


def test_success_can_be_planned_for_a_message_that_is_lost(clock):
    """``recorded: False`` is a success that Discord does not keep."""
    server, response = planned(answer({"status": 200, "recorded": False}))
    assert (response.status_code, response.content, server.alerts) == (200, b"", [])


def test_a_429_of_the_webhooks_own_limit(clock):
    """By default a 429 is the webhook's own: nothing is left, and the bucket ends with the wait."""
    _, response = planned(rate_limited(40.2))
    assert response.status_code == 429
    assert response.json() == {"message": "You are being rate limited.", "retry_after": 40.2, "global": False}
    headers = response.headers
    assert (headers["retry-after"], headers["x-ratelimit-scope"]) == ("41", "user")
    assert (headers["x-ratelimit-remaining"], headers["x-ratelimit-reset-after"]) == ("0", "40.200")
    assert headers["via"] == "1.1 google"


def test_a_bare_429_asks_for_a_second(clock):
    """``return(429)`` is complete: a wait of 1 s."""
    _, response = planned("return(429)")
    assert (response.json()["retry_after"], response.headers["retry-after"]) == (1.0, "1")


def test_a_429_of_the_channel(clock):
    """With the shared scope something is left in the bucket, which ends long before the wait."""
    _, response = planned(rate_limited(40, scope="shared"))
    assert response.json() == {"message": "The resource is being rate limited.", "retry_after": 40, "global": False}
    headers = response.headers
    assert (headers["retry-after"], headers["x-ratelimit-scope"]) == ("40", "shared")
    assert (headers["x-ratelimit-remaining"], headers["x-ratelimit-reset-after"]) == ("4", "2.000")


def test_a_429_of_everything(clock):
    """With the global scope there are no headers of a bucket."""
    _, response = planned(rate_limited(2.5, scope="global"))
    assert response.json() == {"message": "You are being rate limited.", "retry_after": 2.5, "global": True}
    assert response.headers["x-ratelimit-global"] == "true"
    assert response.headers["x-ratelimit-scope"] == "global"
    assert "x-ratelimit-limit" not in response.headers


@pytest.mark.parametrize(
    ("wait", "header"), [(3, "3"), (0, "0"), (0.0, "0"), (86_400_000, "86400000"), ("12.5", "12.5")]
)
def test_the_wait_of_a_429_may_be_odd(clock, wait, header):
    """An integer, zero, a huge number and a text come as they were planned."""
    _, response = planned(rate_limited(wait))
    body_wait = response.json()["retry_after"]
    assert (body_wait, type(body_wait), response.headers["retry-after"]) == (wait, type(wait), header)


def test_a_429_may_lack_its_wait(clock):
    """None leaves the wait out of the body and the headers."""
    _, silent = planned(rate_limited(None))
    assert silent.json().keys() == {"message", "global"}
    assert "retry-after" not in silent.headers


def test_a_server_error_may_ask_to_wait(clock):
    """``retry_after`` is not for a 429 alone."""
    _, away = planned(answer({"status": 503, "retry_after": 7}))
    assert (away.headers["retry-after"], away.json().keys()) == ("7", {"message", "code"})


def test_bans_of_the_edge_have_two_forms(clock):
    """With seconds it is a text and a header, without a JSON page; neither has ``Via`` nor a bucket, nor is stored."""
    server, text = planned(edge_ban(3600))
    assert (text.status_code, text.text, text.headers["retry-after"]) == (429, "error code: 1015", "3600")
    _, page = planned(edge_ban())
    assert (page.status_code, page.json()["code"], page.json().keys()) == (429, 0, {"code", "message"})
    for response in (text, page):
        assert response.headers.keys() - {"server", "content-type", "content-length", "retry-after"} == set()
    assert "retry-after" not in page.headers
    assert server.alerts == []


def test_other_answers_may_come_from_the_edge(clock):
    """``via: False`` takes ``Via`` and the bucket off any answer."""
    _, response = planned(answer({"status": 520, "via": False}))
    assert response.headers.keys() == {"server", "content-type", "content-length"}


ERRORS = [
    httpx.ConnectError("down"),
    httpx.ConnectTimeout("slow"),
    httpx.ReadTimeout("slow"),
    httpx.RemoteProtocolError("gone"),
]


@pytest.mark.parametrize("error", ERRORS, ids=lambda error: type(error).__name__)
def test_transport_errors_are_raised_and_nothing_is_stored(clock, error):
    """A planned error of httpx comes with its request, and the message does not arrive."""
    server = DiscordServer()
    server.respond(fail(error).times(1))
    with pytest.raises(type(error), match=str(error)) as caught:
        post(server)
    assert caught.value.request.method == "POST"
    assert (server.alerts, server.requests[0].status) == ([], None)
    assert server.requests[0].answer == f"{type(error).__name__}: {error}"
    assert post(server).status_code == 200


OS_ERRORS = [
    (ConnectionRefusedError("no"), httpx.ConnectError),
    (ConnectionError("no"), httpx.ConnectError),
    (OSError("no route"), httpx.ConnectError),
    (TimeoutError("slow"), httpx.ReadTimeout),
    (ConnectionResetError("reset"), httpx.ReadError),
    (BrokenPipeError("pipe"), httpx.ReadError),
]


@pytest.mark.parametrize(
    ("error", "expected"), OS_ERRORS, ids=lambda each: getattr(each, "__name__", type(each).__name__)
)
def test_errors_of_sockets_come_as_httpx_raises_them(clock, error, expected):
    """No client of httpx ever sees a bare `OSError`, so neither does the one under test."""
    server = DiscordServer()
    server.respond(fail(error))
    with pytest.raises(expected, match=str(error)) as caught:
        post(server)
    assert type(caught.value.__cause__) is type(error)


def test_other_exceptions_are_raised_as_they_are(clock):
    """A transport that is broken in itself can be planned, too."""
    server = DiscordServer()
    server.respond(fail(RuntimeError("broken")))
    with pytest.raises(RuntimeError, match="broken"):
        post(server)


def test_the_answer_can_be_lost_while_the_message_is_stored(clock):
    """A read timeout, or another error, after the message has arrived."""
    server = DiscordServer()
    server.respond(lost_answer().times(1).then(lost_answer("RemoteProtocolError").times(1)))
    with pytest.raises(httpx.ReadTimeout, match="as planned for Discord"):
        post(server)
    with pytest.raises(httpx.RemoteProtocolError, match="as planned for Discord"):
        post(server)
    assert len(server.alerts) == 2


def test_a_slow_answer_is_late(clock, monkeypatch):
    """``sleep(...)`` delays the usual answer by the clock of the test."""
    sleeps = []
    monkeypatch.setattr(time, "sleep", sleeps.append)
    server, response = planned(delay("2s").times(1))
    assert (response.status_code, sleeps, len(server.alerts)) == (200, [2.0], 1)


def test_a_client_does_not_wait_longer_than_its_timeout(clock, monkeypatch):
    """A delay beyond the read timeout of a request ends in one, after that time; the message has arrived."""
    sleeps = []
    monkeypatch.setattr(time, "sleep", sleeps.append)
    server = DiscordServer()
    server.respond(delay(60))
    url = versioned(server.webhooks.url(None))
    with (
        httpx.Client(transport=server, timeout=5.0) as client,
        pytest.raises(httpx.ReadTimeout, match=r"no answer within 5\.0 s"),
    ):
        client.post(url, json={"content": "x"})
    assert (sleeps, len(server.alerts)) == ([5.0], 1)


@pytest.mark.parametrize("run", [asyncio.run, lambda task: trio.run(lambda: task)], ids=["asyncio", "trio"])
def test_async_clients_wait_without_blocking(monkeypatch, run):
    """The delay of an async client is one of its event loop."""
    monkeypatch.setattr(time, "sleep", lambda _seconds: pytest.fail("the loop was blocked"))
    server = DiscordServer()
    server.respond("1*sleep(1ms)->1*raise(httpx.ConnectError('down'))")

    async def main():
        url = versioned(server.webhooks.url(None))
        async with httpx.AsyncClient(transport=server) as client:
            first = await client.post(url, json={"content": "x"})
            with pytest.raises(httpx.ConnectError, match="down"):
                await client.post(url, json={"content": "x"})
            return [first.status_code, (await client.post(url, json={"content": "y"})).status_code]

    assert run(main()) == [204, 204]
    assert [each.content for each in server.alerts] == ["x", "y"]


def test_a_plan_overrules_limits_but_not_the_record_of_faults(clock):
    """A planned answer comes also where the limit is used up, and what is wrong with the request is still said."""
    server = DiscordServer(RateLimits(webhook=(1, 2.0)))
    post(server)
    server.respond(answer({"status": 500, "recorded": True}).times(2))
    assert [post(server).status_code, post(server, {}).status_code, post(server).status_code] == [500, 500, 429]
    assert len(server.alerts) == 2
    assert [each.rpartition(": ")[2] for each in server.problems] == ["it has nothing to send"]


def test_off_and_none_are_the_usual_answer(clock):
    """``off`` and ``return`` without a value let the request through."""
    server = DiscordServer()
    run = server.respond(passthrough().times(1).then(answer(None).times(1)).then(answer(503).times(1)))
    assert [post(server).status_code for _ in range(4)] == [200, 200, 503, 200]
    assert run.exhausted


def test_a_new_script_takes_the_place_of_the_old_one(clock):
    """What is left of an earlier script is not answered any more."""
    server = DiscordServer()
    first = server.respond("3*return(500)")
    statuses = [post(server).status_code]
    server.respond("1*return(503)")
    statuses += [post(server).status_code, post(server).status_code]
    assert statuses == [500, 503, 200]
    assert first.pending == "2*return(500)"


@pytest.mark.parametrize(
    "script", [rate_limited(), rate_limited("x", scope="shared"), edge_ban(5), edge_ban(), lost_answer()]
)
def test_builders_have_a_text_form(script):
    """What the builders make can be written as text, and read back."""
    assert Script.parse(str(script)) == script
    json.dumps([term.action.value for term in script.terms])


def test_a_reply_without_anything_special_is_complete():
    """The defaults: stored only with a 2xx, from Discord itself, and a second to wait with a 429."""
    assert PlannedAnswer.of(500) == PlannedAnswer(status=500)
    assert PlannedAnswer.of(204) == PlannedAnswer(status=204, recorded=True)
    assert PlannedAnswer.of({"status": 429}) == PlannedAnswer(status=429, retry_after=1.0)
    assert PlannedAnswer.of({"error": "ReadTimeout"}) == PlannedAnswer(error="ReadTimeout")
