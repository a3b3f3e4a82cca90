"""The body of a message, within Discord's limits.

Source: Discord developer documentation, "Execute Webhook" and "Embed Limits". Lengths count code points.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, Final

from resilience._alerts.texts import escaped

if TYPE_CHECKING:
    from resilience.alerts.notifier import Alert

MOST_ALERTS: Final = 10  # one as the content and nine embeds, which leaves room for one more embed of ours

_EMBED_CHARACTERS: Final = 4096  # of one description
_ALL_EMBEDS_CHARACTERS: Final = 6000  # of all embeds of a message together
_AGAIN: Final = "Sent again: the answer at <t:{:.0f}:T> was lost, so this may be here twice."
_NOBODY: Final[dict[str, list[str]]] = {"parse": []}


def message_body(alerts: Sequence[Alert], repeats_since: float | None = None) -> dict[str, Any]:
    """Return a message that shows the first alert as its content and the others as embeds, and that pings nobody.

    Args:
        alerts: At least one, at most `MOST_ALERTS`.
        repeats_since: When an earlier try may have delivered the same, in seconds of the epoch; it is labelled then.
    """
    first, *others = alerts
    embeds = [{"description": _AGAIN.format(repeats_since)}] if repeats_since is not None else []
    room = _ALL_EMBEDS_CHARACTERS - sum(len(each["description"]) for each in embeds)
    for number, alert in enumerate(others):
        fair = min(room // (len(others) - number), _EMBED_CHARACTERS)
        text = alert.markdown or alert.text
        embeds.append({"description": text if len(text) <= fair else text[: fair - 1] + "…"})
        room -= len(embeds[-1]["description"])
    body = _body(first.markdown or first.text, first)
    if embeds:
        body["embeds"] = embeds
    return body


def plainest_body(alerts: Sequence[Alert]) -> dict[str, Any]:
    """Return the least that can be said of the alerts: for when Discord refuses to take what they say."""
    names = ", ".join(escaped(f"{each.function} ({each.error_type})")[:150] for each in alerts)
    return _body(f"Alert without details, which Discord refused: {names}", alerts[0])


def _body(content: str, alert: Alert) -> dict[str, Any]:
    body: dict[str, Any] = {"content": content, "allowed_mentions": _NOBODY}
    if alert.title:
        body["username"] = alert.title
    return body
