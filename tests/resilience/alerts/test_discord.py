"""The client of the webhook API, against answers as Discord and its edge give them."""

from __future__ import annotations

import json
import logging
import time

import httpx
import pytest

from tests.resilience.alerts.one_webhook import URL, WEBHOOK, alert, held, send


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


def test_an_error_that_shows_all_it_received_is_cut(api, sink):
    """What went wrong is told in a few hundred characters at most."""
    api.mock(side_effect=httpx.RemoteProtocolError("illegal: " + "x" * 5000))
    (problem, *_) = send(sink)
    assert len(problem) < 400


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
