"""The text of the values in a fault script: literals, exceptions, and stand-ins for everything else.

A text is given only where parsing it makes an equal value; what has no such text is shown as ``<...>``, which the
parser refuses by name.
"""

from __future__ import annotations

import cmath
import math
from collections.abc import Collection, Iterator, Mapping
from contextlib import suppress
from inspect import signature
from keyword import iskeyword
from types import EllipsisType, NoneType
from typing import Any

from resilience._failpoints.script.exception_copy import constructor_arguments, identity
from resilience._failpoints.script.exception_names import exception_class_name
from resilience._support.error_text import ADDRESS

_LITERAL_TYPES = {NoneType, bool, int, float, complex, str, bytes, EllipsisType, tuple, list, set, dict}
_LONGEST_SHOWN = 100  # characters of a value in an error message
_LONGEST_DECIMAL = 2_000  # bits; the interpreter limits how many decimal digits it converts


class _NoTextError(Exception):
    """A value that no literal gives back."""


def literal_text(value: object) -> str | None:
    """Return the Python literal for ``value``, or None where there is none."""
    try:
        return _text(value)
    except (_NoTextError, RecursionError):
        return None


def exception_text(error: BaseException) -> str | None:
    """Return ``Name(arguments)``, as would be written in a script, or None where no such call makes an equal exception.

    Found by trying: the class is called with the arguments and attributes that the exception holds, where all of
    them are literals, until one call gives the same type, ``args``, attributes and cause.
    """
    name = exception_class_name(type(error))
    if name is None:
        return None
    for args, attributes in _calls(error):
        text = call_text(name, args, attributes)
        if text is not None and _makes(error, args, attributes):
            return text
    return None


def call_text(
    name: str, args: tuple[object, ...], keywords: dict[str, Any], known: Mapping[int, str] | None = None
) -> str | None:
    """Return ``name(arguments)``, or None where an argument has no text.

    ``known`` has the texts of exceptions among them, by their ids.
    """
    try:
        return _call(name, args, keywords, known or {})
    except (_NoTextError, RecursionError):
        return None


def stand_in(value: object) -> str:
    """Return a short, printable ``<...>`` for a value that has no text of its own."""
    text = _repr(value)
    if isinstance(value, BaseException):
        with suppress(Exception):  # a foreign __str__ may raise anything
            text = f"{exception_class_name(type(value)) or type(value).__qualname__}: {value}"
    return f"<{_short(ADDRESS.sub('', text).removeprefix('<').removesuffix('>'))}>"


def described(value: object) -> str:
    """Return a value that was refused, with its type, for an error message: ``'3' (str)``."""
    return f"{_short(_repr(value))} ({type(value).__qualname__})"


def printable(text: str) -> str:
    """Return ``text`` on one line, with everything unprintable escaped."""
    return "".join(each if each.isprintable() else each.encode("unicode_escape").decode() for each in text)


def _repr(value: object) -> str:
    with suppress(Exception):  # a foreign __repr__ may raise anything
        return repr(value)
    return f"<{type(value).__qualname__}>"


def _short(text: str) -> str:
    return printable(text if len(text) <= _LONGEST_SHOWN else f"{text[:_LONGEST_SHOWN]}...")


def _text(value: object, exceptions: Mapping[int, str] | None = None) -> str:
    """Return the text of a value; exceptions will do only where their known texts, if any, are given."""
    text = None
    if type(value) in _LITERAL_TYPES:  # a subclass prints like its base, and would come back as that
        text = _literal(value, exceptions)
    elif exceptions is not None and isinstance(value, BaseException):
        text = exceptions.get(id(value)) or exception_text(value)
        text = text if text is None or text.endswith(")") else f"{text}()"  # a bare class is a class, inside a call
    if text is None:
        raise _NoTextError
    return text


def _literal(value: object, exceptions: Mapping[int, str] | None) -> str | None:
    match value:
        case int() if value.bit_length() > _LONGEST_DECIMAL:
            return hex(value)
        case float():
            return _float_text(value)
        case complex():
            return _complex_text(value)
        case EllipsisType():
            return "..."
        case dict():
            pairs = [f"{_text(key)}: {_text(each, exceptions)}" for key, each in value.items()]
            return f"{{{', '.join(pairs)}}}"
        case tuple() | list() | set():
            return _members_text(value, [_text(each, exceptions) for each in value])
    return repr(value)


def _members_text(value: Collection[object], members: list[str]) -> str:
    if isinstance(value, list):
        return f"[{', '.join(members)}]"
    if isinstance(value, set):
        return f"{{{', '.join(sorted(members))}}}" if members else "set()"
    return f"({members[0]},)" if len(members) == 1 else f"({', '.join(members)})"


def _float_text(value: float) -> str | None:
    if math.isinf(value):
        return "1e999" if value > 0 else "-1e999"  # the shortest literals that overflow to infinity
    return None if math.isnan(value) else repr(value)


def _complex_text(value: complex) -> str | None:
    """Return a sum, as ``-2j`` would come back as ``-0.0-2j``; a sum, for its part, can't hold a negative zero."""
    exact = cmath.isfinite(value) and all(part or math.copysign(1, part) > 0 for part in (value.real, value.imag))
    return f"({value.real!r}{value.imag:+}j)" if exact else None


def _call(name: str, args: tuple[object, ...], keywords: dict[str, Any], known: Mapping[int, str]) -> str:
    if not all(each.isidentifier() and not iskeyword(each) for each in keywords):
        raise _NoTextError
    pieces = [_text(each, known) for each in args]
    pieces += [f"{key}={_text(each, known)}" for key, each in keywords.items()]
    return f"{name}({', '.join(pieces)})" if pieces else name


def _calls(error: BaseException) -> Iterator[tuple[tuple[object, ...], dict[str, Any]]]:
    """Yield the calls that may have made ``error``, the most usual first."""
    args, attributes = constructor_arguments(error)
    yield args, {}
    yield (), {}
    attributes = _accepted(type(error), attributes)
    if attributes:
        yield args, attributes
        yield (), attributes


def _accepted(cls: type[BaseException], attributes: dict[str, Any]) -> dict[str, Any]:
    """Return the attributes that are named like parameters of the class."""
    try:
        parameters = signature(cls).parameters
    except (ValueError, TypeError):
        return attributes  # a class of the interpreter's own that doesn't tell
    return {name: value for name, value in attributes.items() if name in parameters}


def _makes(error: BaseException, args: tuple[object, ...], keywords: dict[str, Any]) -> bool:
    with suppress(Exception):  # a constructor called with what it doesn't take may raise anything
        return identity(type(error)(*args, **keywords)) == identity(error)
    return False
