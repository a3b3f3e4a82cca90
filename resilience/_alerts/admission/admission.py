"""Whether an alert may be sent: its window, the storm cap, and the window of the fleet where there is a Redis."""

from __future__ import annotations

import weakref
from typing import TYPE_CHECKING, final

from resilience import _config as config
from resilience._alerts.admission.limiter import StormCap, WindowLimiter, signature_of
from resilience._alerts.texts import context_of
from resilience._events import Call
from resilience._support.fork import importing, renewed_lock

if TYPE_CHECKING:
    from resilience._alerts.admission.redis import RedisLimiter


@final
class Admission:
    """All that a process remembers of alerts that were asked for. Safe under threads and after fork.

    Attributes:
        alerting: The running calls that have sent an alert, and whether one of theirs was delivered.
    """

    def __init__(self) -> None:
        self.windows = WindowLimiter()
        self.storm = StormCap()
        self.alerting: weakref.WeakKeyDictionary[Call, bool] = weakref.WeakKeyDictionary()
        self._fleet: RedisLimiter | None = None
        self._signatures: weakref.WeakKeyDictionary[Call, str] = weakref.WeakKeyDictionary()
        self._suppressed = 0
        self._lock = renewed_lock(self, "_lock")

    def grants(self, signature: str) -> bool:
        """Take the alert of the window, from the whole fleet where there is a Redis. That may take a moment."""
        return self.windows.claim(signature) and self.fleet_grants(signature)

    def claim_of_call(self, call: Call, error: BaseException) -> Claim:
        """Return the claim of a failing call: always that of its first error, however the message changes."""
        signature = self._signatures.get(call)
        if signature is None:
            signature = self._signatures[call] = signature_of(call.function, error, context_of(call))
        return Claim(self, signature, place=call.failpoint)

    def fleet_grants(self, signature: str) -> bool:
        """Tell whether the fleet grants what the window of this process has granted. May take a moment."""
        url = config.redis_url()
        if url is None:
            return True
        fleet = self._fleet
        if fleet is None or fleet.url != url:
            with importing:
                from resilience._alerts.admission.redis import RedisLimiter
            fleet = self._fleet = RedisLimiter(url, self.windows)
        return fleet.confirm(signature)

    def count_suppressed(self, alerts: int) -> None:
        """Count alerts that are not sent; the next one tells of them."""
        with self._lock:
            self._suppressed += alerts

    def take_suppressed(self, signature: str) -> int:
        """Return how many alerts, by the window those of the same signature, were suppressed since this was asked."""
        with self._lock:
            suppressed, self._suppressed = self._suppressed, 0
        return suppressed + self.windows.take_refused(signature)

    def close(self) -> None:
        fleet, self._fleet = self._fleet, None
        if fleet is not None:
            fleet.close()


@final
class Claim:
    """The claim of one alert to be sent.

    Args:
        admission: Who decides.
        signature: What makes two errors the same.
        place: Where it fails: what the storm cap is fair to.

    Attributes:
        suppressed: How many alerts were suppressed before this one, which tells of them.
    """

    def __init__(self, admission: Admission, signature: str, place: str) -> None:
        self.suppressed = 0
        self._admission = admission
        self._signature = signature
        self._place = place
        self._asks_fleet = False
        self._admitted_at: int | None = None

    def ask(self) -> bool:
        """Ask for the alert, without ever blocking: where there is a Redis, all but the window is left to `confirm`."""
        self._asks_fleet = config.redis_url() is not None
        if not self._admission.windows.claim(self._signature) or not (self._asks_fleet or self._is_admitted()):
            return False
        self.suppressed = self._admission.take_suppressed(self._signature)
        return True

    def ask_for_room(self) -> bool:
        """Ask for room in this minute alone: for what is no alert of an error, there is no window."""
        self._admitted_at = self._admission.storm.admit(self._place, config.settings().max_alerts_per_minute)
        if self._admitted_at is None:
            self._admission.count_suppressed(1)
        return self._admitted_at is not None

    def confirm(self) -> bool:
        """Tell whether the alert may be sent after all; it may take a moment."""
        return not self._asks_fleet or self._is_admitted()

    def lapse(self) -> None:
        """Leave what this alert would have told to another one, as it is not sent."""
        self._admission.count_suppressed(self.suppressed)
        self.suppressed = 0

    def give_back(self) -> None:
        """Leave the window to the same alert, and the room to any: it was asked for and could not even be tried."""
        if self._admitted_at is None or not self._asks_fleet:  # else the fleet's window is taken already
            self._admission.windows.release(self._signature)
        self.withdraw()
        self._admission.count_suppressed(1)

    def withdraw(self) -> None:
        """Leave the room to any other alert: this one is not sent."""
        if self._admitted_at is not None:
            self._admission.storm.withdraw(self._place, self._admitted_at)
            self._admitted_at = None

    def _is_admitted(self) -> bool:
        """Ask for room, and then the fleet, whose windows are for alerts that do leave.

        What is refused for want of room keeps its window free, and what the fleet refuses takes no room.
        """
        windows = self._admission.windows
        if not self.ask_for_room():
            windows.release(self._signature)
            return False
        if self._admission.fleet_grants(self._signature):
            return True
        self.withdraw()
        windows.count_refused(self._signature)
        return False
