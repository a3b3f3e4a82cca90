"""Where alerts go: the webhook of the channel, and whatever else was configured."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from types import CoroutineType
from typing import TYPE_CHECKING, Final, final

from resilience import _config as config
from resilience._alerts.delivery.cooldowns import Cooldown, Cooldowns
from resilience._alerts.delivery.sink import Sink, Undelivered
from resilience._alerts.discord.sink import DiscordSink
from resilience._alerts.events import NoWebhook
from resilience._events import stream
from resilience.redact import clean, summary_of

if TYPE_CHECKING:
    import httpx

    from resilience.alerts.notifier import Alert, Notifier

_MOST_KEPT: Final = 100  # far more than a program has: one that makes up URLs must not fill the memory


@final
@dataclass(frozen=True, slots=True)
class Outlet:
    """Takes the place of all destinations in a test: no alert leaves for Discord itself, and no notifier is called.

    Attributes:
        transport: What requests to Discord are handed to; None where no alert is sent at all.
        reason: Why none is, as the rest of "An alert was due and is not sent, because".
    """

    transport: httpx.BaseTransport | None = None
    reason: str = "this is a test"


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

    def cooldown(self) -> Cooldown | None:
        return None

    def send(self, alerts: Sequence[Alert], *, again: bool) -> Undelivered | None:  # noqa: ARG002  # see the class
        """Hand the alert over; what the notifier raises is the problem, and so is a no."""
        (alert,) = alerts
        try:
            problem = _problem_with(self.notifier.notify(alert))
        except Exception as error:  # noqa: BLE001  # foreign code
            problem = summary_of(error)
        return None if problem is None else Undelivered(f"{type(self.notifier).__name__}: {problem}")

    def close(self) -> None:
        """Do nothing: the notifier's connections are its own."""


def _problem_with(answer: object) -> str | None:
    """Return why an answer of a notifier, which should be None, does not say that it has delivered."""
    if answer is False:
        return "notify() returned False"
    if not hasattr(answer, "__await__"):
        return None
    if isinstance(answer, CoroutineType):
        answer.close()  # or Python warns that it was never awaited
    kind = clean(type(answer).__name__)
    return f"notify() returned a {kind}, which nobody awaits: it may block, as it has a thread of its own"


@final
class Destinations:
    """The destinations of this process. What is known about a webhook is kept as long as it is configured.

    Args:
        outlet: What takes the place of all of them, in a test.
    """

    def __init__(self, outlet: Outlet | None = None) -> None:
        self._outlet = outlet
        self._cooldowns = Cooldowns()
        self._by_url: dict[str, Sink] = {}
        self._told_that_there_is_none = False

    def of(self, channel: str | None) -> list[Sink]:
        """Return the destinations for a channel. Where there is none at all, that is told once."""
        outlet = self._outlet
        url = None if outlet is not None and outlet.transport is None else config.discord_webhook_url(channel)
        sinks = [self._webhook(url)] if url is not None else []
        if outlet is None:
            sinks += [NotifierSink(each) for each in config.settings().notifiers]
        if not sinks and not self._told_that_there_is_none:
            self._told_that_there_is_none = True
            stream.emit(NoWebhook(reason=None if outlet is None else outlet.reason))
        return sinks

    def _webhook(self, url: str) -> Sink:
        sink = self._by_url.get(url)
        if sink is None:
            if len(self._by_url) >= _MOST_KEPT:
                self._by_url.clear()
            substitute = None if self._outlet is None else self._outlet.transport
            sink = self._by_url[url] = DiscordSink(url, self._cooldowns, substitute)
        return sink
