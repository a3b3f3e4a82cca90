"""What the clock replaces while it is open, as one list that is undone whatever happens."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import AbstractContextManager, ExitStack
from types import FunctionType, MappingProxyType, ModuleType
from typing import Any, ClassVar, Protocol

from resilience.testing import every_object, exact_trampoline, is_twin, own_code, put_code, take_code, twin_of

_INHERITED = object()
"""In the place of what was there before: nothing was, so that restoring means to delete."""


class Patch(Protocol):
    """Something that can be put in place and taken away again."""

    def install(self) -> None: ...

    def restore(self) -> None: ...


class FunctionPatch:
    """Have the calls of a Python function go to ``replacement`` while installed, through every reference to it.

    The function gets other code and stays where it is: mocks and guards over it may come and go in any order.
    """

    def __init__(self, function: FunctionType, replacement: Callable[..., Any]) -> None:
        self._function = function
        self._code = exact_trampoline(function, replacement)
        self._is_installed = False

    def install(self) -> None:
        self._is_installed = True
        put_code(self._function, self._code, beneath=True)

    def restore(self) -> None:
        """Take the code away; harmless when it is not installed."""
        if self._is_installed:
            self._is_installed = False
            take_code(self._function, self._code)


def function_patches(owner: Any, replacements: Mapping[str, Callable[..., Any]]) -> Iterator[FunctionPatch]:
    """`FunctionPatch` for functions of a module, or methods of a class, that are written in Python."""
    for name, replacement in replacements.items():
        yield FunctionPatch(_as_written(owner, name), replacement)


class AttributePatch:
    """Replace attributes of a module, a class or another object while installed.

    What stands in the place of an original when this is installed, such as a mock, stays; so does what stands in the
    place of a replacement when it is restored. If that belongs to a module and is taken away later, when only the
    replacement can be put back, the original comes in its place. An original that may have been replaced before the
    first clock is named in ``originals``; the others are what is there when this is made.
    """

    def __init__(
        self, owner: Any, replacements: Mapping[str, object], originals: Mapping[str, object] = MappingProxyType({})
    ) -> None:
        self._owner = owner
        self._replacements = replacements
        self._originals = {name: self._found(name) for name in replacements} | dict(originals)
        self._installed: list[str] = []

    def install(self) -> None:
        for name, replacement in self._replacements.items():
            if self._found(name) is self._originals[name]:
                self._installed.append(name)
                _owed.pop((id(self._owner), name), None)
                setattr(self._owner, name, replacement)

    def restore(self) -> None:
        while self._installed:
            name = self._installed.pop()
            found, replacement, original = self._found(name), self._replacements[name], self._originals[name]
            if found is not replacement:
                if found is not original and isinstance(self._owner, ModuleType):
                    _owe(self._owner, name, replacement, original)
            elif original is _INHERITED:
                delattr(self._owner, name)
            else:
                setattr(self._owner, name, original)

    def _found(self, name: str) -> Any:
        own = getattr(self._owner, "__dict__", None)
        return getattr(self._owner, name) if own is None else own.get(name, _INHERITED)


_owed: dict[tuple[int, str], tuple[object, object]] = {}
"""By module and name: a replacement that others may put back, and the original, which has to come in its place."""


def _owe(module: ModuleType, name: str, replacement: object, original: object) -> None:
    _owed[id(module), name] = replacement, original
    kind = type(module)
    if not issubclass(kind, _Debtor):
        module.__class__ = type("Debtor", (_Debtor, kind), {"own_kind": kind})


class _Debtor(ModuleType):
    """What a module is as long as an original is owed to it."""

    own_kind: ClassVar[type[ModuleType]]

    def __setattr__(self, name: str, value: object) -> None:
        """Put the original in its place where the replacement comes back."""
        replacement, original = _owed.get((id(self), name), (_owed, None))
        if value is replacement:
            del _owed[id(self), name]
            value = original
        super().__setattr__(name, value)
        if not any(debtor == id(self) for debtor, _ in _owed):
            super().__setattr__("__class__", self.own_kind)


def _as_written(owner: Any, name: str) -> Any:
    """What was written as ``name`` of a module or class, in Python, also while a test has put a mock in its place."""
    found = getattr(owner, name)
    if isinstance(owner, type):
        homes = {(home.__module__, f"{home.__qualname__}.{name}") for home in owner.__mro__}
    else:
        homes = {(owner.__name__, name)}
    if getattr(found, "__module__", None) in {module for module, _ in homes}:
        return found
    for candidate in every_object():
        if isinstance(candidate, (FunctionType, type)) and (candidate.__module__, candidate.__qualname__) in homes:
            if isinstance(candidate, FunctionType) and not _is_in_its_module(candidate):
                continue
            return candidate
    raise RuntimeError(
        f"{owner.__name__}.{name} has been replaced by {found!r} and the original is gone; open the virtual "
        "clock before whatever replaced it"
    )


def _is_in_its_module(function: FunctionType) -> bool:
    """Whether a function is no copy of another one, and wraps none, that has its name."""
    return function.__globals__.get("__name__") == function.__module__ and not is_twin(function)


def unpatched(owner: Any, name: str) -> Any:
    """A class of a module as it was written, or what does what a function or method does without any patch."""
    found = _as_written(owner, name)
    return twin_of(found, own_code(found)) if isinstance(found, FunctionType) else found


class BlockPatch(ExitStack):
    """A patch that is written as a context manager: what it does at the beginning of each clock, and at its end."""

    def __init__(self, block: Callable[[], AbstractContextManager[object]]) -> None:
        super().__init__()
        self._block = block

    def install(self) -> None:
        self.enter_context(self._block())

    def restore(self) -> None:
        self.close()


def install(patches: Iterable[Patch]) -> list[Patch]:
    """Install all ``patches`` or, if one fails, none; the list to give to `restore`."""
    installed: list[Patch] = []
    try:
        for patch in patches:
            installed.append(patch)
            patch.install()
    except BaseException:
        restore(installed)
        raise
    return installed


def restore(installed: list[Patch]) -> None:
    """Undo ``installed``, last first, all of it even when one of them fails."""
    try:
        while installed:
            installed.pop().restore()
    finally:
        if installed:
            restore(installed)
