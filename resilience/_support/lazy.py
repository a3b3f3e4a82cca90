"""Fronts: what users import from one says that it is from there, and may be loaded when it is first used (PEP 562)."""

from __future__ import annotations

import contextlib
import functools
import linecache
import re
import sys
from collections.abc import Iterable, Mapping
from importlib import import_module
from typing import Any, Final

from resilience._support.fork import importing

_FOR_TYPE_CHECKERS: Final = re.compile(r"^    from (\S+) import (\w+) as \2$", re.MULTILINE)


def exported(front: str, homes: Mapping[str, str] | None, name: str) -> Any:
    """Return what a front exports under a name, loaded now and kept there; for its ``__getattr__``.

    Args:
        front: The ``__name__`` of the module that users import from.
        homes: The modules where things are defined, each with the names that the front takes from it, between blanks.
            None: as it imports them for type checkers alone, by ``as``; where programs may be frozen, without any
            source to read that in, it has to be said.
        name: What is asked for; ``__all__`` for all names.

    Raises:
        AttributeError: The front exports no such name.

    Example:
        ``__getattr__ = functools.partial(exported, __name__, {"shop._orders": "Order order"})``
    """
    if homes is None:
        homes = _seen_by_type_checkers(front)
    if name == "__all__":
        return sorted(" ".join(homes.values()).split())
    home = next((home for home, names in homes.items() if name in names.split()), None)
    if home is None:
        raise AttributeError(f"module {front!r} has no attribute {name!r}")
    with importing:
        found = getattr(import_module(home), name)
    _say_where(found, front)
    setattr(sys.modules[front], name, found)
    return found


@functools.cache
def _seen_by_type_checkers(front: str) -> Mapping[str, str]:
    namespace = vars(sys.modules[front])
    homes: dict[str, str] = {}
    for home, name in _FOR_TYPE_CHECKERS.findall("".join(linecache.getlines(namespace["__file__"], namespace))):
        homes[home] = f"{homes.get(home, '')} {name}"
    return homes


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
