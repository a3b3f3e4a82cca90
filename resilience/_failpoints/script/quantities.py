"""The kinds of values that modifiers and actions take: durations, sizes, rates, shares, whole numbers, literals.

A kind reads a text, checks a value that was given in code, and writes a value so that reading it gives an equal one.
"""

from __future__ import annotations

import ast
import re
from collections.abc import Callable
from dataclasses import dataclass, replace
from decimal import Decimal
from typing import Any, Final

from resilience._failpoints.script.duration import format_seconds, from_seconds, parse_duration
from resilience._failpoints.script.misread import MisreadError
from resilience._failpoints.script.values import described, literal_text

MAX_COUNT: Final = 1_000_000_000
"""The largest count of calls and bytes: far more than a test can make, and readable in an error message."""

_UNITS: Final = {
    "": 1,
    "B": 1,
    "KB": 1000,
    "MB": 1000**2,
    "GB": 1000**3,
    "KiB": 1 << 10,
    "MiB": 1 << 20,
    "GiB": 1 << 30,
}
_SIZE: Final = re.compile(r"([0-9]{1,15})(?:\.([0-9]{1,9}))?\s*([A-Za-z]*)")
_WHOLE: Final = re.compile(r"[0-9]{1,15}")


@dataclass(frozen=True, slots=True)
class Kind:
    """What a value may be.

    Attributes:
        expected: What it is, as in "expected ...".
        parse: Makes of a text what might as well have been given in code.
        check: Makes a value of what was given in code, or raises `ValueError` or `TypeError`.
        write: The text of a value, or None where it has none.
    """

    expected: str
    parse: Callable[[str], Any]
    check: Callable[[Any], Any]
    write: Callable[[Any], str | None]

    def read(self, text: str) -> Any:
        """Make a value of a text, or raise `MisreadError`."""
        try:
            return self.check(self.parse(text))
        except MisreadError:
            raise
        except (ValueError, TypeError, SyntaxError, RecursionError, MemoryError):
            raise MisreadError(self.expected, found=f"'{text}'" if text else "nothing") from None


def checked(where: str, check: Callable[[Any], Any], value: object) -> Any:
    """Return what a check makes of a value; what is wrong with that begins with where it was given."""
    try:
        return check(value)
    except (TypeError, ValueError) as error:
        kind = TypeError if isinstance(error, TypeError) else ValueError
        raise kind(f"{where}: {error}") from None


def check_duration(value: object) -> int:
    """Return the nanoseconds of a number of seconds or of a text such as ``"250ms"``."""
    if isinstance(value, str):
        return parse_duration(value)
    if not isinstance(value, (int, float)) or isinstance(value, bool):
        raise TypeError(f"expected seconds, such as 1.5, or a duration, such as '250ms'; got {described(value)}")
    return from_seconds(value)


_DURATION: Final = "seconds, such as 1.5, or a duration, such as 250ms"
DURATION: Final = Kind(_DURATION, str, check_duration, format_seconds)


@dataclass(frozen=True, slots=True)
class Span:
    """A duration, or the range from which one is drawn, in nanoseconds."""

    shortest: int
    longest: int

    def __str__(self) -> str:
        upper = "" if self.shortest == self.longest else f"..{format_seconds(self.longest)}"
        return f"{format_seconds(self.shortest)}{upper}"


def _read_span(text: str) -> Span:
    lower, dots, upper = text.partition("..")
    shortest = parse_duration(lower.rstrip())
    if not dots:
        return Span(shortest, shortest)
    start = len(text) - len(upper.lstrip())
    try:
        longest = parse_duration(upper.strip())
    except MisreadError as error:
        raise MisreadError(error.expected, start + error.offset, error.found) from None
    if longest < shortest:
        raise MisreadError(f"a duration of at least '{lower.strip()}'", offset=start, found=f"'{upper.strip()}'")
    return Span(shortest, longest)


def _above_zero(kind: Kind) -> Kind:
    expected = f"{kind.expected}, above 0"

    def check(value: object) -> Any:
        checked = kind.check(value)
        if checked <= 0:
            raise ValueError(f"expected {expected}; got {described(value)}")
        return checked

    return Kind(expected, kind.parse, check, kind.write)


def _made_by(make: Callable[[object], object], expected: str) -> Kind:
    """Return the kind of what may be given in code as a text, too; None is made of what is no such value."""

    def check(value: object) -> Any:
        made = make(value)
        if made is None:
            raise (ValueError if isinstance(value, (int, str)) else TypeError)(
                f"expected {expected}; got {described(value)}"
            )
        return made

    return Kind(expected, str, check, str)


def _size_of(value: object) -> int | None:
    if not isinstance(value, str):
        return value if isinstance(value, int) and not isinstance(value, bool) and value >= 0 else None
    found = _SIZE.fullmatch(value)
    if found is None or found[3] not in _UNITS:
        return None
    whole, decimals, unit = found[1], found[2] or "", _UNITS[found[3]]
    part, rest = divmod(int(decimals or "0") * unit, 10 ** len(decimals))
    return None if rest else int(whole) * unit + part


OFFSET: Final = _made_by(_size_of, "a number of bytes, such as 100, 64KB (1000) or 1KiB (1024)")
SIZE: Final = _above_zero(OFFSET)


def whole(expected: str, least: int, most: int) -> Kind:
    text = f"{expected} from {least} to {most}"

    def check(value: object) -> int:
        if not isinstance(value, int) or isinstance(value, bool):
            raise TypeError(f"expected {text}; got {described(value)}")
        if not least <= value <= most:
            raise ValueError(f"expected {text}; got {described(value)}")
        return int(value)

    return Kind(text, lambda given: int(given) if _WHOLE.fullmatch(given) else None, check, str)


_PERCENT: Final = re.compile(r"([0-9]{1,3}(?:\.[0-9]{1,40})?)\s*%")
_PERCENT_EXPECTED: Final = "per cent, above 0 and up to 100"


@dataclass(frozen=True, slots=True)
class Share:
    """A part of a whole, in per cent."""

    percent: float

    def __str__(self) -> str:
        return f"{percent_text(self.percent)}%"


def check_percent(value: object) -> float:
    """Return a chance in per cent.

    Raises:
        TypeError: Not a number.
        ValueError: Not above 0 and up to 100.
    """
    if not isinstance(value, (int, float)) or isinstance(value, bool):
        raise TypeError(f"expected {_PERCENT_EXPECTED}; got {described(value)}")
    if not 0 < value <= 100:  # nor NaN
        raise ValueError(f"expected {_PERCENT_EXPECTED}; got {described(value)}")
    return float(value)


def percent_text(percent: float) -> str:
    """Write a number of per cent, without an exponent, so that reading it gives the very same number."""
    return f"{Decimal(repr(percent)):f}".removesuffix(".0")


def _size_or_share(value: object) -> int | Share | None:
    share = _PERCENT.fullmatch(value) if isinstance(value, str) else None
    if share is None:
        return _size_of(value)
    percent = float(share[1])
    return Share(percent) if percent < 100 else None


SIZE_OR_SHARE: Final = _made_by(_size_or_share, "a number of bytes, such as 100, or a share below 100%, such as 50%")
LITERAL: Final = Kind(
    "a Python literal, such as 'text', None or {'ok': True}", ast.literal_eval, lambda given: given, literal_text
)


def _of_type(expected: str, *types: type) -> Kind:
    def check(value: object) -> object:
        if not isinstance(value, types) or (isinstance(value, bool) and bool not in types):
            raise TypeError(f"expected {expected}; got {described(value)}")
        return value

    return Kind(expected, ast.literal_eval, check, literal_text)


TEXT: Final = _of_type("a text in quotes", str)
_BOOLEAN: Final = _of_type("True or False", bool)
FLAG: Final = replace(_BOOLEAN, check=lambda given: _BOOLEAN.check(given) or None)
"""False is what a flag is that is not given."""
HEADERS: Final = _of_type("headers, such as {'X-Reason': 'overload'}", dict)
SPAN: Final = Kind(f"{_DURATION}, or a range such as 5s..30s", _read_span, lambda given: given, str)
POSITIVE_DURATION: Final = _above_zero(DURATION)
