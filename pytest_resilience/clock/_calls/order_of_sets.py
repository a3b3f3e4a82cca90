"""One order for sets of tasks and futures, which otherwise follow memory addresses and so differ in each run."""

from __future__ import annotations

import copyreg
import pkgutil
import sys
from _thread import get_ident
from abc import ABCMeta
from collections.abc import Iterator
from types import CellType, ModuleType
from typing import Any

from pytest_resilience.clock._bubble.waiting import members
from pytest_resilience.clock._reach.patches import AttributePatch, Patch

NAMES = ("__module__", "__qualname__", "__doc__")
"""What a class takes over from the one that it replaces, to be pickled and shown like that."""


class _Open:
    """A base before others that lets final ones have a subclass."""

    __slots__ = ()

    def __init_subclass__(cls) -> None:
        """Raise nothing."""


def _hash(self: Any) -> int:
    number: int | None = getattr(self, "_creation", None)
    if number is None:
        member = members.get(get_ident())
        # Threads outside come at any time: what they make must not take numbers away.
        number = self._creation = object.__hash__(self) if member is None else next(member.scheduler.creations)
    return number


def kind_of_stand_in(real: Any) -> Any:
    """The metaclass for a subclass that takes the place of ``real`` while the clock is open.

    Where a name stands for the new class, objects from before the clock must still pass checks against that name; where
    a program has kept the new class, so must those from after it, and it is pickled by its name all the same.
    """

    # A program may give the class an abstract base besides, whose metaclass has to go with this one.
    class Kind(_Open, ABCMeta if type(real) is type else type(real)):  # type: ignore[misc]  # a base that is known when the clock opens
        def __instancecheck__(self, instance: object) -> bool:
            return isinstance(instance, real) if real in self.__bases__ else super().__instancecheck__(instance)

        def __subclasscheck__(self, subclass: type) -> bool:
            return issubclass(subclass, real) if real in self.__bases__ else super().__subclasscheck__(subclass)

    def reduced(made: type) -> Any:
        name = f"{made.__module__}:{made.__qualname__}"
        is_away = real in made.__bases__ and pkgutil.resolve_name(name) is not made
        return (pkgutil.resolve_name, (name,)) if is_away else made.__qualname__

    copyreg.pickle(Kind, reduced)
    return Kind


def class_patches(real: Any, *owners: ModuleType | CellType) -> Iterator[Patch]:
    """Number what is made of the class ``real`` by its name in its own module and in others, or by a cell's content.

    The number of its creation in the clock is the hash of such an object.
    """
    names = {name: getattr(real, name) for name in NAMES}
    namespace = {**names, "__slots__": ("_creation",), "__hash__": _hash}
    made = kind_of_stand_in(real)(real.__name__, (_Open, real), namespace)
    for owner in (sys.modules[real.__module__], *owners):
        yield AttributePatch(owner, {"cell_contents" if isinstance(owner, CellType) else real.__name__: made})
