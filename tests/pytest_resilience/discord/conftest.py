from __future__ import annotations

import json
import time
from collections.abc import Callable
from typing import Any

import httpx
import pytest

from pytest_resilience.discord._server import DiscordServer
from resilience import send_rate_limited_discord_alert

BOT = "DiscordBot (https://example.org, 1.0)"


class Clock:
    """A monotonic and a wall clock that stand still until they are told to go on."""

    def __init__(self) -> None:
        self.ns = 5_000_000_000_000

    def advance(self, seconds: float) -> None:
        self.ns += round(seconds * 1e9)

    @property
    def wall(self) -> float:
        return 1_750_000_000 + self.ns / 1e9


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Clock:
    """Time that only the test moves."""
    clock = Clock()
    monkeypatch.setattr(time, "monotonic_ns", lambda: clock.ns)
    monkeypatch.setattr(time, "time", lambda: clock.wall)
    return clock


def versioned(url: str, version: str = "v10") -> str:
    """Return the URL of a webhook on a version of the API."""
    return url.replace("/api/", f"/api/{version}/")


def alert(text: str, channel: str | None = None, *, error: str = "") -> bool:
    """Send one alert by hand, and tell whether it was delivered."""
    return send_rate_limited_discord_alert("job", ValueError(error or text), "tests", text, channel)


Post = Callable[..., httpx.Response]


@pytest.fixture
def post() -> Post:
    """Post to a server: a dict as JSON, a text or bytes as they are; ``wait=true`` unless told otherwise."""

    def post(
        server: DiscordServer,
        body: Any = None,
        *,
        url: str | None = None,
        channel: str | None = None,
        query: str = "?wait=true",
        method: str = "POST",
        headers: dict[str, str | None] | None = None,
        version: str = "v10",
    ) -> httpx.Response:
        target = versioned(server.webhook_url(channel), version) if url is None else url
        content = body if isinstance(body, str | bytes) else json.dumps({"content": "hello"} if body is None else body)
        sent = {"User-Agent": BOT, "Content-Type": "application/json", **(headers or {})}
        return server.handle(
            httpx.Request(
                method, target + query, content=content, headers={k: v for k, v in sent.items() if v is not None}
            )
        )

    return post
