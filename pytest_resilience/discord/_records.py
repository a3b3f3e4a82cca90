"""What the stand-in for Discord remembers: requests, messages, and the alerts in them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final, final

_LABEL: Final = "Sent again: "
_KIT: Final = "/pytest-resilience/"


@final
@dataclass(frozen=True, slots=True, kw_only=True)
class WebhookRequest:
    """One request, whatever became of it.

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
class Message:
    """One message in a channel.

    Attributes:
        id: Its snowflake.
        at: When it was stored, in seconds since the test began.
        webhook: The id of the webhook by which it came.
        channel: The channel; None for the default one.
        username: The name that it is shown under.
        content: Its text.
        embeds: Its embeds, as they were sent.
        notified: The mentions in it that notify somebody.
        user_agent: What its client calls itself.
    """

    id: str
    at: float
    webhook: str
    channel: str | None
    username: str
    content: str
    embeds: tuple[Mapping[str, Any], ...]
    notified: tuple[str, ...]
    user_agent: str

    @property
    def alerts(self) -> list[Alert]:
        """The alerts in it: one, or several where those of a busy moment came together."""
        texts = [(self.content, self.notified)]
        if _KIT in self.user_agent:
            descriptions = [str(embed.get("description")) for embed in self.embeds]
            texts += [(text, ()) for text in descriptions if not text.startswith(_LABEL)]
        return [
            Alert(
                content=text,
                channel=self.channel,
                at=self.at,
                embeds=self.embeds,
                notified=notified,
                webhook=self.webhook,
                message=self.id,
            )
            for text, notified in texts
        ]


@final
@dataclass(frozen=True, slots=True, kw_only=True)
class Alert:
    """One alert that reached its channel.

    Attributes:
        content: Its text.
        channel: The channel; None for the default one.
        at: When it came, in seconds since the test began.
        embeds: The embeds of the message that it came in.
        notified: The mentions in it that notify somebody, such as ``<@&1234>`` or ``@everyone``.
        webhook: The id of the webhook by which it came.
        message: The id of the message. Alerts that came together share one.
    """

    content: str
    channel: str | None
    at: float
    embeds: tuple[Mapping[str, Any], ...] = field(default=(), repr=False)
    notified: tuple[str, ...] = ()
    webhook: str = field(default="", repr=False)
    message: str = field(default="", repr=False)

    @property
    def text(self) -> str:
        """All that can be read: the content, or where there is none, the texts of the embeds."""
        return self.content or "\n".join(text for embed in self.embeds for text in _texts_of(embed))

    def __str__(self) -> str:
        head, *more = self.text.splitlines() or [""]
        lines = [f"{self.at:>12.3f}  in {channel_name(self.channel)}: {head}", *(f"{'':>14}{line}" for line in more)]
        return "\n".join(line.rstrip() for line in lines)


def channel_name(channel: str | None) -> str:
    """Return how a channel is spoken of."""
    return "the default channel" if channel is None else f"channel {channel!r}"


def listed(title: str, items: Sequence[object], nothing: str) -> str:
    """Return a title and an item a line, or what is said where there is none."""
    return "\n".join([title, *(map(str, items) if items else [f"{'':>14}{nothing}"])])


def _texts_of(embed: Mapping[str, Any]) -> list[str]:
    fields = embed.get("fields") or ()
    author, footer = embed.get("author") or {}, embed.get("footer") or {}
    texts = [author.get("name"), embed.get("title"), embed.get("description")]
    texts += [f"{each.get('name')}: {each.get('value')}" for each in fields]
    return [text for text in [*texts, footer.get("text")] if text]
