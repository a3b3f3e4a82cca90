"""Who holds a function that is written in C, besides names in modules and classes: no fault strikes there."""

from __future__ import annotations

import functools
import gc
import sys
from collections.abc import Iterator
from types import FunctionType
from typing import Any, Final

from resilience._failpoints.functions.references import is_module

_KIT: Final = {"resilience", "pytest_resilience"}


def other_holders(function: object) -> list[str]:
    """Name the registries, partials and default arguments of the program that hold a function."""
    return sorted({name for holder in gc.get_referrers(function) for name in _names_of(holder)})


def _names_of(holder: Any) -> Iterator[str]:
    if not isinstance(holder, dict | list | set | tuple | functools.partial):
        return
    for owner in gc.get_referrers(holder):
        if isinstance(owner, FunctionType) and (owner.__defaults__ is holder or owner.__kwdefaults__ is holder):
            if _is_of_the_program(owner.__module__):
                yield f"a default argument of {owner.__module__}:{owner.__qualname__}"
        elif isinstance(owner, dict) and is_module(owner) and _is_of_the_program(owner.get("__name__")):
            yield from (f"{owner['__name__']}:{name}" for name, value in list(owner.items()) if value is holder)


def _is_of_the_program(module: object) -> bool:
    package = str(module).partition(".")[0]
    return package not in _KIT and package not in sys.stdlib_module_names
