"""What refers to a function: names in modules, attributes of classes, and the cells of closures."""

from __future__ import annotations

import gc
import inspect
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from types import CellType, FunctionType, MethodType
from typing import Any, Final, Protocol, final

_KIT: Final = "pytest_resilience"
"""The package that arms functions in tests: its own references are left, since its calls are no calls of the code."""

_ABSENT: Final = object()


class Reference(Protocol):
    """One place that refers to a function."""

    def point_to(self, value: Any) -> Any:
        """Have it refer to something else; return what brings back what it referred to."""


@final
@dataclass(frozen=True, slots=True)
class ModuleName:
    """A name in the namespace of a module. It may refer to a method that is bound to some object, as in `random`."""

    namespace: dict[str, Any]
    name: str

    def point_to(self, value: Any) -> Any:
        before = self.namespace.get(self.name, _ABSENT)  # the code under test may have deleted it
        if isinstance(before, MethodType) and not isinstance(value, MethodType):
            value = MethodType(value, before.__self__)
        self.namespace[self.name] = value
        return before


@final
@dataclass(frozen=True, slots=True)
class ClassAttribute:
    """An attribute of a class, which may have inherited it. What it refers to keeps its wrapping as a static method."""

    owner: type
    name: str

    def point_to(self, value: Any) -> Any:
        before = vars(self.owner).get(self.name, _ABSENT)
        if value is not _ABSENT:
            setattr(self.owner, self.name, self._wrapped(value, before))
        elif before is not _ABSENT:
            delattr(self.owner, self.name)  # it is inherited again
        return before

    def _wrapped(self, value: Any, before: object) -> Any:
        if isinstance(value, (staticmethod, classmethod)):
            return value
        shape = inspect.getattr_static(self.owner, self.name) if before is _ABSENT else before
        if isinstance(shape, (staticmethod, classmethod)):
            return type(shape)(value)
        if isinstance(value, FunctionType) and not hasattr(type(shape), "__get__"):
            return staticmethod(value)  # a builtin does not bind to instances, so its stand-in must not either
        return value


@final
@dataclass(frozen=True, slots=True)
class ClosureCell:
    """A variable of a closure."""

    cell: CellType

    def point_to(self, value: Any) -> Any:
        before, self.cell.cell_contents = self.cell.cell_contents, value
        return before


def references_to(function: object) -> Iterator[ModuleName | ClassAttribute]:
    """Yield the names in modules and the attributes of classes that refer to a function, bound or wrapped or not."""
    for referrer in gc.get_referrers(function):
        if isinstance(referrer, (staticmethod, classmethod, MethodType)):
            yield from references_to(referrer)
        elif isinstance(referrer, dict):
            names = [name for name, value in list(referrer.items()) if value is function]
            if _is_module(referrer):
                if str(referrer.get("__name__")).partition(".")[0] != _KIT:
                    yield from (ModuleName(referrer, name) for name in names)
            elif "__module__" in referrer:
                yield from (ClassAttribute(owner, name) for owner in _classes(referrer, function) for name in names)


def closures_of(function: object) -> Iterator[ClosureCell]:
    """Yield the cells of closures that hold a function."""
    for referrer in gc.get_referrers(function):
        if isinstance(referrer, CellType):
            yield ClosureCell(referrer)


def _is_module(scope: dict[Any, Any]) -> bool:
    module = sys.modules.get(str(scope.get("__name__")))
    return "__builtins__" in scope or (module is not None and vars(module) is scope)


def _classes(scope: dict[Any, Any], function: object) -> list[type]:
    """Return the class whose namespace a dictionary with a function in it is."""
    home = _home_of(function)
    if home is not None and _is_of(scope, home):  # else all objects there are have to be asked
        return [home]
    return [each for each in gc.get_referrers(scope) if isinstance(each, type) and _is_of(scope, each)]


def _home_of(function: object) -> type | None:
    """Return the class that a function's name says it is defined in."""
    found: Any = sys.modules.get(str(getattr(function, "__module__", None)))
    for part in str(getattr(function, "__qualname__", "")).split(".")[:-1]:
        found = getattr(found, part, None)
    return found if isinstance(found, type) else None


def _is_of(scope: dict[Any, Any], owner: type) -> bool:
    namespace = vars(owner)
    return len(namespace) == len(scope) and all(namespace.get(key) is value for key, value in scope.items())
