"""One window for a whole fleet, kept in a Redis that all its processes share.

Each process asks its own window first, so Redis hears of a signature at most once per window and process. Without
Redis that is what remains: each process alerts once per window. A lost alert is worse than a second one, so whatever
goes wrong here grants it.
"""

from __future__ import annotations

import hashlib
import os
import socket
import time
from typing import TYPE_CHECKING, Final, final

from resilience import _config as config
from resilience._alerts.admission.limiter import ALERT_RATE_LIMIT_SECONDS, SECOND_NS, WindowLimiter
from resilience._alerts.admission.redis_url import connect
from resilience._alerts.events import WindowShared
from resilience._events import stream
from resilience._support.fork import renew_after_fork, renewed_lock
from resilience._support.watchdog import cut_off_after
from resilience.redact import summary_of

if TYPE_CHECKING:
    import redis

_EXCHANGE_S: Final = 2.0  # an alert that is sent by hand waits for it
_RETRY_NS: Final = 30 * SECOND_NS  # a server that is down costs one alert in so long the timeout, not each
_WINDOW_MS: Final = ALERT_RATE_LIMIT_SECONDS * 1000
_PREFIX: Final = "resilience:alert:"
_WITHOUT_END: Final = -1  # what PTTL says of a key that never expires


@final
class RedisLimiter:
    """The window of a fleet, on top of the window of this process. Safe under threads and after fork.

    Args:
        url: ``redis://``, ``rediss://`` or ``unix://``. A server that is down or slow costs half a second, one whose
            answer does not end two, and is then left alone for 30 seconds.
        local: The window of this process. It is made to end with the fleet's.
    """

    def __init__(self, url: str, local: WindowLimiter) -> None:
        self.url = url
        self._local = local
        self._client: redis.Redis | None = None
        self._down_since_ns: int | None = None
        self._lock = renewed_lock(self, "_lock")
        renew_after_fork(self)

    def claim(self, signature: str) -> bool:
        """Take the alert of the window: true for the first in the fleet who asks, and again when the window is over."""
        return self._local.claim(signature) and self.confirm(signature)

    def confirm(self, signature: str) -> bool:
        """Tell whether the fleet grants an alert that the window of this process has just granted."""
        since = self._down_since_ns
        if since is not None and 0 <= time.monotonic_ns() - since < _RETRY_NS:
            return True
        try:
            left_s = self._take(signature)
        except Exception as error:  # noqa: BLE001  # whatever it is, the alert must not be lost over it
            self._went_down(error)
            return True
        self._came_back()
        # After the fleet's, so that the window of this process never ends before it.
        self._local.close_for(signature, left_s)
        return left_s is None

    def close(self) -> None:
        with self._lock:
            client, self._client = self._client, None
        if client is not None:
            client.close()

    def after_fork(self) -> None:
        """Leave the connections to the parent, which uses them."""
        self._client = None

    def _take(self, signature: str) -> float | None:
        """Return None if the window was free and is now taken, else the seconds until it is free.

        The one command ``SET ... NX PX`` decides. That the window's end comes along is a convenience.
        """
        text = f"{config.service_name()}\n{signature}"  # services that share a Redis share no window
        key = _PREFIX + hashlib.sha256(text.encode("utf-8", "surrogatepass")).hexdigest()
        owner = f"{socket.gethostname()}:{os.getpid()}"
        client = self._connection()
        with (
            cut_off_after(_EXCHANGE_S, client.connection_pool.disconnect),
            client.pipeline(transaction=False) as pipeline,
        ):
            pipeline.set(key, owner, nx=True, px=_WINDOW_MS)
            pipeline.pttl(key)
            taken, left_ms = pipeline.execute()
            if taken is True:
                return None
            if taken is not None or not isinstance(left_ms, int):
                raise TypeError("its answer has another form")
            if left_ms == _WITHOUT_END or left_ms > _WINDOW_MS:  # as no process of ours has set it
                left_ms = _WINDOW_MS
                client.pexpire(key, left_ms)
            return max(left_ms, 0) / 1000

    def _connection(self) -> redis.Redis:
        with self._lock:
            if self._client is None:
                self._client = connect(self.url)
            return self._client

    def _went_down(self, error: Exception) -> None:
        with self._lock:
            was_up, self._down_since_ns = self._down_since_ns is None, time.monotonic_ns()
        if was_up:
            stream.emit(WindowShared(shared=False, problem=summary_of(error)))

    def _came_back(self) -> None:
        with self._lock:
            was_down, self._down_since_ns = self._down_since_ns is not None, None
        if was_down:
            stream.emit(WindowShared(shared=True))
