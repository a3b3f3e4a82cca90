"""The HTTP and TCP places that tests have open, for a tool that tries all of them."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Final, TypeAlias, final

from pytest_resilience._faults.injection import Place


@final
@dataclass(frozen=True, slots=True)
class ServedPlace:
    """A route or a proxy that is open.

    Attributes:
        place: Makes the place where injections are armed.
        name: What it is called, the same in each run of a test: no port that the system has chosen is in it.
        written: The code that stands for it in a test; empty where none would, None where that is its name.
    """

    place: Callable[[], Place]
    name: str
    written: str | None


Watcher: TypeAlias = Callable[[ServedPlace], Callable[[], object]]
"""Called with each place, and returns what is called when that closes."""


@final
class Served:
    """Knows every route and proxy that is open, and tells a watcher."""

    def __init__(self) -> None:
        self._open: dict[object, ServedPlace] = {}
        self._undo: dict[object, Callable[[], object]] = {}
        self._watcher: Watcher | None = None

    def add(self, target: object, place: Callable[[], Place], name: str, written: str) -> None:
        """Note a route or proxy that has opened; one whose name is taken gets a number, and no code stands for it."""
        taken = {each.name for each in self._open.values()}
        same = sum(each == name or each.startswith(f"{name} (") for each in taken)
        opened = ServedPlace(place, f"{name} ({same + 1})", "") if same else ServedPlace(place, name, written)
        self._open[target] = opened
        if self._watcher is not None:
            self._undo[target] = self._watcher(opened)

    def remove(self, target: object) -> None:
        self._open.pop(target, None)
        self._undo.pop(target, lambda: None)()

    @contextlib.contextmanager
    def watched(self, watcher: Watcher) -> Iterator[None]:
        """Tell a watcher of every place that is open, and of each that opens in the ``with`` block."""
        self._watcher = watcher
        try:
            for target, opened in list(self._open.items()):
                self._undo[target] = watcher(opened)
            yield
        finally:
            self._watcher = None
            while self._undo:
                self._undo.popitem()[1]()


served: Final = Served()
