"""The webhooks of the simulated Discord, one for each channel, and the requests that come to them."""

from __future__ import annotations

import json
import re
import threading
from collections.abc import Iterator, Mapping
from typing import Any, Final, final

import httpx

_FIRST_ID: Final = 990_000_000_000_000_001  # as long as the ids of real ones
_TOKEN_LENGTH: Final = 68  # as real ones are
_HOSTS: Final = frozenset(
    prefix + domain for prefix in ("", "ptb.", "canary.") for domain in ("discord.com", "discordapp.com")
)
_WEBHOOKS: Final = re.compile(r"/api(?:/v[0-9]+)?/webhooks(?:/|$)", re.ASCII)
_ROUTE: Final = re.compile(r"/api(?:/v([0-9]+))?/webhooks/([^/]+)/([^/]+)((?:/.+?)?)/?", re.ASCII)
_TRUE: Final = ("true", "True", "1")  # source: API reference, "Boolean Query Strings"


@final
class Webhooks(Mapping[str, str]):
    """The URL of a webhook for every channel that is asked for, made when it first is. Safe under threads."""

    def __init__(self) -> None:
        self._ids: dict[str | None, str] = {}
        self._lock = threading.Lock()

    def url(self, channel: str | None) -> str:
        """Return the URL of the webhook of a channel, None being the default one, as it is copied from Discord."""
        with self._lock:
            webhook = self._ids.setdefault(channel, str(_FIRST_ID + len(self._ids)))
        token = f"stand-in-for-discord-{webhook}-".ljust(_TOKEN_LENGTH, "x")
        return f"https://discord.com/api/webhooks/{webhook}/{token}"

    def channel_of(self, webhook: str | None) -> str | None:
        """Return the channel of a webhook; one that was not made here posts to the default channel."""
        with self._lock:
            return next((channel for channel, each in self._ids.items() if each == webhook), None)

    def __getitem__(self, channel: str) -> str:
        return self.url(channel)

    def __iter__(self) -> Iterator[str]:
        with self._lock:
            return iter([channel for channel in self._ids if channel is not None])

    def __len__(self) -> int:
        return sum(1 for _ in self)


class Incoming:
    """One request, whose content has been read, taken apart.

    Attributes:
        at: When it came, in seconds since the test began.
        version: The version in its URL; None without one.
        webhook: The id in its URL; None where that is no URL of a webhook.
        token: The token in its URL.
        rest: What follows the token, such as ``/slack``.
        channel: The channel of its webhook; None for the default one.
        wait: Whether it wants the stored message for its answer.
        is_json: Whether its content is JSON.
        body: The JSON value in it; None where there is none.
    """

    version: str | None
    webhook: str | None
    token: str
    rest: str

    def __init__(self, request: httpx.Request, webhooks: Webhooks, at: float) -> None:
        self.request, self.at = request, at
        route = _ROUTE.fullmatch(_path(request))
        self.version, self.webhook, self.token, self.rest = route.groups() if route else (None, None, "", "")
        self.channel = webhooks.channel_of(self.webhook)
        self.wait = request.url.params.get("wait") in _TRUE
        self.body: Any = None
        try:
            self.body, self.is_json = json.loads(request.content), True
        except (ValueError, RecursionError):
            self.is_json = False

    @property
    def content(self) -> str:
        """The text of a message without faults."""
        return (self.body.get("content") or "").strip()

    @property
    def embeds(self) -> tuple[dict[str, Any], ...]:
        """The embeds of a message without faults."""
        return tuple(self.body.get("embeds") or ())


def is_for_webhooks(request: httpx.Request) -> bool:
    """Tell whether a request goes to Discord's webhooks."""
    return request.url.host in _HOSTS and _WEBHOOKS.match(_path(request)) is not None


def _path(request: httpx.Request) -> str:
    """Return the path as it was sent, in which an escaped slash is no slash."""
    return request.url.raw_path.partition(b"?")[0].decode("ascii", "replace")
