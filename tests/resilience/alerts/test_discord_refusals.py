"""The client of the webhook API, where Discord or its edge does not take a message: limits, bans and refusals."""

from __future__ import annotations

import json

import httpx
import pytest

from resilience._alerts.discord.sink import DiscordSink
from resilience._alerts.discord.webhook_url import Webhook
from tests.resilience.alerts.one_webhook import VIA, WEBHOOK, WEBHOOK_URL, held, send

UNKNOWN_WEBHOOK = {"message": "Unknown Webhook", "code": 10015}


OTHER = Webhook("2", "other-token")


RATE_LIMITS = {
    "own bucket": (
        {"message": "You are being rate limited.", "retry_after": 1.5, "global": False},
        VIA | {"Retry-After": "2", "X-RateLimit-Scope": "user", "X-RateLimit-Remaining": "0"},
        (2.0, 0.0),
    ),
    "shared, with some remaining": (
        {"message": "The resource is being rate limited.", "retry_after": 42.3, "global": False},
        VIA | {"Retry-After": "43", "X-RateLimit-Scope": "shared", "X-RateLimit-Remaining": "9"},
        (43.0, 0.0),
    ),
    "global": ({"retry_after": 64.57, "global": True}, VIA | {"X-RateLimit-Scope": "global"}, (64.57, 64.57)),
    "global by header only": ({"retry_after": 5}, VIA | {"X-RateLimit-Global": "true"}, (5.0, 5.0)),
    "ban that says how long": (None, {"Retry-After": "600"}, (600.0, 600.0)),
    "ban that does not": ({"code": 0, "message": "You are being blocked"}, {}, (300.0, 300.0)),
    "no Via": ({"retry_after": 2, "global": False}, {}, (2.0, 2.0)),
    "no body": (None, VIA, (300.0, 300.0)),
    "no wait": ({"retry_after": 0, "global": False}, VIA, (0.0, 0.0)),
    "no wait by header": (None, VIA | {"Retry-After": "0"}, (0.0, 0.0)),
    "no wait by header alone": (None, {"Retry-After": "0"}, (0.0, 0.0)),
    "a moment that is past": (None, {"Retry-After": "Wed, 21 Oct 2015 07:28:00 GMT"}, (0.0, 0.0)),
    "a header that says nothing": (None, VIA | {"Retry-After": "soon"}, (300.0, 300.0)),
    "text": ({"retry_after": "3.5"}, VIA, (3.5, 0.0)),
    "reset that must be ignored": ({"retry_after": 2}, VIA | {"X-RateLimit-Reset-After": "500"}, (2.0, 0.0)),
}


@pytest.mark.parametrize("kind", RATE_LIMITS)
def test_every_form_of_429_is_waited_for_by_whom_it_concerns(api, sink, cooldowns, kind):
    """The wait is never shorter than asked, little longer, and concerns all webhooks where it must."""
    body, headers, (own_s, others_s) = RATE_LIMITS[kind]
    api.respond(429, headers=headers, **({} if body is None else {"json": body}))
    problem, *verdict = send(sink)
    assert problem.startswith("rate limited, HTTP 429")
    assert verdict == [True, own_s == 0, False]
    assert own_s <= held(cooldowns) <= own_s + 0.5
    assert others_s <= held(cooldowns, OTHER) <= others_s + (0.5 if others_s else 0)


def test_bans_that_do_not_say_how_long_cool_down_longer_and_longer(api, sink, cooldowns, clock):
    """Repeated bans without a time double the wait up to an hour, and a success ends that."""
    api.mock(side_effect=[*[httpx.Response(429)] * 6, httpx.Response(204), httpx.Response(429)])
    waits = []
    for _ in range(8):
        send(sink)
        waits.append(round(held(cooldowns) / 60))
        clock.advance(3601)
    assert waits == [5, 10, 20, 40, 60, 60, 0, 5]


@pytest.mark.parametrize(
    ("status", "body"),
    [(404, UNKNOWN_WEBHOOK), (401, {"message": "Invalid Webhook Token", "code": 50027})],
)
def test_a_dead_webhook_is_never_used_again(api, cooldowns, status, body):
    """After Discord has said that a webhook is gone, no request is made to it, by whatever sink."""
    api.respond(status, json=body)
    problem = (
        f"HTTP {status}, code {body['code']}: {body['message']}; "
        "nothing more is sent to this webhook until another one is configured"
    )
    assert send(DiscordSink(WEBHOOK_URL, cooldowns)) == (problem, False, True, False)
    sink = DiscordSink(WEBHOOK_URL, cooldowns)
    assert (sink.cooldown(), send(sink)) == (None, (problem, False, True, False))
    assert api.call_count == 1


@pytest.mark.parametrize("status", [401, 404])
def test_an_unexplained_refusal_is_respected_for_a_while(api, sink, cooldowns, status):
    """A 404 or 401 that does not name the webhook stops it for minutes and not for good."""
    api.respond(status, text="no such route")
    assert send(sink) == (f"HTTP {status}: no such route", False, True, False)
    assert held(cooldowns) == 300


@pytest.mark.parametrize(
    "response", [httpx.Response(403, text="error code: 1010"), httpx.Response(403, json={"code": 40333})]
)
def test_a_block_at_the_edge_stops_everything_for_a_while(api, sink, cooldowns, response):
    """When the edge does not like the client, nothing is sent again at once, and no webhook tries."""
    api.mock(return_value=response)
    problem, *verdict = send(sink)
    assert problem.startswith("blocked by Discord's edge, HTTP 403")
    assert verdict == [False, True, False]
    assert (api.call_count, held(cooldowns, OTHER)) == (1, 300)


INVALID = httpx.Response(400, json={"message": "Invalid Form Body", "code": 50035})


PLAINEST = "Alert without details, which Discord refused: connect (ConnectionError)"


@pytest.mark.parametrize("status", [400, 403, 405, 413])
def test_a_refused_message_is_replaced_by_the_plainest(api, sink, status, caplog):
    """What Discord does not want to show is replaced by a message of names alone, and the refusal is logged once."""
    body = {"message": "Invalid", "code": 50035, "errors": {"content": {"_errors": [{"message": "Too long."}]}}}
    api.mock(side_effect=[httpx.Response(status, json=body), httpx.Response(200), httpx.Response(200)])
    refused = f"HTTP {status}, code 50035: Invalid (content: Too long.)"
    assert [send(sink), send(sink), send(sink)] == [(refused, True, False, False), None, None]
    first, second, next_alert = [json.loads(call.request.content) for call in api.calls]
    assert second == {"content": PLAINEST, "allowed_mentions": {"parse": []}}
    assert next_alert == first
    assert [record.getMessage() for record in caplog.records] == [
        f"Discord refused an alert, which is sent without its details now: {refused}"
    ]


def test_a_twice_refused_message_has_failed(api, sink, cooldowns):
    """Where the plainest message is refused, too, there is no third."""
    api.mock(side_effect=[INVALID, INVALID])
    refused = "HTTP 400, code 50035: Invalid Form Body"
    assert [send(sink), send(sink)] == [(refused, True, False, False), (refused, False, True, False)]


def test_the_answer_to_the_plainest_message_is_heeded_like_any_other(api, cooldowns, clock):
    """A rate limit is waited out and the plainest message sent again; and a webhook that is gone is dead."""
    sink = DiscordSink(WEBHOOK_URL, cooldowns)
    limited = httpx.Response(429, json={"retry_after": 30, "global": False}, headers=VIA)
    api.mock(side_effect=[INVALID, limited, httpx.Response(404, json=UNKNOWN_WEBHOOK)])
    assert send(sink) is not None
    assert send(sink) == ('rate limited, HTTP 429: {"retry_after":30,"global":false}', True, False, False)
    assert 30 <= held(cooldowns) <= 30.5
    clock.advance(31)
    assert send(sink) is not None
    assert cooldowns.why_disabled(WEBHOOK) is not None
    assert [json.loads(call.request.content)["content"] for call in api.calls] == ["down", PLAINEST, PLAINEST]


def test_a_missing_thread_is_left_out_once_and_for_all(api, cooldowns):
    """When the thread is gone, the message goes to the channel, and so do later ones."""
    sink = DiscordSink(f"{WEBHOOK_URL}?thread_id=42", cooldowns)
    api.mock(
        side_effect=[
            httpx.Response(404, json={"message": "Unknown Channel", "code": 10003}),
            httpx.Response(200),
            httpx.Response(200),
        ]
    )
    assert send(sink) == ("HTTP 404, code 10003: Unknown Channel", True, False, False)
    assert [send(sink), send(sink)] == [None, None]
    assert [call.request.url.params.get("thread_id") for call in api.calls] == ["42", None, None]


def test_refusals_that_can_end_in_a_ban_are_counted(api, sink, cooldowns, clock):
    """A hundred 429s of the own bucket within ten minutes stop everything; shared ones don't count."""
    body = {"retry_after": 0.1, "global": False}
    api.respond(429, json=body, headers=VIA | {"X-RateLimit-Scope": "shared"})
    for _ in range(101):
        send(sink)
        clock.advance(1)
    assert held(cooldowns, OTHER) == 0
    api.respond(429, json=body, headers=VIA | {"X-RateLimit-Scope": "user"})
    for _ in range(100):
        send(sink)
        clock.advance(1)
    assert held(cooldowns, OTHER) == 599


def test_an_unknown_error_is_the_problem_of_the_alert_alone(api, sink):
    """Whatever is raised while sending is told as the problem, without its secrets."""
    api.mock(side_effect=RuntimeError("token=s3cr3t-t0ken-value"))
    assert send(sink) == ("RuntimeError: token=[redacted]", False, True, False)
