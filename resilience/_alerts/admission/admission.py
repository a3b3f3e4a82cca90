"""Whether an alert may be sent: its window, the storm cap, and the window of the fleet where there is a Redis."""

from __future__ import annotations

import weakref
from typing import TYPE_CHECKING, final

from resilience import _config as config
from resilience._alerts.admission.limiter import StormCap, WindowLimiter, signature_of
from resilience._alerts.texts import context_of
from resilience._support.fork import importing, renewed_lock
from resilience.events import Call

if TYPE_CHECKING:
    from resilience._alerts.admission.redis import RedisLimiter


@final
class Admission:
    """All that a process remembers of alerts that were asked for. Safe under threads and after fork."""

    def __init__(self) -> None:
        self._windows = WindowLimiter()
        self._storm = StormCap()
        self._fleet: RedisLimiter | None = None
        self._signatures: weakref.WeakKeyDictionary[Call, str] = weakref.WeakKeyDictionary()
        self._suppressed = 0
        self._lock = renewed_lock(self, "_lock")

    def claim(self, signature: str) -> bool:
        """Take the alert of the window, from the whole fleet where there is a Redis. That may block for a moment."""
        return self._windows.claim(signature) and self._fleet_grants(signature)

    def ask(self, signature: str) -> Grant | None:
        """Ask for an alert, without ever blocking; None where its window or the storm cap holds it back."""
        asks_fleet = config.redis_url() is not None
        if self._windows.claim(signature) and (asks_fleet or self.admits(signature)):
            return Grant(self, signature, asks_fleet=asks_fleet)
        return None

    def admits(self, signature: str) -> bool:
        """Tell whether an alert may be sent that its window has granted: only what the fleet grants counts for the cap.

        Where there is no room, the fleet is not asked: its windows are for alerts that do leave.
        """
        if not self._storm.admit(config.max_alerts_per_minute()):
            self.count_suppressed(1)
            return False
        if not self._fleet_grants(signature):
            self._storm.withdraw()
            return False
        return True

    def signature_of(self, call: Call, error: BaseException) -> str:
        """Return the signature that the call had when it first alerted: its message may change, it is one outage."""
        signature = self._signatures.get(call)
        if signature is None:
            signature = self._signatures[call] = signature_of(call.function, error, context_of(call))
        return signature

    def count_suppressed(self, alerts: int) -> None:
        """Count alerts that are not sent; the next one tells of them."""
        with self._lock:
            self._suppressed += alerts

    def take_suppressed(self) -> int:
        """Return how many were suppressed since this was last asked."""
        with self._lock:
            suppressed, self._suppressed = self._suppressed, 0
            return suppressed

    def close(self) -> None:
        """Let go of connections."""
        fleet, self._fleet = self._fleet, None
        if fleet is not None:
            fleet.close()

    def _fleet_grants(self, signature: str) -> bool:
        url = config.redis_url()
        if url is None:
            return True
        fleet = self._fleet
        if fleet is None or fleet.url != url:
            with importing:
                from resilience._alerts.admission.redis import RedisLimiter
            fleet = self._fleet = RedisLimiter(url, self._windows)
        return fleet.confirm(signature)


@final
class Grant:
    """Leave to send one alert.

    Attributes:
        suppressed: How many alerts were suppressed before this one, which tells of them.
    """

    def __init__(self, admission: Admission, signature: str, *, asks_fleet: bool) -> None:
        self.suppressed = admission.take_suppressed()
        self._admission = admission
        self._signature = signature
        self._asks_fleet = asks_fleet

    def confirm(self) -> bool:
        """Tell whether the alert may be sent after all: where there is a Redis, it decides, which may take a moment."""
        return not self._asks_fleet or self._admission.admits(self._signature)

    def lapse(self, *, dropped: bool) -> None:
        """The alert is not sent: another one has to tell of those suppressed, and of this one where it was dropped."""
        self._admission.count_suppressed(self.suppressed + dropped)
