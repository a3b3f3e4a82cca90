"""The client of the webhook API, against answers as Discord and its edge give them."""

from __future__ import annotations

import json
import logging
import time

import httpx
import pytest
import respx

from resilience._alerts.delivery.cooldowns import Cooldowns
from resilience._alerts.discord.sink import DiscordSink
from resilience._alerts.discord.webhook_url import Webhook
from resilience.alerts import Alert

WEBHOOK = Webhook("123456789012345678", "a-token")
WEBHOOK_URL = f"https://discord.com/api/webhooks/{WEBHOOK.id}/{WEBHOOK.token}"
URL = f"https://discord.com/api/v10/webhooks/{WEBHOOK.id}/{WEBHOOK.token}"
VIA = {"Via": "1.1 google"}
UNKNOWN_WEBHOOK = {"message": "Unknown Webhook", "code": 10015}


@pytest.fixture
def api():
    """Stand in for Discord."""
    with respx.mock(assert_all_called=False) as router:
        yield router.post(URL)


@pytest.fixture
def cooldowns(clock):
    """What the sinks of a test share."""
    return Cooldowns()


@pytest.fixture
def sink(cooldowns):
    """A webhook that nothing was sent to."""
    return DiscordSink(WEBHOOK_URL, cooldowns)


def alert(text="down"):
    """Make an alert."""
    return Alert(text=text, function="connect", context="Redis_infrastructure", error_type="ConnectionError")


def send(sink, *, again=False):
    """Send one alert and return what is told about it, in short."""
    try:
        undelivered = sink.send([alert()], again=again)
    finally:
        sink.close()
    if undelivered is None:
        return None
    return undelivered.problem, undelivered.try_again, undelivered.backs_off, undelivered.may_have_arrived


def held(cooldowns, webhook=WEBHOOK):
    """Return the seconds for which a webhook is held."""
    cooldown = cooldowns.of(webhook)
    return 0.0 if cooldown is None else cooldown.left_s()


def test_a_message_is_posted_as_the_api_wants_it(api, sink):
    """One POST to the current API asks for proof, says who is calling, and pings nobody."""
    api.respond(200, json={"id": "1"})
    assert send(sink) is None
    request = api.calls.last.request
    assert request.url.params["wait"] == "true"
    assert request.headers["Content-Type"] == "application/json"
    assert request.headers["User-Agent"].startswith("DiscordBot (https://")
    assert json.loads(request.content) == {"content": "down", "allowed_mentions": {"parse": []}}


def test_every_phase_of_a_request_has_a_time_limit(api, sink):
    """No request is ever made without limits for connecting, reading, writing and waiting for a connection."""
    api.respond(204)
    send(sink)
    timeouts = api.calls.last.request.extensions["timeout"]
    assert set(timeouts) == {"connect", "read", "write", "pool"}
    assert all(0 < seconds <= 5 for seconds in timeouts.values())


@pytest.mark.parametrize(
    "response",
    [
        httpx.Response(204),
        httpx.Response(200, text="no JSON {"),
        httpx.Response(201),
    ],
)
def test_any_2xx_is_a_success(api, sink, response):
    """A delivered message needs neither a body nor a readable one."""
    api.mock(return_value=response)
    assert send(sink) is None


def test_nothing_of_the_url_reaches_a_log(api, sink, caplog):
    """With every logger wide open, the token of the webhook is in no line."""
    caplog.set_level(logging.DEBUG)
    api.mock(side_effect=[httpx.Response(200), httpx.Response(500), httpx.ConnectError(f"no route to {URL}")])
    told = [send(sink) for _ in range(3)]
    assert WEBHOOK.token not in caplog.text + repr(told) + repr(vars(sink))


def test_logging_is_left_as_it_was(api, sink):
    """Sending changes neither level nor filters of httpx's logger."""
    logger = logging.getLogger("httpx")
    before = logger.level, list(logger.filters), list(logger.handlers), logger.disabled
    api.respond(200)
    send(sink)
    assert (logger.level, logger.filters, logger.handlers, logger.disabled) == before


def test_a_redirect_is_not_followed(api, sink):
    """The token is sent to no other place than Discord: a redirect is a failure."""
    api.respond(302, headers={"Location": "https://evil.example/"})
    assert send(sink) == ("HTTP 302", False, True, False)
    assert api.call_count == 1


@pytest.mark.parametrize("status", [500, 502, 503, 504])
@pytest.mark.parametrize("body", [b"", b"<html>", b'{"message": "overloaded", "code": 130000}'])
def test_a_server_error_may_be_tried_again_and_may_have_arrived(api, sink, status, body):
    """After a 5xx of any form the message may be there, and may be sent again."""
    api.respond(status, content=body)
    problem, *verdict = send(sink)
    assert problem.startswith(f"HTTP {status}")
    assert verdict == [True, True, True]


def test_a_server_error_that_says_when_to_come_back_is_obeyed(api, sink, cooldowns):
    """A 503 with Retry-After leaves the webhook alone for as long as it asks."""
    api.respond(503, headers={"Retry-After": "17"})
    assert send(sink) == ("HTTP 503", True, True, True)
    assert held(cooldowns) == 17


@pytest.mark.parametrize(
    ("error", "may_have_arrived"),
    [
        (httpx.ConnectError("refused"), False),
        (httpx.ConnectTimeout("slow"), False),
        (httpx.PoolTimeout("busy"), False),
        (httpx.ProxyError("407"), False),
        (httpx.ReadTimeout("no answer"), True),
        (httpx.WriteError("reset"), True),
        (httpx.RemoteProtocolError("garbage"), True),
    ],
)
def test_without_an_answer_the_phase_decides(api, sink, error, may_have_arrived):
    """Before there is a connection nothing can have arrived; after that the message may be there."""
    api.mock(side_effect=error)
    assert send(sink) == (f"{type(error).__name__}: {error}", True, True, may_have_arrived)


def test_without_a_file_descriptor_left_it_is_tried_again(api, sink, monkeypatch):
    """Where no connection can even be prepared, the message has not arrived and may be sent again."""
    monkeypatch.setattr(
        httpx, "HTTPTransport", lambda **_how: (_ for _ in ()).throw(OSError(24, "Too many open files"))
    )
    assert send(sink) == ("OSError: [Errno 24] Too many open files", True, True, False)


def test_a_client_that_cannot_be_loaded_yet_is_loaded_later(api, sink, monkeypatch):
    """Where the files of the client can't be opened, nothing is waited for, and the next try loads them."""
    api.respond(200)
    with monkeypatch.context() as patch:
        patch.setattr(
            "resilience._alerts.discord.webhook_url.parse_webhook_url",
            lambda _url: (_ for _ in ()).throw(OSError(24, "Too many open files")),
        )
        assert sink.cooldown() is None
        with pytest.raises(OSError, match="Too many open files"):
            sink.send([alert()], again=False)
    assert send(sink) is None


def test_a_repeated_message_is_labelled_with_the_first_try(api, sink, monkeypatch):
    """What may be there twice says since when."""
    api.mock(side_effect=[httpx.ReadTimeout("no answer"), httpx.Response(200)])
    monkeypatch.setattr(time, "time", lambda: 1_700_000_000.0)
    send(sink)
    monkeypatch.setattr(time, "time", lambda: 1_700_000_009.0)
    send(sink, again=True)
    assert json.loads(api.calls.last.request.content)["embeds"] == [
        {"description": "Sent again: the answer at <t:1700000000:T> was lost, so this may be here twice."}
    ]


def test_an_empty_bucket_is_waited_for_instead_of_overdrawn(api, sink, cooldowns):
    """After a success that was the bucket's last, the webhook waits for the seconds that the answer names."""
    api.respond(204, headers={"X-RateLimit-Remaining": "0", "X-RateLimit-Reset-After": "1.25"})
    send(sink)
    assert held(cooldowns) == 1.25


@pytest.mark.parametrize(
    "headers",
    [
        {"X-RateLimit-Remaining": "4", "X-RateLimit-Reset-After": "2"},
        {"X-RateLimit-Remaining": "0"},
        {"X-RateLimit-Remaining": "0", "X-RateLimit-Reset-After": "soon"},
        {"X-RateLimit-Remaining": "0", "X-RateLimit-Reset-After": "nan"},
        {"X-RateLimit-Reset-After": "2"},
    ],
)
def test_missing_or_odd_headers_hold_nothing(api, sink, cooldowns, headers):
    """Only an empty bucket with a readable time is waited for."""
    api.respond(204, headers=headers)
    assert send(sink) is None
    assert held(cooldowns) == 0


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


def test_an_error_that_shows_all_it_received_is_cut(api, sink):
    """What went wrong is told in a few hundred characters at most."""
    api.mock(side_effect=httpx.RemoteProtocolError("illegal: " + "x" * 5000))
    (problem, *_) = send(sink)
    assert len(problem) < 400


def test_refusals_that_can_end_in_a_ban_are_counted(api, sink, cooldowns, clock):
    """A hundred 429s of the own bucket within ten minutes stop everything; shared ones don't count."""
    body = {"retry_after": 0.1, "global": False}
    api.respond(429, json=body, headers=VIA | {"X-RateLimit-Scope": "shared"})
    for _ in range(150):
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


@pytest.mark.parametrize(
    ("variables", "proxied"),
    [
        ({}, None),
        ({"https_proxy": "http://proxy.example:3128"}, "http://proxy.example:3128"),
        ({"https_proxy": "proxy.example:3128"}, "http://proxy.example:3128"),
        ({"https_proxy": "http://proxy.example:3128", "no_proxy": "discord.com"}, None),
        ({"all_proxy": "http://proxy.example:3128"}, "http://proxy.example:3128"),
    ],
)
def test_the_proxy_of_the_environment_is_used(api, sink, monkeypatch, variables, proxied):
    """Requests go through the proxy that the environment names for Discord, as they would with any client."""
    made = []
    original = httpx.HTTPTransport.__init__
    monkeypatch.setattr(
        httpx.HTTPTransport, "__init__", lambda self, **kw: (made.append(kw["proxy"]), original(self, **kw))[1]
    )
    for name in ("http_proxy", "https_proxy", "all_proxy", "no_proxy"):
        monkeypatch.delenv(name, raising=False)
        monkeypatch.delenv(name.upper(), raising=False)
    for name, value in variables.items():
        monkeypatch.setenv(name, value)
    api.respond(204)
    assert send(sink) is None
    assert made == [proxied]
