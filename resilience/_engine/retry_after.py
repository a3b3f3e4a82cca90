"""How long a server asked to be left alone: the ``Retry-After`` of an error, in both of its forms.

Source: RFC 9110, section 10.2.3: a whole number of seconds, or an HTTP-date.
"""

from __future__ import annotations

import datetime as dt
import math
import threading
import time
from collections.abc import Callable, Mapping
from typing import Any, Final

_LONGEST: Final = threading.TIMEOUT_MAX


def retry_after_of(error: BaseException) -> float:
    """Return the seconds that an error asks to wait; 0.0 where it asks nothing that can be understood.

    Read are ``error.retry_after`` (a number of seconds, a `datetime.timedelta`, or the text of a header) and the header
    of an HTTP error: ``error.response.headers`` (httpx, requests), ``error.headers`` (aiohttp, urllib), and
    ``error.response["ResponseMetadata"]["HTTPHeaders"]`` (botocore). Where they differ, the longest counts.
    """
    return min(max(_asked(read, error) for read in _PLACES), _LONGEST)


def _attribute(error: Any) -> object:
    return getattr(error, "retry_after", None)


def _header(error: Any) -> object:
    return _named(error.headers)


def _header_of_response(error: Any) -> object:
    return _named(error.response.headers)


def _header_of_botocore(error: Any) -> object:
    return _named(error.response["ResponseMetadata"]["HTTPHeaders"])


_PLACES: Final = (_attribute, _header, _header_of_response, _header_of_botocore)


def _named(headers: Mapping[str, object]) -> object:
    """Return the header from a mapping that may know its keys in one case only."""
    found = headers.get("Retry-After")
    return headers.get("retry-after") if found is None else found


def _asked(read: Callable[[Any], object], error: BaseException) -> float:
    try:
        return _seconds(read(error))
    except Exception:  # noqa: BLE001  # an error's attributes are foreign code; what can't be read asks for nothing
        return 0.0


def _seconds(value: Any) -> float:
    if isinstance(value, dt.timedelta):
        return max(value.total_seconds(), 0.0)
    if isinstance(value, bytes):
        value = value.decode("ascii", "replace")
    if isinstance(value, str):
        return _from_header(value.strip())
    return 0.0 if value is None or isinstance(value, bool) else _positive(value)


def _positive(number: Any) -> float:
    try:
        seconds = float(number)
    except OverflowError:  # an int that no float can hold
        return _LONGEST if number > 0 else 0.0
    return seconds if math.isfinite(seconds) and seconds > 0 else 0.0


def _from_header(text: str) -> float:
    try:
        return _positive(text)
    except ValueError:
        pass
    from email.utils import parsedate_to_datetime  # it imports the socket module: a third of this package's import time

    try:
        when = parsedate_to_datetime(text)
    except (ValueError, IndexError):
        return 0.0
    if when.tzinfo is None:  # "-0000" says: UTC, of a sender that does not know its zone
        when = when.replace(tzinfo=dt.UTC)
    return max(when.timestamp() - time.time(), 0.0)
