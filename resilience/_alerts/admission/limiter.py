"""Who may alert: once per signature and window, and so many per minute in all.

Time is read through ``time.monotonic_ns`` at each call, in whole nanoseconds, so that a window is over at 300 s exactly
and any tool that replaces the clock drives it. A clock that has stepped back starts a new window. Time is read under
the lock: a thread that is late there would take its own old time for such a step.
"""

from __future__ import annotations

import time
from collections import OrderedDict, deque
from typing import Final, final

from resilience._support.error_text import ADDRESS, name_of, text_of, texts_of_leaves
from resilience._support.fork import renewed_lock

ALERT_RATE_LIMIT_SECONDS: Final = 300
"""The window in which one signature may alert once, in seconds."""

SECOND_NS: Final = 1_000_000_000
_WINDOW_NS: Final = ALERT_RATE_LIMIT_SECONDS * SECOND_NS
_MINUTE_NS: Final = 60 * SECOND_NS
_SIGNATURE_CHARACTERS: Final = 100  # what comes later in a message often differs each time


def signature_of(function: str, error: BaseException, context: str) -> str:
    """Return what makes two errors the same for the limiter: place, type, and the beginning of the message.

    Of a group, the leaves count, in any order. Memory addresses, which differ each time, do not.
    """
    is_group = isinstance(error, BaseExceptionGroup)
    message = "; ".join(sorted({*texts_of_leaves(error)})) if is_group else text_of(error)
    return f"{context}:{function}:{name_of(error)}:{ADDRESS.sub('', message)[:_SIGNATURE_CHARACTERS]}"


@final
class WindowLimiter:
    """The windows of one process.

    Bounded: beyond ``capacity`` signatures, the one that was not asked for the longest is forgotten. Safe under threads
    and after fork.

    Args:
        capacity: How many signatures are remembered. 10,000 take about 3 MB.
    """

    def __init__(self, *, capacity: int = 10_000) -> None:
        self._capacity = capacity
        self._opened: OrderedDict[str, int] = OrderedDict()
        self._refused: dict[str, int] = {}
        self._lock = renewed_lock(self, "_lock")  # reentrant: a signal handler may ask, too

    def claim(self, signature: str) -> bool:
        """Take the alert of the window: true for the first who asks, and again when the window is over."""
        with self._lock:
            now = time.monotonic_ns()
            opened = self._opened
            since = opened.get(signature)
            if since is not None:
                opened.move_to_end(signature)
                if 0 <= now - since < _WINDOW_NS:
                    self.count_refused(signature)
                    return False
            opened[signature] = now
            if len(opened) > self._capacity:
                self._refused.pop(opened.popitem(last=False)[0], None)
            return True

    def count_refused(self, signature: str) -> None:
        with self._lock:
            self._refused[signature] = self._refused.get(signature, 0) + 1

    def take_refused(self, signature: str) -> int:
        """Return how many claims of the signature were refused since this was last asked."""
        with self._lock:
            return self._refused.pop(signature, 0)

    def release(self, signature: str) -> None:
        """Give the alert of the window back: it was not sent."""
        with self._lock:
            self._opened.pop(signature, None)

    def is_taken(self, signature: str) -> bool:
        with self._lock:
            since = self._opened.get(signature)
            return since is not None and 0 <= time.monotonic_ns() - since < _WINDOW_NS

    def close_for(self, signature: str, seconds: float | None = None) -> None:
        """Let the window end so many seconds from now; without a number, in a full window from now."""
        left_ns = _WINDOW_NS if seconds is None else min(round(seconds * SECOND_NS), _WINDOW_NS)
        with self._lock:
            self._opened[signature] = time.monotonic_ns() - _WINDOW_NS + left_ns


@final
class StormCap:
    """At most so many alerts in any minute. Safe under threads and after fork.

    Errors with ever-changing messages have a new signature each time; this is what keeps them from flooding a channel.
    They must not silence others, either: while alerts are refused, half of the room is kept for places that have not
    alerted in their window.
    """

    def __init__(self) -> None:
        self._admitted: deque[int] = deque()
        self._refused: int | None = None
        self._places = WindowLimiter()
        self._lock = renewed_lock(self, "_lock")

    def admit(self, place: str, most: int) -> int | None:
        """Return when one more alert of a place was admitted to this minute, in nanoseconds; None where it is not."""
        with self._lock:
            now = time.monotonic_ns()
            admitted = self._admitted
            while admitted and not 0 <= now - admitted[0] < _MINUTE_NS:
                admitted.popleft()
            is_storm = self._refused is not None and 0 <= now - self._refused < _MINUTE_NS
            if len(admitted) >= (most // 2 if is_storm and self._places.is_taken(place) else most):
                self._refused = now
                return None
            admitted.append(now)
            self._places.claim(place)
            return now

    def withdraw(self, place: str, admitted_at: int) -> None:
        """Give back the room of an alert that was admitted and is not sent."""
        with self._lock:
            self._places.release(place)
            if admitted_at in self._admitted:
                self._admitted.remove(admitted_at)
