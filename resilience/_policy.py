"""What a decorator was told: its arguments, checked once, and never changed after."""

from __future__ import annotations

import datetime as dt
import math
import threading
from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final, Literal, SupportsFloat, final

from resilience._matching import NamedExceptions, check_takes_one, is_signal, names_all, names_any

if TYPE_CHECKING:
    from tenacity import RetryCallState

EXCESSIVE_RETRY_THRESHOLD: Final = 50
"""The attempt at which a call alerts, where no threshold is given and so many attempts can be made."""

Seconds = SupportsFloat | dt.timedelta
WaitStrategy = Callable[["RetryCallState"], float]
Kind = Literal["retry", "connection", "continuous"]


@final
@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Policy:
    """The checked arguments of one decorator.

    Attributes:
        kind: Which log texts and alert texts its calls get.
        max_attempts: None where only success, an exception or an event ends a call.
        retry_on: The types of the errors that are retried, or a predicate.
        exclude_exceptions: The types of the errors that are not, whatever ``retry_on`` says, or a predicate.
        retry_on_result: Tells whether a result is to be retried like an error; None where every result is a success.
        alert_threshold: The attempt from which on a failing call alerts; None where none does.
        alert_on_give_up: Alert when the call gives up, whichever attempt that is.
        channel: The channel that its alerts go to; None for the default one.
        stop_event: What ends a wait, and the call with it; None where only `stop_retry_loops` does.
        max_wait: The cap of the backoff; None where ``wait`` is the user's own.
        timeout: Seconds from the start of the call; no wait starts that would pass it.
        max_retry_after: The longest ``Retry-After`` that is waited for, in seconds.
    """

    kind: Kind
    max_attempts: int | None
    retry_on: NamedExceptions = (Exception,)
    exclude_exceptions: NamedExceptions = ()
    retry_on_result: Callable[[Any], bool] | None = None
    wait: WaitStrategy
    max_wait: float | None = None
    timeout: float | None = None
    max_retry_after: float = 300.0
    reraise: bool = True
    context: str = ""
    resource: str | None = None
    action: str | None = None
    alert_threshold: int | None = None
    alert_on_give_up: bool = False
    channel: str | None = None
    stop_event: Any = None

    def retries(self, error: BaseException) -> bool:
        """Tell whether an error is of those that are retried. What is no `Exception` never is, and no signal."""
        return (
            isinstance(error, Exception)
            and not names_any(is_signal, error)
            and names_all(self.retry_on, error)
            and not names_any(self.exclude_exceptions, error)
        )


def check_count(name: str, value: object, *, least: int) -> int:
    """Return a whole number, or raise naming the argument, the value and the valid range."""
    if not isinstance(value, int) or isinstance(value, bool):
        raise TypeError(f"{name} must be an int, got {value!r}")
    if value < least:
        raise ValueError(f"{name} must be at least {least}, got {value!r}")
    return value


def check_seconds(name: str, value: object, *, zero: bool) -> float:
    """Return a finite number of seconds, or raise naming the argument, the value and the valid range.

    Any number will do, a `decimal.Decimal` from a configuration as well, and a `datetime.timedelta`.
    """
    given = value.total_seconds() if isinstance(value, dt.timedelta) else value
    if not isinstance(given, SupportsFloat) or isinstance(given, bool):
        raise TypeError(f"{name} must be a number of seconds, got {value!r}")
    valid = "at least 0" if zero else "above 0"
    try:
        seconds = float(given)
    except OverflowError:  # an int that no float can hold
        seconds = math.inf
    except ValueError:  # a signalling NaN
        seconds = math.nan
    if not math.isfinite(seconds) or seconds < 0 or (seconds == 0 and not zero):
        raise ValueError(f"{name} must be a finite number of seconds, {valid}, got {value!r}")
    if seconds > threading.TIMEOUT_MAX:
        raise ValueError(
            f"{name} must be a finite number of seconds, at most {threading.TIMEOUT_MAX:.0f}, as no clock can wait "
            f"longer, got {value!r}"
        )
    return seconds


def check_text(name: str, value: object, *, empty: bool) -> str:
    if not isinstance(value, str):
        raise TypeError(f"{name} must be a str, got {value!r}")
    if not empty and not value.strip():
        raise ValueError(f"{name} must not be empty, got {value!r}")
    return value


def check_wait(wait: object) -> WaitStrategy:
    if not callable(wait) or isinstance(wait, type):
        raise TypeError(f"wait must be a tenacity wait strategy such as tenacity.wait_fixed(2), got {wait!r}")
    check_takes_one("wait", wait, "tenacity's retry state")
    return wait


def check_flag(name: str, value: object) -> bool:
    if not isinstance(value, bool):
        raise TypeError(f"{name} must be a bool, got {value!r}")
    return value


def check_threshold(value: object, *, attempts: int | None) -> int | None:
    """Return the attempt at which a call alerts, or raise for one that no call can reach.

    None means `EXCESSIVE_RETRY_THRESHOLD` where so many attempts can be made, and no threshold where they can't.
    """
    if value is None:
        return EXCESSIVE_RETRY_THRESHOLD if attempts is None or attempts >= EXCESSIVE_RETRY_THRESHOLD else None
    threshold = check_count("alert_threshold", value, least=1)
    if attempts is not None and threshold > attempts:
        raise ValueError(
            f"alert_threshold must be between 1 and the {attempts} attempts that can be made, got {threshold}: "
            "it would never be reached"
        )
    return threshold
