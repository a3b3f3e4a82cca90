"""Discord webhook URLs: told apart from all others, taken apart, and rebuilt on a current version of the API.

A webhook URL is a password: whoever holds it can post. No error text and no repr here shows one.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Final, final

DISCORD_API: Final = "https://discord.com/api/v10"
"""The base of every request. A pasted URL has no version, which Discord reads as one with other units and errors."""

_HOSTS: Final = frozenset(
    prefix + domain for prefix in ("", "ptb.", "canary.") for domain in ("discord.com", "discordapp.com")
)
_PATH: Final = re.compile(r"/api(?:/v\d{1,3})?/webhooks/(?P<id>[^/]*)/(?P<token>[^/]*)(?P<rest>/.*)?", re.ASCII)
_TOKEN: Final = re.compile(r"[A-Za-z0-9._-]+", re.ASCII)
_SNOWFLAKE: Final = re.compile(r"\d{1,20}", re.ASCII)
_EXPECTED: Final = "expected https://discord.com/api/webhooks/<id>/<token>"


@final
@dataclass(frozen=True, slots=True, repr=False)
class Webhook:
    """One incoming webhook, and the thread of its channel to post in, if any. The repr holds no token."""

    id: str
    token: str
    thread_id: str | None = None

    def __repr__(self) -> str:
        return f"Webhook(id={self.id!r}, token='[redacted]')"

    def url(self, base: str = DISCORD_API) -> str:
        """Return where to post: with the answer that proves that the message was stored."""
        thread = f"&thread_id={self.thread_id}" if self.thread_id is not None else ""
        return f"{base}/webhooks/{self.id}/{self.token}?wait=true{thread}"


def parse_webhook_url(url: str) -> Webhook:
    """Return the webhook that a URL names, as copied from Discord or with a version; ``?thread_id=`` is kept.

    Raises:
        ValueError: It is not a URL of a Discord webhook. The text says why and never shows the URL.

    Example:
        ``parse_webhook_url("https://discord.com/api/webhooks/123/abc").id == "123"``
    """
    from urllib.parse import parse_qs, urlsplit

    try:
        parts = urlsplit(url.strip())
        host, port, has_user = parts.hostname, parts.port, "@" in parts.netloc
    except ValueError:  # its text quotes the URL
        raise ValueError(f"it can't be read as a URL; {_EXPECTED}") from None
    if parts.scheme != "https":
        raise ValueError(f"it does not start with https://; {_EXPECTED}")
    if host not in _HOSTS:
        raise ValueError(f"its host is not Discord's; {_EXPECTED}")
    if has_user:
        raise ValueError(f"it has a user name or a password before its host; {_EXPECTED}")
    if port not in {None, 443}:
        raise ValueError(f"it has a port of its own; {_EXPECTED}")
    path = _PATH.fullmatch(parts.path.rstrip("/"))
    if path is None:
        raise ValueError(f"its path is not that of a webhook; {_EXPECTED}")
    if path["rest"]:
        raise ValueError(f"something follows the token, such as /slack or /github; {_EXPECTED}")
    if not _is_snowflake(path["id"]):
        raise ValueError(f"its id is not a number of Discord's; {_EXPECTED}")
    if not _TOKEN.fullmatch(path["token"]):
        raise ValueError(f"its token is missing or has characters that no token has; {_EXPECTED}")
    thread = parse_qs(parts.query).get("thread_id", [None])[0]
    if thread is not None and not _is_snowflake(thread):
        raise ValueError("its thread_id is not a number of Discord's")
    return Webhook(path["id"], path["token"], thread)


def _is_snowflake(text: str) -> bool:
    """Source: Discord API reference, "Snowflakes": integers of up to 64 bits."""
    return _SNOWFLAKE.fullmatch(text) is not None and 0 < int(text) < 2**64
