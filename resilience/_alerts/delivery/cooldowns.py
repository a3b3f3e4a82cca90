"""Until when which webhook must be left alone, and which must not be used at all."""

from __future__ import annotations

import time
from collections import deque
from typing import TYPE_CHECKING, Final, final

from resilience._alerts.admission.limiter import SECOND_NS
from resilience._support.fork import renewed_lock

if TYPE_CHECKING:
    from resilience._alerts.discord.webhook_url import Webhook

LONGEST_COOLDOWN_S: Final = 3600.0
"""Bans at the edge last up to an hour; nothing that an answer asks for is waited for longer."""

_BUDGET: Final = 25  # a channel takes about 30 messages a minute from all of its webhooks
_BUDGET_S: Final = 60  # the minute of the above
_MOST_INVALID: Final = 100  # 10,000 answers of 401, 403 or 429 in 10 minutes get the whole address banned
_INVALID_S: Final = 600  # the 10 minutes of the above


@final
class Cooldown:
    """A time for which a destination is left alone. It is over when it has passed, or when a thread has waited it out.

    The second counts where a test has stopped the clock: waiting ends there, and the time does not pass.
    """

    __slots__ = ("_duration_ns", "_since_ns", "over", "reason")

    def __init__(self, seconds: float, reason: str) -> None:
        self.reason = reason
        self.over = False
        self._since_ns = time.monotonic_ns()
        self._duration_ns = round(min(seconds, LONGEST_COOLDOWN_S) * SECOND_NS)

    def left_s(self) -> float:
        """Return the seconds that remain; never more than there were at the beginning, also if the clock steps back."""
        passed = max(time.monotonic_ns() - self._since_ns, 0)
        return 0.0 if self.over else max(self._duration_ns - passed, 0) / SECOND_NS


@final
class Cooldowns:
    """What all webhooks of a process know about waiting. Safe under threads and after fork."""

    def __init__(self) -> None:
        self._lock = renewed_lock(self, "_lock")
        self._by_webhook: dict[str | None, Cooldown] = {}
        self._sent: dict[str, deque[int]] = {}
        self._invalid: deque[int] = deque(maxlen=_MOST_INVALID)
        self._disabled: dict[tuple[str, str], str] = {}

    def of(self, webhook: Webhook) -> Cooldown | None:
        """Return what the webhook has to wait for; None where it may be used now."""
        with self._lock:
            both = self._by_webhook.get(webhook.id), self._by_webhook.get(None)
        return max((each for each in both if each and each.left_s() > 0), key=Cooldown.left_s, default=None)

    def begin(self, webhook: Webhook | None, seconds: float, reason: str) -> None:
        """Leave a webhook alone for so many seconds; None stands for all of them."""
        key = webhook.id if webhook is not None else None
        new = Cooldown(seconds, reason)
        with self._lock:
            old = self._by_webhook.get(key)
            if old is None or old.left_s() < new.left_s():
                self._by_webhook[key] = new

    def disable(self, webhook: Webhook, problem: str) -> None:
        """Never use the webhook again, that is: until another one is configured."""
        with self._lock:
            self._disabled[webhook.id, webhook.token] = problem

    def why_disabled(self, webhook: Webhook) -> str | None:
        """Return why the webhook must not be used any more; None where it may."""
        return self._disabled.get((webhook.id, webhook.token))

    def count_sent(self, webhook: Webhook) -> None:
        """Count a message; when a minute is full, leave the webhook alone before Discord asks for it."""
        with self._lock:
            now = time.monotonic_ns()
            sent = self._sent.setdefault(webhook.id, deque(maxlen=_BUDGET))
            sent.append(now)
            passed = now - sent[0]
            if len(sent) == _BUDGET and 0 <= passed < _BUDGET_S * SECOND_NS:
                left_s = _BUDGET_S - passed / SECOND_NS
                self.begin(webhook, left_s, f"{_BUDGET} messages were sent to it within a minute")

    def count_invalid(self) -> None:
        """Count an answer that can get the address banned; when there are many, leave all webhooks alone."""
        with self._lock:
            now = time.monotonic_ns()
            invalid = self._invalid
            invalid.append(now)
            if len(invalid) == _MOST_INVALID and 0 <= now - invalid[0] < _INVALID_S * SECOND_NS:
                invalid.clear()
                self.begin(None, _INVALID_S, f"{_MOST_INVALID} requests were refused within 10 minutes")
