"""What the clock replaces while it is open, as one list that is undone whatever happens."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from contextlib import AbstractContextManager, ExitStack
from typing import Any, Protocol

_INHERITED = object()
"""In the place of what was there before: nothing was, so that restoring means to delete."""


class Patch(Protocol):
    """Something that can be put in place and taken away again."""

    def install(self) -> None: ...

    def restore(self) -> None: ...


class AttributePatch:
    """Replace attributes of a class, a module or another object while installed."""

    def __init__(self, owner: Any, replacements: Mapping[str, object]) -> None:
        self._owner = owner
        self._replacements = replacements
        self._saved: list[tuple[str, object]] = []

    def install(self) -> None:
        own = getattr(self._owner, "__dict__", None)
        for name, replacement in self._replacements.items():
            saved = getattr(self._owner, name) if own is None else own.get(name, _INHERITED)
            self._saved.append((name, saved))
            setattr(self._owner, name, replacement)

    def restore(self) -> None:
        while self._saved:
            name, saved = self._saved.pop()
            if saved is _INHERITED:
                delattr(self._owner, name)
            else:
                setattr(self._owner, name, saved)


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
