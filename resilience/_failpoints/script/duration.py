"""Durations: whole nanoseconds inside; seconds and texts such as ``1h30m`` at the edge."""

from __future__ import annotations

import math
import re
from typing import Final

from resilience._failpoints.script.misread import MisreadError

NANOSECONDS: Final = 1_000_000_000  # in a second
MAX_NANOSECONDS: Final = 2**63 - 1  # 292 years: what the system's own clocks can hold

_UNITS = {
    "d": 86_400 * NANOSECONDS,
    "h": 3_600 * NANOSECONDS,
    "m": 60 * NANOSECONDS,
    "s": NANOSECONDS,
    "ms": 1_000_000,
    "us": 1_000,
    "ns": 1,
}
_PART = re.compile(r"([0-9]+)(?:\.([0-9]+))?([a-z]*)")
_EXPECTED = "seconds, such as 1.5, or a duration of the units d, h, m, s, ms, us and ns, such as 1h30m or 250ms"
_MOST_DIGITS = 20  # more than the longest duration has; keeps int() away from texts of any length


class DurationError(MisreadError):
    """A text is not a duration."""

    def __str__(self) -> str:
        return f"not a duration: found {self.found}, expected {self.expected}"


def from_seconds(seconds: float) -> int:
    """Return the nanoseconds nearest to a number of seconds.

    Raises:
        ValueError: Negative, NaN, or longer than 292 years.
    """
    if not 0 <= seconds * NANOSECONDS <= MAX_NANOSECONDS:
        raise ValueError(f"a duration is from 0 to {MAX_NANOSECONDS // NANOSECONDS} seconds; got {seconds}")
    whole = int(seconds)
    return whole * NANOSECONDS + round((seconds - whole) * NANOSECONDS)


def parse_duration(text: str) -> int:
    """Return the nanoseconds of ``1.5`` (seconds), ``90s``, ``1h30m``, ``250ms`` and the like, exactly.

    The units, each once at most and from long to short, are d, h, m, s, ms, us and ns; any number may have decimals.

    Raises:
        DurationError: Not a duration, longer than 292 years, or finer than a nanosecond.
    """
    total, position, shortest = 0, 0, math.inf
    while position < len(text) or not text:
        part = _PART.match(text, position)
        unit = part and _UNITS.get(part[3] or "s")
        bare = part and not part[3] and part[0] != text
        if part is None or unit is None or bare or unit >= shortest or len(part[1]) > _MOST_DIGITS:
            found = repr(text[position:]) if text else "nothing"
            raise DurationError(_EXPECTED, position, found)
        decimals = part[2] or ""
        fraction, rest = divmod(int(decimals[:_MOST_DIGITS] or "0") * unit, 10 ** len(decimals[:_MOST_DIGITS]))
        if rest or decimals[_MOST_DIGITS:].strip("0"):
            raise DurationError("a whole number of nanoseconds", position, repr(part[0]))
        total += int(part[1]) * unit + fraction
        if total > MAX_NANOSECONDS:
            raise DurationError("a duration of at most 292 years", position, repr(part[0]))
        position, shortest = part.end(), unit
    return total


def format_seconds(nanoseconds: int) -> str:
    """Return the exact number of seconds, such as ``1.5``."""
    whole, rest = divmod(nanoseconds, NANOSECONDS)
    return f"{whole}.{rest:09d}".rstrip("0").rstrip(".")
