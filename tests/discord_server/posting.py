"""What the tests of both servers share: a clock moved by hand, and a client that posts as well or badly as it is told."""

from __future__ import annotations

import json

import httpx

BOT = "DiscordBot (https://example.org, 1.0)"


class Clock:
    """A monotonic and a wall clock that stand still until they are told to go on."""

    def __init__(self):
        self.ns = 5_000_000_000_000

    def advance(self, seconds):
        """Let time pass."""
        self.ns += round(seconds * 1e9)

    @property
    def wall(self):
        """The seconds of the epoch."""
        return 1_750_000_000 + self.ns / 1e9


def versioned(url, version="v10"):
    """Return the URL of a webhook on a version of the API."""
    return url.replace("/api/", f"/api/{version}/")


def post(server, body=None, *, url=None, channel=None, query="?wait=true", method="POST", headers=None):
    """Post to a server: a dict as JSON, a text or bytes as they are; ``wait=true`` unless told otherwise."""
    target = versioned(server.webhooks.url(channel)) if url is None else url
    content = body if isinstance(body, str | bytes) else json.dumps({"content": "hello"} if body is None else body)
    sent = {"User-Agent": BOT, "Content-Type": "application/json", **(headers or {})}
    named = {name: value for name, value in sent.items() if value is not None}
    return server.handle_request(httpx.Request(method, target + query, content=content, headers=named))
