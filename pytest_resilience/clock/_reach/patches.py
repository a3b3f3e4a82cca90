"""What the clock replaces while it is open, as one list that is undone whatever happens."""

from __future__ import annotations

import gc
from collections.abc import Callable, Iterable, Mapping
from contextlib import AbstractContextManager, ExitStack
from types import FunctionType
from typing import Any, Protocol

_INHERITED = object()
"""In the place of what was there before: nothing was, so that restoring means to delete."""


class Patch(Protocol):
    """Something that can be put in place and taken away again."""

    def install(self) -> None: ...

    def restore(self) -> None: ...


class AttributePatch:
    """Replace attributes of a class, a module or another object while installed.

    A mock or a guard that a test has put in the place of a method stays there, and is what is called. One that comes
    while this is installed stays as well; taken away later than the clock, it leaves the replacement behind, which does
    what the method does until the next clock takes that away.
    """

    def __init__(self, owner: Any, replacements: Mapping[str, object]) -> None:
        self._owner = owner
        self._replacements = replacements
        self._saved: list[tuple[str, object]] = []
        self._before: dict[str, object] = {}

    def install(self) -> None:
        own = getattr(self._owner, "__dict__", None)
        for name, replacement in self._replacements.items():
            saved = getattr(self._owner, name) if own is None else own.get(name, _INHERITED)
            if saved is replacement and name in self._before:  # left by a mock that outlived the latest clock
                saved = self._before[name]
            elif is_foreign(self._owner, name):
                continue
            self._before[name] = saved
            self._saved.append((name, saved))
            setattr(self._owner, name, replacement)

    def restore(self) -> None:
        while self._saved:
            name, saved = self._saved.pop()
            if isinstance(self._owner, type) and vars(self._owner).get(name) is not self._replacements[name]:
                continue
            if saved is _INHERITED:
                delattr(self._owner, name)
            else:
                setattr(self._owner, name, saved)


def is_foreign(owner: object, name: str) -> bool:
    """Whether a method is not the one that its class was written with; nothing is known of modules and objects."""
    if not isinstance(owner, type):
        return False
    method = getattr(owner, name)
    if hasattr(method, "__objclass__"):  # it is written in C
        return False
    module = getattr(method, "__module__", None)
    return all(home.__module__ != module for home in owner.__mro__)


def unpatched(owner: Any, name: str) -> Any:
    """A class of a module, or a method of a class, as it was written, also while a test has put a mock in its place."""
    if isinstance(owner, type):
        found, qualname, module = not is_foreign(owner, name), f"{owner.__qualname__}.{name}", owner.__module__
    else:
        found, qualname, module = isinstance(getattr(owner, name), type), name, owner.__name__
    if found:
        return getattr(owner, name)
    wanted = (module, qualname)
    for candidate in gc.get_objects():
        if isinstance(candidate, (FunctionType, type)) and (candidate.__module__, candidate.__qualname__) == wanted:
            return candidate
    raise RuntimeError(
        f"{module}.{qualname} has been replaced by {getattr(owner, name)!r} and the original is gone; open the virtual "
        "clock before whatever replaced it"
    )


class BlockPatch(ExitStack):
    """A patch that is written as a context manager: what it does before and after its block."""

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
    while installed:
        try:
            installed.pop().restore()
        finally:
            restore(installed)
