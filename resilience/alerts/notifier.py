"""What an alert is, and what else than Discord can take one."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Protocol, final

__all__ = ["Alert", "Notifier"]


@final
@dataclass(frozen=True, slots=True, kw_only=True)
class Alert:
    """One alert, ready to be shown: every text in it is free of secrets and control characters.

    Attributes:
        text: The whole text, at most 2000 characters; it may have several lines.
        function: The ``__name__`` of the failing callable.
        context: Where it fails: the ``context`` of the decorator, or ``{resource}_infrastructure`` of a ``conn_retry``.
        error_type: The name of the type of the error; empty where the alert says that a call has recovered.
        attempt: The number of the failed attempt, or of the one that succeeded after all; None where the alert was sent
            by hand.
        channel: The channel that was asked for; None for the default one.
        markdown: The text for services that render Markdown as Discord does: what would be taken for markup is escaped.
            Empty where there is none; use ``text`` then. It does not count when alerts are compared.
        title: Who alerts: ``{service} on {host}``, at most 80 characters. It does not count when alerts are compared.
    """

    text: str
    function: str
    context: str
    error_type: str
    attempt: int | None = None
    channel: str | None = None
    markdown: str = field(default="", compare=False)
    title: str = field(default="", compare=False)


class Notifier(Protocol):
    """Another place that gets every alert, in addition to Discord; see ``configure(notifiers=...)``.

    It is called in a thread of its own, never in the failing call, one alert at a time. It may block, but should bound
    that by timeouts of its own: while it blocks, alerts for it queue up, and beyond 100 the oldest are dropped. What it
    raises is logged as a failed delivery, and so is a returned False; it is not asked again for the same alert. What
    fails in the meantime, in its thread, is logged and does not alert.

    Example:
        ::

            class Pager:
                def notify(self, alert: Alert) -> None:
                    httpx.post("https://pager.example/v1/pages", json={"text": alert.text}, timeout=5.0)

            configure(notifiers=[Pager()])
    """

    def notify(self, alert: Alert) -> bool | None:
        """Deliver one alert; raise, or return False, where that was not possible. It can't be async."""
