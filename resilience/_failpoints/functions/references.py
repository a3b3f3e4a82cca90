"""What refers to a function: names in modules, attributes of classes; and who else holds it, where no fault strikes."""

from __future__ import annotations

import functools
import inspect
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from types import FunctionType, MethodType
from typing import Any, Final, TypeAlias, final

from resilience._support.heap import referrers

_KIT: Final = "pytest_resilience"
"""The package that arms functions in tests: its own references are left, since its calls are no calls of the code."""

ABSENT: Final = object()


@final
@dataclass(frozen=True, slots=True)
class ModuleName:
    """A name in the namespace of a module. It may refer to a method that is bound to some object, as in `random`."""

    namespace: dict[str, Any]
    name: str

    def current(self) -> Any:
        """What the name refers to; `ABSENT` for nothing."""
        return self.namespace.get(self.name, ABSENT)

    def fitting(self, value: Any) -> Any:
        """A function in the form that it has here: bound to an object, or in a class as a static method."""
        before = self.current()
        return MethodType(value, before.__self__) if isinstance(before, MethodType) else value

    def point_to(self, value: Any) -> None:
        self.namespace[self.name] = value


@final
@dataclass(frozen=True, slots=True)
class ClassAttribute:
    """An attribute of a class, which may have inherited it. What it refers to keeps its wrapping as a static method."""

    owner: type
    name: str

    def current(self) -> Any:
        return vars(self.owner).get(self.name, ABSENT)

    def fitting(self, value: Any) -> Any:
        before = self.current()
        shape = inspect.getattr_static(self.owner, self.name) if before is ABSENT else before
        if isinstance(shape, (staticmethod, classmethod)):
            return type(shape)(value)
        # A builtin does not bind to instances, so its stand-in must not either.
        return value if hasattr(type(shape), "__get__") else staticmethod(value)

    def point_to(self, value: Any) -> None:
        if value is not ABSENT:
            setattr(self.owner, self.name, value)
        elif self.current() is not ABSENT:
            delattr(self.owner, self.name)  # it is inherited again


Reference: TypeAlias = ModuleName | ClassAttribute
"""One place that refers to a function."""


def references_to(function: object) -> Iterator[Reference]:
    """Yield the names in modules and the attributes of classes that refer to a function, bound or wrapped or not."""
    namespaces: list[dict[str, Any]] = []
    for referrer in referrers(function):
        if isinstance(referrer, (staticmethod, classmethod, MethodType)):
            yield from references_to(referrer)
        elif isinstance(referrer, dict):
            if is_module(referrer):
                if str(referrer.get("__name__")).partition(".")[0] != _KIT:
                    yield from (ModuleName(referrer, name) for name in names_of(function, referrer))
            elif "__module__" in referrer:
                namespaces.append(referrer)
    for owner, namespace in classes_of(namespaces, function):
        yield from (ClassAttribute(owner, name) for name in names_of(function, namespace))


def names_of(function: object, namespace: dict[str, Any]) -> list[str]:
    return [name for name, value in list(namespace.items()) if value is function]


def is_module(scope: dict[Any, Any]) -> bool:
    module = sys.modules.get(str(scope.get("__name__")))
    return "__builtins__" in scope or (module is not None and vars(module) is scope)


def classes_of(scopes: list[dict[str, Any]], function: object) -> list[tuple[type, dict[str, Any]]]:
    """Return the classes whose namespaces dictionaries with a function in them are, each with its dictionary."""
    if not scopes:
        return []
    home = _home_of(function)
    classes = [home] if home is not None and all(_is_of(each, home) for each in scopes) else _all_classes()
    sizes = {len(each) for each in scopes}  # to compare them takes long, and there are thousands of classes
    classes = [each for each in classes if len(vars(each)) in sizes]
    # A copy of a namespace has the same in it: each class is found once.
    return [(each, found) for each in classes if (found := next((s for s in scopes if _is_of(s, each)), None))]


def _all_classes() -> list[type]:
    """All classes there are: to find them among all objects, as what refers to a namespace, takes ten times as long."""
    found: dict[int, type] = {}  # by identity, since a metaclass may say what equality is
    left: list[type] = [object]
    while left:
        subclasses: list[type] = type.__subclasses__(left.pop())
        for each in subclasses:
            if id(each) not in found:
                found[id(each)] = each
                left.append(each)
    return [*found.values()]


def _home_of(function: object) -> type | None:
    """Return the class that a function's name says it is defined in."""
    found: Any = sys.modules.get(str(getattr(function, "__module__", None)))
    for part in str(getattr(function, "__qualname__", "")).split(".")[:-1]:
        found = getattr(found, part, None)
    return found if isinstance(found, type) else None


def _is_of(scope: dict[Any, Any], owner: type) -> bool:
    namespace = vars(owner)
    return len(namespace) == len(scope) and all(namespace.get(key) is value for key, value in scope.items())


def other_holders(function: object) -> list[str]:
    """Name the registries, partials and default arguments of the program that hold a function."""
    holding = (dict, list, set, tuple, functools.partial)
    holders = {id(each): each for each in referrers(function) if isinstance(each, holding)}
    owners = referrers(*holders.values()) if holders else []
    return sorted({name for owner in owners for name in _names_of_holders(owner, holders)})


def _names_of_holders(owner: Any, holders: dict[int, Any]) -> Iterator[str]:
    if isinstance(owner, FunctionType):
        holds = {id(owner.__defaults__), id(owner.__kwdefaults__)} & holders.keys()
        if holds and is_of_the_program(owner.__module__):
            yield f"a default argument of {owner.__module__}:{owner.__qualname__}"
    elif isinstance(owner, dict) and is_module(owner) and is_of_the_program(owner.get("__name__")):
        yield from (f"{owner['__name__']}:{name}" for name, value in list(owner.items()) if id(value) in holders)


def is_of_the_program(module: object) -> bool:
    if not isinstance(module, str):  # a namespace of `exec`, which is no module
        return False
    package = module.partition(".")[0]
    return package not in {"resilience", _KIT} and package not in sys.stdlib_module_names
