"""How long a server asked to be left alone: the ``Retry-After`` of an error, and what else is used in its place.

Sources: RFC 9110, section 10.2.3 (a whole number of seconds, or an HTTP-date); the headers of GitHub ("Rate limits for
the REST API"), of OpenAI (``retry-after-ms``) and of Azure (``x-ms-retry-after-ms``).
"""

from __future__ import annotations

import datetime as dt
import math
import threading
import time
from collections import defaultdict
from collections.abc import Callable
from typing import Any, Final

from resilience._support.leaves import roots

_LONGEST: Final = threading.TIMEOUT_MAX
_FIRST_EPOCH: Final = 1e9  # more seconds are 31 years as a wait, and a moment since 2001 as a point in time
_FIRST_EPOCH_MS: Final = 1e11  # the same of milliseconds; as seconds, the year 5138


def retry_after_of(error: BaseException) -> float:
    """Return the seconds that an error asks to wait; 0.0 where it asks nothing that can be understood.

    Read are ``error.retry_after`` (a number of seconds, a `datetime.timedelta`, a `datetime.datetime`, or the text of a
    header) and the headers of an HTTP error: ``error.response.headers`` (httpx, requests), ``error.headers`` (aiohttp,
    urllib), ``error.response["ResponseMetadata"]["HTTPHeaders"]`` (botocore) and ``error.resp`` (googleapiclient). Of a
    group all exceptions in it are read, and of each its ``__cause__``. Where they differ, the longest counts.

    A date is counted from the server's own ``Date`` where there is one: its clock may differ from ours. A number so
    large that it can only be a point in time is taken for one.
    """
    return min(max(_asked(each) for each in roots(error)), _LONGEST)


def _asked(error: Any) -> float:
    longest = 0.0
    for name, read in _PLACES:
        try:
            value = getattr(error, name, None)
            if value is not None:
                longest = max(longest, read(value))
        except Exception:  # noqa: BLE001, S112  # its attributes are foreign code; what can't be read asks for nothing
            continue
    return longest


def _in_headers(headers: Any) -> float:
    fields: defaultdict[str, list[Any]] = defaultdict(list)  # whatever the case in which a library keeps the names
    for name, value in headers.items():
        fields[_text(name).lower()].append(value)
    now = next(filter(None, map(_moment, fields["date"])), None) or time.time()
    asked = [_seconds(value, now) for value in fields["retry-after"]]
    asked += (_number(value) / 1000 for name in _MILLISECONDS for value in fields[name])
    for reset, remaining in _RESETS.items():
        if all(_text(value) == "0" for value in fields[remaining]):  # GitHub tells of the reset in every answer
            asked += (_seconds(value, now) for value in fields[reset])
    return max(asked, default=0.0)


_PLACES: Final[tuple[tuple[str, Callable[[Any], float]], ...]] = (
    ("retry_after", lambda value: _seconds(value, time.time())),
    ("headers", _in_headers),
    ("response", lambda response: _in_headers(response.headers)),
    ("response", lambda response: _in_headers(response["ResponseMetadata"]["HTTPHeaders"])),
    ("resp", _in_headers),
)

_MILLISECONDS: Final = ("retry-after-ms", "x-ms-retry-after-ms")
_RESETS: Final = {
    "x-ratelimit-reset": "x-ratelimit-remaining",
    "x-rate-limit-reset": "x-rate-limit-remaining",
    "ratelimit-reset": "ratelimit-remaining",
}


def _text(value: Any) -> str:
    return (value.decode("ascii", "replace") if isinstance(value, bytes) else str(value)).strip()


def _seconds(value: Any, now: float) -> float:
    """Return the seconds from now until what a value says; 0.0 for the past, and for what says nothing."""
    if isinstance(value, dt.timedelta):
        return max(value.total_seconds(), 0.0)
    if isinstance(value, dt.datetime):
        return max(value.timestamp() - now, 0.0)
    number = _number(value)
    if number >= _FIRST_EPOCH:
        return max(number / (1000 if number >= _FIRST_EPOCH_MS else 1) - now, 0.0)
    return number or max((_moment(value) or now) - now, 0.0)


def _number(value: Any) -> float:
    """Return a positive number; 0.0 for anything else."""
    if value is None or isinstance(value, bool):
        return 0.0
    try:
        number = float(_text(value) if isinstance(value, (str, bytes)) else value)
    except OverflowError:  # an int that no float can hold
        return _LONGEST * 1000 if value > 0 else 0.0
    except (TypeError, ValueError):
        return 0.0
    return number if math.isfinite(number) and number > 0 else 0.0


def _moment(value: Any) -> float | None:
    """Return the moment that an HTTP-date names, in seconds of the wall clock; None for anything else."""
    if not isinstance(value, (str, bytes)):
        return None
    from email.utils import parsedate_to_datetime  # it imports the socket module: a third of this package's import time

    try:
        when = parsedate_to_datetime(_text(value))
    except (ValueError, IndexError):
        return None
    if when.tzinfo is None:  # "-0000" says: UTC, of a sender that does not know its zone
        when = when.replace(tzinfo=dt.UTC)
    return when.timestamp()
