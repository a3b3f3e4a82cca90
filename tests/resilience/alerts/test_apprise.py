"""Alerts through apprise, to a real service of its on loopback."""

from __future__ import annotations

import http.server
import json
import re
import sys
import threading
from dataclasses import replace
from types import SimpleNamespace

import pytest

from resilience import MissingExtraError
from resilience.alerts import Alert
from resilience.alerts.apprise import AppriseNotifier

pytestmark = pytest.mark.filterwarnings("ignore:'imghdr' is deprecated:DeprecationWarning")  # an import of apprise's

ALERT = Alert(text="🚨 down\n*now*", function="f", context="", error_type="E")


class Service(http.server.HTTPServer):
    """Takes what apprise posts, or refuses it."""

    def __init__(self):
        super().__init__(("127.0.0.1", 0), Handler)
        self.status = 200
        self.received = []
        self.url = f"json://user:hunter2@127.0.0.1:{self.server_address[1]}/"


class Handler(http.server.BaseHTTPRequestHandler):
    """One request."""

    server: Service

    def do_POST(self):
        """Record and answer."""
        self.server.received.append(json.loads(self.rfile.read(int(self.headers["Content-Length"]))))
        self.send_response(self.server.status)
        self.end_headers()

    def log_message(self, *_args):
        """Say nothing."""


@pytest.fixture
def service():
    """Run a service."""
    with Service() as service:
        thread = threading.Thread(target=service.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        yield service
        service.shutdown()
        thread.join()


def test_an_alert_reaches_every_service(service):
    """The text arrives as it is, at each URL, under the title."""
    AppriseNotifier(service.url, service.url, title="billing").notify(ALERT)
    assert [(each["title"], each["message"]) for each in service.received] == [("billing", ALERT.text)] * 2


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("@everyone @here", "@|everyone @|here"),
        ("x@Everyone app@here", "x@|Everyone app@|here"),
        ("@all @channel @bob _@bob", "@|all @|channel @|bob _@|bob"),
        ("<@1234> <@!1234> <@&1234>", "<@|1234> <@|!1234> <@|&1234>"),
        ("<!here> <!subteam^S12>", "<|!here> <|!subteam^S12>"),
        ("bob@example.com a @ b <b>!", "bob@example.com a @ b <b>!"),
    ],
)
def test_no_text_of_an_alert_pings_anyone(service, text, expected):
    """What a service would take for a mention is broken by a space without width; addresses stay as they are."""
    AppriseNotifier(service.url).notify(replace(ALERT, text=text))
    assert [each["message"] for each in service.received] == [expected.replace("|", "\u200b")]


@pytest.mark.parametrize(
    "url",
    [f"discord://1234567890123456/{'a1' * 20}", f"discord://1234567890123456/{'a1' * 20}?format=markdown",
     f"mmost://mattermost.example/{'a1' * 13}"],
    ids=["discord", "discord markdown", "mattermost"],
)  # fmt: skip
def test_services_that_take_mentions_get_none(monkeypatch, url):
    """Nothing that apprise posts to them holds the name of everybody or of somebody."""
    posted = []

    def post(*_args, **how):
        posted.append(str(how.get("data") or how.get("json")))
        return SimpleNamespace(status_code=200, content=b"{}", text="{}", headers={})

    monkeypatch.setattr("requests.post", post)
    AppriseNotifier(url).notify(replace(ALERT, text="@everyone <@1234> <@&1234> @all"))
    assert len(posted) == 1
    assert not re.search(r"@(everyone|all|&?\d)", posted[0])


def test_a_refused_alert_is_raised(service):
    """Where a service does not take the alert, that is raised without its URL, and the others are tried."""
    service.status = 500
    notifier = AppriseNotifier(service.url, service.url)
    with pytest.raises(RuntimeError, match=r"^apprise could not deliver to URL 1, 2 of 2; its log says why$"):
        notifier.notify(ALERT)
    assert len(service.received) == 2


def test_no_password_is_shown(service):
    """Neither the repr nor a refusal shows a URL."""
    assert repr(AppriseNotifier(service.url)) == "AppriseNotifier(<1 URLs>)"
    problem = "apprise does not understand URL 2 of 2; it is not shown, as it may hold a password"
    with pytest.raises(ValueError, match=f"^{problem}$"):
        AppriseNotifier(service.url, "nonsense://hunter2")


def test_without_a_url_there_is_nothing_to_do():
    """A notifier without a URL is refused, saying what one looks like."""
    problem = "AppriseNotifier needs at least one URL, such as 'mailto://user:password@example.com'"
    with pytest.raises(ValueError, match=f"^{problem}$"):
        AppriseNotifier()


def test_without_the_extra_that_is_said(monkeypatch):
    """Without apprise, the error names the command that installs it."""
    monkeypatch.setitem(sys.modules, "apprise", None)
    with pytest.raises(MissingExtraError) as caught:
        AppriseNotifier("json://127.0.0.1")
    assert str(caught.value) == "AppriseNotifier needs an optional dependency: pip install 'pytest-resilience[apprise]'"
