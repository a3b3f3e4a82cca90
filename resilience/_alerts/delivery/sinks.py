"""Where alerts go: the webhook of the channel, and whoever else was configured."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Final, final

from resilience import _config as config
from resilience._alerts.delivery.holds import Hold, Holds
from resilience._alerts.delivery.message import Sink, Undelivered
from resilience._support.fork import importing
from resilience.events import NoWebhook, stream
from resilience.redact import message_of, type_name

if TYPE_CHECKING:
    from resilience._alerts.discord.client import DiscordSink
    from resilience.alerts.notifier import Alert, Notifier

_MOST_KEPT: Final = 100


@final
class NotifierSink:
    """A notifier of the user's, one alert at a time. It is never asked twice: it knows best when to try again."""

    most_per_message = 1

    def __init__(self, notifier: Notifier) -> None:
        self.notifier = notifier

    def __eq__(self, other: object) -> bool:
        return isinstance(other, NotifierSink) and other.notifier is self.notifier

    def __hash__(self) -> int:
        return id(self.notifier)

    def hold(self) -> Hold | None:
        """Never wait."""
        return None

    def send(self, alerts: Sequence[Alert], *, again: bool) -> Undelivered | None:  # noqa: ARG002  # see the class
        """Hand the alert over; what the notifier raises is the problem."""
        try:
            for alert in alerts:
                self.notifier.notify(alert)
        except Exception as error:  # noqa: BLE001  # foreign code
            return Undelivered(f"{type(self.notifier).__name__}: {type_name(error)}: {message_of(error)}")
        return None

    def close(self) -> None:
        """Do nothing: the notifier's connections are its own."""


@final
class WebhookSink:
    """A webhook. Its client is loaded by the delivering thread, so that no failing call waits for that.

    A URL that is none of Discord's fails every alert, saying why.
    """

    most_per_message = 10

    def __init__(self, url: str, holds: Holds) -> None:
        self._url = url
        self._holds = holds
        self._client: DiscordSink | None = None
        self._problem: str | None = None

    def hold(self) -> Hold | None:
        """Return what has to be waited for before the next message."""
        client = self._load()
        return None if client is None else client.hold()

    def send(self, alerts: Sequence[Alert], *, again: bool) -> Undelivered | None:
        """Send one message, once."""
        client = self._load()
        return Undelivered(self._problem or "") if client is None else client.send(alerts, again=again)

    def close(self) -> None:
        """Close the connection."""
        if self._client is not None:
            self._client.close()

    def _load(self) -> DiscordSink | None:
        if self._client is None and self._problem is None:
            with importing:
                from resilience._alerts.discord.client import DiscordSink
                from resilience._alerts.discord.webhook_url import parse_webhook_url
            try:
                self._client = DiscordSink(parse_webhook_url(self._url), self._holds)
            except ValueError as error:
                self._problem = f"the configured webhook URL is not Discord's: {error}"
        return self._client


@final
class Sinks:
    """The destinations of this process. What is known about a webhook is kept as long as it is configured."""

    def __init__(self) -> None:
        self._holds = Holds()
        self._by_url: dict[str, Sink] = {}
        self._said_that_there_is_none = False

    def of(self, channel: str | None) -> list[Sink]:
        """Return the destinations for a channel. Where there is none at all, that is said once."""
        url = config.discord_webhook_url(channel)
        sinks = [self._discord(url)] if url is not None else []
        sinks += [NotifierSink(each) for each in config.notifiers()]
        if not sinks and not self._said_that_there_is_none:
            self._said_that_there_is_none = True
            stream.emit(NoWebhook())
        return sinks

    def _discord(self, url: str) -> Sink:
        sink = self._by_url.get(url)
        if sink is None:
            if len(self._by_url) >= _MOST_KEPT:
                self._by_url.clear()
            sink = self._by_url[url] = WebhookSink(url, self._holds)
        return sink
