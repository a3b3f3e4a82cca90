"""Fronts: what users import from one says that it is from there, and may be loaded when it is first used (PEP 562)."""

from __future__ import annotations

import contextlib
import sys
from collections.abc import Iterable, Mapping
from importlib import import_module
from typing import Any

from resilience._support.fork import importing


def exported(front: str, homes: Mapping[str, str], name: str) -> Any:
    """Return what a front exports under a name, loaded now and kept there; for its ``__getattr__``.

    Args:
        front: The ``__name__`` of the module that users import from.
        homes: The modules where things are defined, each with the names that the front takes from it, between blanks.
        name: What is asked for.

    Raises:
        AttributeError: The front exports no such name.

    Example:
        ``__getattr__ = functools.partial(exported, __name__, {"shop._orders": "Order order"})``
    """
    home = next((home for home, names in homes.items() if name in names.split()), None)
    if home is None:
        raise AttributeError(f"module {front!r} has no attribute {name!r}")
    with importing:
        found = getattr(import_module(home), name)
    _say_where(found, front)
    setattr(sys.modules[front], name, found)
    return found


def publish(front: str, names: Iterable[str]) -> None:
    """Have what a front has imported already say that it is from there, in tracebacks, pickles and `help`."""
    namespace = vars(sys.modules[front])
    for name in names:
        if name in namespace:
            _say_where(namespace[name], front)


def _say_where(thing: Any, front: str) -> None:
    house = {front.partition(".")[0], __name__.partition(".")[0]}
    if str(getattr(thing, "__module__", "")).partition(".")[0] in house:
        with contextlib.suppress(AttributeError):
            getattr(thing, "__func__", thing).__module__ = front  # a bound method says what its function says
