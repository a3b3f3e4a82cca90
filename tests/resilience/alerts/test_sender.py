"""Who alerts: the service and its host, in the name of the webhook's messages and the title of all others."""

from __future__ import annotations

import json
import socket

import httpx
import pytest
from hypothesis import given
from hypothesis import strategies as st

from resilience import alerts
from resilience._alerts.texts import sender
from resilience._config import configured
from resilience.alerts import Alert, send_rate_limited_discord_alert
from tests.discord_server.rules import username_problem
from tests.resilience.alerts.test_alerting import fail


@pytest.fixture(autouse=True)
def host(monkeypatch: pytest.MonkeyPatch) -> None:
    """Name the host."""
    monkeypatch.setattr(socket, "gethostname", lambda: "web-3")


def bodies(discord) -> list[dict[str, object]]:
    """What was posted."""
    assert alerts.flush(None)
    return [json.loads(call.request.content) for call in discord.calls]


def test_a_message_is_from_the_service_on_its_host(discord, make_call):
    """Of calls and by hand, a message says whose it is; its text stays as it is."""
    with configured(service_name="billing"):
        fail(make_call(), 50)
        assert send_rate_limited_discord_alert("f", ConnectionError("no"), "", "down")
    assert [body["username"] for body in bodies(discord)] == ["billing on web-3"] * 2


def test_a_notifier_gets_it_as_the_title(webhook, make_call):
    """Other destinations have the same words as a title, which makes no other alert of it."""

    class Inbox:
        def notify(self, alert: Alert) -> None:
            received.append(alert)

    received: list[Alert] = []
    with configured(service_name="billing", discord_webhook_url=None, notifiers=[Inbox()]), alerts.isolated():
        fail(make_call(), 50)
        assert alerts.flush(None)
    (alert,) = received
    assert alert.title == "billing on web-3"
    assert alert == Alert(
        text=alert.text, function="connect", context="Redis_infrastructure", error_type="ConnectionError", attempt=50
    )


@pytest.mark.parametrize(
    ("service", "expected"),
    [
        ("billing", "billing on web-3"),
        ("  billing\n\tworker ", "billing worker on web-3"),
        ("Discord bot", "D-iscord bot on web-3"),
        ("my-clyde-and-DISCORD", "my-c-lyde-and-D-ISCORD on web-3"),
        ("everyone", "everyone on web-3"),
        ("\x1b[31mred", r"\x1b[31mred on web-3"),
        ("@app:80 #1 ```x", "app 80 1 x on web-3"),
        ("token=hunter2hunter2", "token=[redacted] on web-3"),
        ("x" * 100, "x" * 79 + "…"),
        ("🙂" * 100, "🙂" * 79 + "…"),
    ],
)
def test_it_is_what_discord_takes(service, expected):
    """Forbidden words are broken up, forbidden characters left out, secrets hidden, and the whole is cut."""
    with configured(service_name=service):
        assert sender() == expected


@given(st.text(min_size=1, max_size=120).filter(str.strip))
def test_any_service_may_alert(service):
    """Discord takes the name, whatever the service is called."""
    with configured(service_name=service):
        assert username_problem(sender()) is None
        assert 1 <= len(sender()) <= 80


def test_a_name_that_discord_refuses_all_the_same_is_left_out(discord, make_call):
    """Rules that nobody has written down cost the name, and not the alert; the next alert is sent without it at once."""
    refusal = {
        "code": 50035,
        "message": "Invalid",
        "errors": {"username": {"_errors": [{"message": "USERNAME_INVALID"}]}},
    }
    discord.mock(side_effect=[httpx.Response(400, json=refusal), httpx.Response(200), httpx.Response(200)])
    fail(make_call(), 50)
    fail(make_call(), 50, error=OSError("other"))
    first, second, third = bodies(discord)
    assert "username" in first
    assert "username" not in {**second, **third}
    assert second["content"] == first["content"]


def test_services_that_share_a_redis_have_windows_of_their_own(server):
    """The same error of another service alerts; of another process of the same service it does not."""
    answers = []
    for service in ("billing", "shipping", "billing"):
        with configured(redis_url=server.url, service_name=service), alerts.isolated():
            answers.append(alerts.should_send_alert("connect", ConnectionError("refused"), "Redis"))
    assert answers == [True, True, False]
