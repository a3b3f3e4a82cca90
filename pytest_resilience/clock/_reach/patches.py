"""What the clock replaces while it is open, as one list that is undone whatever happens."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, Protocol

_INHERITED = object()
"""In the place of what was there before: nothing was, so that restoring means to delete."""


class Patch(Protocol):
    """Something that can be put in place and taken away again."""

    def install(self) -> None: ...

    def restore(self) -> None: ...


class AttributePatch:
    """Replace an attribute of a Python class or module while installed."""

    def __init__(self, owner: Any, name: str, replacement: object) -> None:
        self._owner = owner
        self._name = name
        self._replacement = replacement
        self._saved: list[object] = []

    def install(self) -> None:
        """Set the replacement."""
        self._saved.append(vars(self._owner).get(self._name, _INHERITED))
        setattr(self._owner, self._name, self._replacement)

    def restore(self) -> None:
        """Set what was there before; harmless when it is not installed."""
        while self._saved:
            saved = self._saved.pop()
            if saved is _INHERITED:
                delattr(self._owner, self._name)
            else:
                setattr(self._owner, self._name, saved)


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
