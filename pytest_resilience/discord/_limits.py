"""The rate limits of the simulated Discord, on whatever clock the test has.

Source: Discord developer documentation, "Rate Limits". The sizes of the limits are not documented there; these are what
clients have met, and real ones should follow the headers instead.
"""

from __future__ import annotations

import functools
import math
import time
from dataclasses import dataclass
from typing import Final, TypeAlias, final

from pytest_resilience.discord._answers import Scope
from resilience._failpoints.script.duration import NANOSECONDS, from_seconds

Limit: TypeAlias = tuple[int, float] | None
"""So many requests in so many seconds; None is no limit."""

_BUCKET: Final = "9e1c2a7b54d30f68"
"""One for all webhooks: Discord's hash leaves out which of them it is."""

_MILLISECOND_NS: Final = 1_000_000
_real_ns: Final = functools.partial(time.perf_counter_ns)  # freezegun replaces references to the function itself


def server_now_ns() -> int:
    """Return the instant on the server's clock: that of ``time.monotonic_ns()``, which a test may drive.

    Where freezegun has stopped that one, the server's goes on all the same: a client that waits does so in real time,
    and would find its limit used up for ever.
    """
    stopped = getattr(time.monotonic_ns, "__module__", "").startswith("freezegun")
    return time.monotonic_ns() + (_real_ns() if stopped else 0)


@final
class Window:
    """So many requests in a span of time, which begins with the first of them."""

    def __init__(self, size: int, seconds: float) -> None:
        self.size = size
        self._span_ns = from_seconds(seconds)
        self._opened_ns = 0
        self._used = 0

    def left(self, now_ns: int) -> int:
        """Return how many more there may be. A clock that has stepped back opens a new span."""
        if self._used and not 0 <= now_ns - self._opened_ns < self._span_ns:
            self._used = 0
        return self.size - self._used

    def take(self, now_ns: int) -> None:
        """Count one."""
        if self.left(now_ns) == self.size:
            self._opened_ns = now_ns
        self._used += 1

    def resets_in_s(self, now_ns: int) -> float:
        """Return the seconds until the span ends, rounded up to milliseconds: waiting them is enough."""
        ends_ns = self._span_ns if self.left(now_ns) == self.size else self._opened_ns + self._span_ns - now_ns
        return math.ceil(ends_ns / _MILLISECOND_NS) / (NANOSECONDS // _MILLISECOND_NS)


@final
@dataclass(frozen=True, slots=True)
class Refused:
    """A limit is used up.

    Attributes:
        scope: Whose.
        wait_s: For how many seconds.
    """

    scope: Scope
    wait_s: float


@final
class RateLimits:
    """The limits of each webhook, of each channel, and of all together.

    Args:
        bucket: Of each webhook.
        channel: Messages of each channel, whichever webhook they come by. No header tells of it.
        everything: Of all requests.
    """

    def __init__(self, bucket: Limit, channel: Limit, everything: Limit) -> None:
        self._bucket = _checked("bucket", bucket)
        self._channel = _checked("channel_limit", channel)
        self._everything = None if everything is None else Window(*_checked("global_limit", everything) or (1, 1))
        self._buckets: dict[str, Window] = {}
        self._channels: dict[str, Window] = {}

    def refuse(self, webhook: str, channel: str, now_ns: int) -> Refused | None:
        """Return the limit that a request meets; None where it may pass."""
        everything, bucket = self._everything, self._bucket_of(webhook)
        if everything is not None:
            if everything.left(now_ns) <= 0:
                return Refused("global", everything.resets_in_s(now_ns))
            everything.take(now_ns)
        if bucket is not None and bucket.left(now_ns) <= 0:
            return Refused("user", bucket.resets_in_s(now_ns))
        window = self._channel_of(channel)
        if window is not None and window.left(now_ns) <= 0:
            return Refused("shared", window.resets_in_s(now_ns))
        return None

    def count_request(self, webhook: str, now_ns: int) -> None:
        """Take from the bucket of a webhook."""
        bucket = self._bucket_of(webhook)
        if bucket is not None and bucket.left(now_ns) > 0:
            bucket.take(now_ns)

    def count_message(self, channel: str, now_ns: int) -> None:
        """Take from what a channel can have."""
        window = self._channel_of(channel)
        if window is not None:
            window.take(now_ns)

    def headers(self, webhook: str, now_ns: int, *, legacy: bool, at_least: int = 0) -> dict[str, str]:
        """Return what every answer tells of the bucket; before version 8, its end is in whole seconds.

        Args:
            webhook: Whose.
            now_ns: When.
            legacy: For a version before 8.
            at_least: The least that is shown as remaining.
        """
        bucket = self._bucket_of(webhook)
        if bucket is None:
            return {}
        remaining = min(max(bucket.left(now_ns), at_least), bucket.size)
        return bucket_headers(bucket.size, remaining, bucket.resets_in_s(now_ns), legacy=legacy)

    def _bucket_of(self, webhook: str) -> Window | None:
        return None if self._bucket is None else self._buckets.setdefault(webhook, Window(*self._bucket))

    def _channel_of(self, channel: str) -> Window | None:
        return None if self._channel is None else self._channels.setdefault(channel, Window(*self._channel))


def bucket_headers(size: int, remaining: int, reset_after_s: float, *, legacy: bool = False) -> dict[str, str]:
    """Return the headers of a bucket."""
    ends = time.time() + reset_after_s
    return {
        "X-RateLimit-Limit": str(size),
        "X-RateLimit-Remaining": str(remaining),
        "X-RateLimit-Reset": str(math.ceil(ends)) if legacy else f"{ends:.3f}",
        "X-RateLimit-Reset-After": f"{reset_after_s:.3f}",
        "X-RateLimit-Bucket": _BUCKET,
    }


def _checked(name: str, limit: Limit) -> Limit:
    if limit is None:
        return None
    try:
        size, seconds = limit
        fits = size >= 1 and size % 1 == 0 and from_seconds(seconds) > 0
    except (TypeError, ValueError):
        fits = False
    if not fits:
        raise ValueError(
            f"{name} is a number of requests, from 1, and of seconds, such as (5, 2.0), or None; got {limit!r}"
        )
    return limit
