"""The rate limits of the simulated Discord, on whatever clock the test has.

Source: Discord developer documentation, "Rate Limits". But for that of everything, the sizes of the limits are not
documented there; these are what staff have named and clients have met, and real ones should follow the headers instead.
"""

from __future__ import annotations

import functools
import math
import time
from collections import defaultdict
from typing import Final, TypeAlias, final

from pytest_resilience.discord._answers import Scope

Limit: TypeAlias = tuple[int, float]
"""So many requests in so many seconds."""

WEBHOOK: Final[Limit] = (5, 2.0)  # clients have also met 5 in 1 s and 5 in 5 s
CHANNEL: Final[Limit] = (30, 60.0)  # messages, whichever webhook they come by; no header tells of it
EVERYTHING: Final[Limit] = (50, 1.0)
SECOND_NS: Final = 1_000_000_000
_MILLISECOND_NS: Final = 1_000_000
_BUCKET: Final = "9e1c2a7b54d30f68"  # one for all webhooks: Discord's hash leaves out which of them it is
_real_ns: Final = functools.partial(time.perf_counter_ns)  # freezegun replaces references to the function itself


def server_now_ns() -> int:
    """Return the instant on the server's clock: that of ``time.monotonic_ns()``, which a test may drive.

    Where freezegun has stopped that one, the server's goes on all the same: a client that waits does so in real time,
    and would find its limit used up for ever.
    """
    stopped = getattr(time.monotonic_ns, "__module__", "").startswith("freezegun")
    return time.monotonic_ns() + (_real_ns() if stopped else 0)


@final
class RateLimits:
    """The limits of each webhook, of each channel, and of all requests together.

    Attributes:
        webhooks: The bucket of each webhook, from which every request takes, also one that fails.
        channels: What each channel can have, from which messages take that are stored.
        everything: What all webhooks can have together.
    """

    def __init__(self, *, webhook: Limit = WEBHOOK, channel: Limit = CHANNEL, everything: Limit = EVERYTHING) -> None:
        self.webhooks = defaultdict[str | None, Window](lambda: Window(webhook))
        self.channels = defaultdict[str | None, Window](lambda: Window(channel))
        self.everything = Window(everything)

    def hit(self, webhook: str | None, channel: str | None, now_ns: int) -> tuple[Scope | None, float]:
        """Count a request, and return whose limit it meets, None for nobody's, and how many seconds it has to wait."""
        if not self.everything.take(now_ns):
            return "global", self.everything.resets_in_s(now_ns)
        if not self.webhooks[webhook].take(now_ns):
            return "user", self.webhooks[webhook].resets_in_s(now_ns)
        if not self.channels[channel].left(now_ns):
            return "shared", self.channels[channel].resets_in_s(now_ns)
        return None, 0.0

    def headers(self, webhook: str | None, now_ns: int, scope: Scope | None) -> dict[str, str]:
        """Return what an answer tells of the bucket of a webhook, with a 429 for that scope."""
        if scope == "global":
            return {}
        bucket = self.webhooks[webhook]
        remaining = max(bucket.left(now_ns), 1 if scope == "shared" else 0)  # a channel's 429 never shows 0
        return bucket_headers(bucket.size, remaining, bucket.resets_in_s(now_ns))


@final
class Window:
    """So many requests in a span of time, which begins with the first of them."""

    def __init__(self, limit: Limit) -> None:
        self.size, seconds = limit
        self._span_ns = round(seconds * SECOND_NS)
        self._opened_ns = 0
        self._used = 0

    def left(self, now_ns: int) -> int:
        """Return how many more there may be. A clock that has stepped back opens a new span."""
        if self._used and not 0 <= now_ns - self._opened_ns < self._span_ns:
            self._used = 0
        return self.size - self._used

    def take(self, now_ns: int) -> bool:
        """Count a request, unless the limit is reached; tell whether it was counted."""
        left = self.left(now_ns)
        if left == self.size:
            self._opened_ns = now_ns
        self._used += min(left, 1)
        return left > 0

    def resets_in_s(self, now_ns: int) -> float:
        """Return the seconds until the span ends, rounded up to milliseconds: waiting them is enough."""
        ends_ns = self._span_ns if self.left(now_ns) == self.size else self._opened_ns + self._span_ns - now_ns
        return math.ceil(ends_ns / _MILLISECOND_NS) / (SECOND_NS // _MILLISECOND_NS)


def bucket_headers(size: int, remaining: int, reset_after_s: float) -> dict[str, str]:
    return {
        "X-RateLimit-Limit": str(size),
        "X-RateLimit-Remaining": str(remaining),
        "X-RateLimit-Reset": f"{time.time() + reset_after_s:.3f}",
        "X-RateLimit-Reset-After": f"{reset_after_s:.3f}",
        "X-RateLimit-Bucket": _BUCKET,
    }
