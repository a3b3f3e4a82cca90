"""How messages put things into words: numbers, names, and what is said about a name that nothing bears."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from resilience.testing import known_names, suggestion


def counted(number: int, noun: str) -> str:
    """Return a number with its noun: ``1 call``, ``2 calls``."""
    return f"{number} {noun}" if number == 1 else f"{number} {noun}s"


def shown(name: Any) -> str:
    """Return the name of a failpoint, of a function, or of what was decorated to be one."""
    return str(getattr(name, "failpoint", None) or getattr(name, "__name__", name))


def check_number(name: str, value: object) -> None:
    """Raise a `TypeError` for what is neither a whole number nor None."""
    if value is not None and (not isinstance(value, int) or isinstance(value, bool)):
        raise TypeError(f"{name} must be a whole number, got {value!r}")


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
    """Say which names come closest to one that neither a failpoint nor a function has; None where one has it.

    Args:
        name: What was asked for.
        functions: The functions that were called. Others are known by the failpoints that are named after them.
    """
    names = sorted({*known_names(), *functions})
    if name in names or any(each.rpartition(":")[2].rpartition(".")[2] == name for each in names):
        return None
    return f"no failpoint is called that, nor any function that was called. {suggestion(name, names)}"
