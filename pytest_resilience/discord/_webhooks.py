"""The webhooks that the simulated Discord knows."""

from __future__ import annotations

import threading
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Final, final

from resilience._alerts.discord.webhook_url import parse_webhook_url

_FIRST_ID: Final = 990_000_000_000_000_001
_TOKEN_LENGTH: Final = 68


@final
@dataclass(frozen=True, slots=True)
class Webhook:
    """One webhook.

    Attributes:
        id: Its snowflake.
        token: What makes its URL a secret.
        channel: Where it posts; None for the default channel.
    """

    id: str
    token: str = field(repr=False)
    channel: str | None

    @property
    def url(self) -> str:
        """Its URL, as copied from Discord: without a version."""
        return f"https://discord.com/api/webhooks/{self.id}/{self.token}"


@final
class Webhooks:
    """Webhooks by id. A deleted one stays known as such. Safe under threads."""

    def __init__(self) -> None:
        self._by_id: dict[str, Webhook] = {}
        self._deleted: set[str] = set()
        self._lock = threading.RLock()

    def add(self, channel: str | None, url: str | None = None) -> Webhook:
        """Add a webhook of a channel: one with the given URL, or a new one.

        Raises:
            ValueError: The URL is not that of a Discord webhook; it is not shown.
        """
        with self._lock:
            if url is None:
                number = _FIRST_ID + len(self._by_id)
                added = Webhook(str(number), f"stand-in-for-discord-{number}-".ljust(_TOKEN_LENGTH, "x"), channel)
            else:
                parsed = parse_webhook_url(url)
                added = Webhook(parsed.id, parsed.token, channel)
            self._by_id[added.id] = added
            return added

    def of(self, channel: str | None) -> Webhook:
        """Return the first webhook of a channel; it is made where there is none."""
        with self._lock:
            return next((each for each in self._by_id.values() if each.channel == channel), None) or self.add(channel)

    def accept(self, webhook_id: str, token: str) -> Webhook:
        """Return the webhook with an id; one that nobody has added posts to the default channel."""
        with self._lock:
            return self._by_id.setdefault(webhook_id, Webhook(webhook_id, token, None))

    def get(self, webhook_id: str | None) -> Webhook | None:
        """Return the webhook with an id, also a deleted one; None where there never was any."""
        return None if webhook_id is None else self._by_id.get(webhook_id)

    def delete(self, channel: str | None) -> None:
        """Delete the webhooks of a channel."""
        with self._lock:
            self.of(channel)
            self._deleted.update(each.id for each in self._by_id.values() if each.channel == channel)

    def is_deleted(self, webhook_id: str) -> bool:
        """Tell whether a webhook was deleted."""
        return webhook_id in self._deleted

    @property
    def channels(self) -> list[str]:
        """The names of the channels that have a webhook."""
        with self._lock:
            return list(dict.fromkeys(each.channel for each in self._by_id.values() if each.channel is not None))


@final
class EveryChannel(Mapping[str, str]):
    """The URL of a webhook for any channel that is asked for, made when it first is."""

    def __init__(self, webhooks: Webhooks) -> None:
        self._webhooks = webhooks

    def __getitem__(self, channel: str) -> str:
        """Return the URL of the channel's webhook."""
        return self._webhooks.of(channel).url

    def __iter__(self) -> Iterator[str]:
        return iter(self._webhooks.channels)

    def __len__(self) -> int:
        return len(self._webhooks.channels)
