"""Under OpenTelemetry's instrumentation of HTTP clients, no span tells where an alert was sent: the URL is a password."""

from __future__ import annotations

import threading
from http.server import BaseHTTPRequestHandler, HTTPServer

import httpx
import pytest
import requests
import respx
from opentelemetry import context

from resilience import alerts
from resilience._alerts.delivery.cooldowns import Cooldowns
from resilience._alerts.discord.sink import DiscordSink
from resilience.alerts.apprise import AppriseNotifier
from tests.resilience.alerts.conftest import API, WEBHOOK

pytestmark = pytest.mark.filterwarnings("ignore:'imghdr' is deprecated:DeprecationWarning")  # an import of apprise's

ALERT = alerts.Alert(text="down", function="connect", context="", error_type="ConnectionError")
KEYS = [
    *("suppress_instrumentation", "suppress_http_instrumentation"),
    *(context._SUPPRESS_INSTRUMENTATION_KEY, context._SUPPRESS_HTTP_INSTRUMENTATION_KEY),
]


def suppressed():
    """What an instrumentation would find, of whatever version."""
    return [bool(context.get_value(key)) for key in KEYS]


@pytest.fixture
def sent(monkeypatch):
    """Stand where the instrumentations of httpx and requests do, and record what they would find."""
    found = []
    handle, send = httpx.HTTPTransport.handle_request, requests.Session.send

    def handle_request(self, request):
        found.append(suppressed())
        return handle(self, request)

    def send_request(self, *arguments, **options):
        found.append(suppressed())
        return send(self, *arguments, **options)

    monkeypatch.setattr(httpx.HTTPTransport, "handle_request", handle_request)
    monkeypatch.setattr(requests.Session, "send", send_request)
    return found


class Service(BaseHTTPRequestHandler):
    """Takes everything."""

    def do_POST(self):
        """Answer."""
        self.rfile.read(int(self.headers["Content-Length"]))
        self.send_response(200)
        self.end_headers()

    def log_message(self, *_args):
        """Say nothing."""


@pytest.fixture
def service():
    """Run a service on loopback."""
    with HTTPServer(("127.0.0.1", 0), Service) as server:
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        yield f"json://127.0.0.1:{server.server_address[1]}/"
        server.shutdown()
        thread.join()


def test_a_webhook_is_in_no_span(sent):
    """While a message is posted, instrumentations are asked to keep out; afterwards they are not."""
    with respx.mock as router:
        router.post(API).respond(200)
        assert DiscordSink(WEBHOOK, Cooldowns()).send([ALERT], again=False) is None
    assert sent == [[True] * 4]
    assert suppressed() == [False] * 4


def test_a_url_of_apprise_is_in_no_span(sent, service):
    """While apprise delivers, instrumentations are asked to keep out; afterwards they are not."""
    AppriseNotifier(service).notify(ALERT)
    assert sent == [[True] * 4]
    assert suppressed() == [False] * 4
