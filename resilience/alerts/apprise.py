"""Alerts to everything that apprise reaches: mail, Slack, Teams, PagerDuty, ntfy and a hundred more."""

from __future__ import annotations

import re
from typing import Final, final

from resilience._alerts.delivery.uninstrumented import uninstrumented
from resilience.alerts.notifier import Alert
from resilience.errors import MissingExtraError

__all__ = ["AppriseNotifier"]

# What Discord, Slack, Mattermost and the like take for a mention: apprise lets all but Slack's through. A word before
# the "@" makes it an address, but not before the names of everybody, which Discord finds inside of words, too.
_MENTION: Final = re.compile(r"@(?=everyone|here|channel|all)|(?<![^\W_])@(?=[\w&!])|<(?=!)", re.IGNORECASE)
_ZERO_WIDTH_SPACE: Final = "\u200b"


@final
class AppriseNotifier:
    """A notifier for ``configure(notifiers=...)`` that hands each alert to apprise.

    Needs the extra ``apprise``. The URLs hold passwords: neither the repr nor an error shows one. Nothing in an alert's
    text pings anyone; a ``title`` of yours may.

    Args:
        *urls: Where to, in apprise's notation; see https://github.com/caronc/apprise/wiki.
        title: The title of each message, for services that show one. Default: the alert's own, ``{service} on {host}``.

    Raises:
        MissingExtraError: apprise is not installed.
        ValueError: No URL was given, or apprise does not understand one.

    Example:
        ``configure(notifiers=[AppriseNotifier("mailto://user:password@example.com")])``
    """

    def __init__(self, *urls: str, title: str | None = None) -> None:
        try:
            import apprise
        except ImportError:
            raise MissingExtraError("AppriseNotifier", extra="apprise") from None
        if not urls:
            raise ValueError("AppriseNotifier needs at least one URL, such as 'mailto://user:password@example.com'")
        self._title = title
        self._services = []
        for number, url in enumerate(urls, start=1):
            service = apprise.Apprise()  # one for each: several in one are called in a pool, which the exit forbids
            self._services.append(service)
            if not service.add(url):
                what = f"URL {number} of {len(urls)}"
                raise ValueError(f"apprise does not understand {what}; it is not shown, as it may hold a password")

    def __repr__(self) -> str:
        return f"{type(self).__name__}(<{len(self._services)} URLs>)"

    def notify(self, alert: Alert) -> None:
        """Deliver one alert; raise `RuntimeError` where a service did not take it."""
        body = _without_mentions(alert.text)
        title = _without_mentions(alert.title) if self._title is None else self._title
        with uninstrumented():
            taken = [service.notify(body=body, title=title, body_format="text") for service in self._services]
        refused = [str(number) for number, took in enumerate(taken, start=1) if not took]
        if refused:
            which = f"URL {', '.join(refused)} of {len(taken)}"
            raise RuntimeError(f"apprise could not deliver to {which}; its log says why")


def _without_mentions(text: str) -> str:
    return _MENTION.sub(rf"\g<0>{_ZERO_WIDTH_SPACE}", text)
