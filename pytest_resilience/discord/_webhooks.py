"""The webhooks of the simulated Discord: one for each channel."""

from __future__ import annotations

import threading
from collections.abc import Iterator, Mapping
from typing import Final, final

_FIRST_ID: Final = 990_000_000_000_000_001
_TOKEN_LENGTH: Final = 68  # as real ones are


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
