"""What the stand-in for Discord remembers: requests, and the alerts in them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final, final

from pytest_resilience.discord._webhooks import Incoming

_KIT: Final = "/pytest-resilience/"  # as the kit's own client calls itself in its User-Agent
_SENT_AGAIN: Final = "Sent again: "  # begins the embed saying that an alert may be there twice


@final
@dataclass(frozen=True, slots=True, kw_only=True)
class WebhookRequest:
    """One request to a webhook, whatever became of it.

    Attributes:
        at: When it came, in seconds since the test began.
        method: Such as ``POST``.
        webhook: The id of the webhook; None where the URL is that of none.
        channel: The channel of the webhook; None for the default one.
        body: The JSON value in it; None where there is none.
        answer: What it got, in words, such as ``429, to wait 40 s`` or ``ConnectError: down``.
        status: The status that it got; None where it got no answer.
        planned: What a script did to it, as scripts write it; None where none did.
        recorded: Whether its message was stored.
    """

    at: float
    method: str
    webhook: str | None
    channel: str | None
    body: Any = field(repr=False)
    answer: str
    status: int | None
    planned: str | None
    recorded: bool

    def __str__(self) -> str:
        place = "no webhook" if self.webhook is None else channel_name(self.channel)
        plan = "" if self.planned is None else f" [planned: {self.planned}]"
        stored = ", message stored" if self.recorded else ""
        return f"{self.at:>12.3f}  {self.method} to {place}: {self.answer}{plan}{stored}"


@final
@dataclass(frozen=True, slots=True, kw_only=True)
class Alert:
    """One alert that reached its channel.

    Attributes:
        content: Its text.
        channel: The channel; None for the default one.
        at: When it came, in seconds since the test began.
        embeds: The embeds of the message that it came in, as they were sent.
    """

    content: str
    channel: str | None
    at: float
    embeds: tuple[Mapping[str, Any], ...] = field(default=(), repr=False)

    @property
    def text(self) -> str:
        """All that can be read: the content, or where there is none, the texts of the embeds."""
        return self.content or "\n".join(text for embed in self.embeds for text in _texts_of(embed))

    def __str__(self) -> str:
        head, *more = self.text.splitlines() or [""]
        lines = [f"{self.at:>12.3f}  in {channel_name(self.channel)}: {head}", *(f"{'':>14}{line}" for line in more)]
        return "\n".join(line.rstrip() for line in lines)


def alerts_in(incoming: Incoming) -> list[Alert]:
    """Return the alerts in a message: one, or several where the kit has put those of a busy moment together."""
    texts = [incoming.content]
    if _KIT in incoming.request.headers.get("User-Agent", ""):
        described = (embed.get("description") or "" for embed in incoming.embeds)
        texts += [text for text in described if not text.startswith(_SENT_AGAIN)]
    return [Alert(content=text, channel=incoming.channel, at=incoming.at, embeds=incoming.embeds) for text in texts]


def channel_name(channel: str | None) -> str:
    return "the default channel" if channel is None else f"channel {channel!r}"


def listed(title: str, items: Sequence[object]) -> str:
    return "\n".join([title, *(map(str, items) if items else [f"{'':>14}none came"])])


def _texts_of(embed: Mapping[str, Any]) -> list[str]:
    fields = embed.get("fields") or ()
    author, footer = embed.get("author") or {}, embed.get("footer") or {}
    texts = [author.get("name"), embed.get("title"), embed.get("description")]
    texts += [f"{each.get('name')}: {each.get('value')}" for each in fields]
    return [text for text in [*texts, footer.get("text")] if text]
