"""A request to the simulated Discord, taken apart."""

from __future__ import annotations

import json
import re
from typing import Any, Final

import httpx

_HOSTS: Final = frozenset(
    prefix + domain for prefix in ("", "ptb.", "canary.") for domain in ("discord.com", "discordapp.com")
)
_WEBHOOKS: Final = re.compile(r"/api(?:/v[0-9]+)?/webhooks(?:/|$)", re.ASCII)
_ROUTE: Final = re.compile(r"/api(?:/v([0-9]+))?/webhooks/([^/]+)/([^/]+)((?:/.+?)?)/?", re.ASCII)
_TRUE: Final = ("true", "True", "1")  # source: API reference, "Boolean Query Strings"


class Incoming:
    """One request, whose content has been read.

    Attributes:
        version: The version in its URL; None without one.
        webhook: The id in its URL; None where that is no URL of a webhook.
        token: The token in its URL.
        rest: What follows the token, such as ``/slack``.
        wait: Whether it wants the stored message for its answer.
        is_json: Whether its content is JSON.
        body: The JSON value in it; None where there is none.
    """

    version: str | None
    webhook: str | None
    token: str
    rest: str

    def __init__(self, request: httpx.Request) -> None:
        self.request = request
        route = _ROUTE.fullmatch(_path(request))
        self.version, self.webhook, self.token, self.rest = route.groups() if route else (None, None, "", "")
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
