"""How long a server asked to be left alone: the ``Retry-After`` of an error, in both of its forms.

Source: RFC 9110, section 10.2.3: a whole number of seconds, or an HTTP-date.
"""

from __future__ import annotations

import datetime as dt
import math
import threading
import time
from typing import Final

_LONGEST: Final = threading.TIMEOUT_MAX


def retry_after_of(error: BaseException) -> float:
    """Return the seconds that an error asks to wait; 0.0 where it asks nothing that can be understood.

    Read are ``error.retry_after`` (a number of seconds, a `datetime.timedelta`, or the text of a header) and the header
    of an HTTP error: ``error.response.headers`` (httpx, requests, botocore), ``error.headers`` (aiohttp, urllib).
    """
    try:
        asked = _seconds(getattr(error, "retry_after", None))
        for holder in (getattr(error, "response", None), error):
            headers = getattr(holder, "headers", None)
            if headers is not None:
                asked = max(asked, _seconds(headers.get("Retry-After")))
    except Exception:  # noqa: BLE001  # an error's attributes are foreign code; what can't be read asks for nothing
        return 0.0
    return min(asked, _LONGEST)


def _seconds(value: object) -> float:
    if isinstance(value, dt.timedelta):
        return max(value.total_seconds(), 0.0)
    if isinstance(value, bytes):
        value = value.decode("ascii", "replace")
    if isinstance(value, str):
        return _from_header(value.strip())
    if isinstance(value, (int, float)) and not isinstance(value, bool):
        return float(value) if math.isfinite(value) and value > 0 else 0.0
    return 0.0


def _from_header(text: str) -> float:
    try:
        seconds = float(text)
    except ValueError:
        pass
    else:
        return seconds if math.isfinite(seconds) and seconds > 0 else 0.0
    from email.utils import parsedate_to_datetime  # it imports the socket module: a third of this package's import time

    try:
        when = parsedate_to_datetime(text)
    except (ValueError, IndexError):
        return 0.0
    if when.tzinfo is None:  # "-0000" says: UTC, of a sender that does not know its zone
        when = when.replace(tzinfo=dt.UTC)
    return max(when.timestamp() - time.time(), 0.0)
