"""How messages put things into words: numbers, names, and what is said about a name that nothing bears."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, Final

from resilience.testing import UnknownTargetError, counted, known_names, suggestion, target_of

NOT_DECORATED: Final = (
    "only calls of decorated callables are kept, and it is none: those of any function that a fault is injected into "
    "are in injection.calls"
)


def shown(name: Any) -> str:
    """Return the name of a failpoint, of a function, or of what was decorated to be one."""
    return str(getattr(name, "failpoint", None) or getattr(name, "__name__", name))


def check_number(name: str, value: object) -> None:
    """Refuse what is neither None nor a whole number from 0.

    Raises:
        TypeError: It is no whole number.
        ValueError: It is below 0.
    """
    if value is None:
        return
    if not isinstance(value, int) or isinstance(value, bool):
        raise TypeError(f"{name} must be a whole number, got {value!r}")
    if value < 0:
        raise ValueError(f"{name} must be at least 0, got {value!r}")


def is_count(found: int, count: int | None) -> bool:
    """Tell whether so many were found as an assertion asks for; without a ``count``, at least one."""
    return found > 0 if count is None else found == count


def count_named(count: int | None, noun: str) -> str:
    """Return what an assertion asks for: ``2 alerts``, or without a number, ``at least 1 alert``."""
    return f"at least 1 {noun}" if count is None else counted(count, noun)


def type_named(error: object) -> str:
    """Return the name of an exception type that was given as it is or by its name.

    Raises:
        TypeError: It is neither.
    """
    if isinstance(error, str):
        return error
    if isinstance(error, type) and issubclass(error, BaseException):
        return error.__name__
    raise TypeError(f"error must be an exception type, such as OSError, or its name, got {error!r}")


def unknown(name: str, functions: Iterable[str]) -> str | None:
    """Say which names come closest to one that is unknown; None where a failpoint or a function has it.

    Of functions, those that were called count; others are known by the failpoints that are named after them.
    """
    names = sorted({*known_names(), *functions})
    if name in names or any(each.rpartition(":")[2].rpartition(".")[2] == name for each in names):
        return None
    if ":" in name and _is_function(name):
        return NOT_DECORATED
    return f"no failpoint is called that, nor any function that was called. {suggestion(name, names)}"


def _is_function(name: str) -> bool:
    try:
        target_of(name)
    except UnknownTargetError:
        return False
    return True
