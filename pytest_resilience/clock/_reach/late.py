"""Patches of modules that are patched when they are there, and not imported to be patched.

A module that a test imports while the clock is open is patched as soon as it has been imported.
"""

from __future__ import annotations

import importlib.machinery
import sys
from collections.abc import Callable, Iterator, Sequence
from importlib.abc import Loader, MetaPathFinder
from types import ModuleType

from pytest_resilience.clock._reach.patches import BlockPatch, Patch, restore

Maker = Callable[[ModuleType], Iterator[Patch]]


class LatePatches(MetaPathFinder):
    """A patch that stands for the patches of many modules: ``makers`` has, by module name, what makes them.

    Attributes:
        stays: Whether `restore` only ends what has to begin anew with each clock, and leaves the rest in place.
    """

    def __init__(self, makers: dict[str, Maker]) -> None:
        self.stays = False
        self._makers = makers
        self._made: dict[str, tuple[list[Patch], list[Patch]]] = {}
        self._in_place: dict[str, list[Patch]] = {}
        self._of_this_clock: list[Patch] = []

    def install(self) -> None:
        """Patch the modules that are loaded, and look out for the others."""
        if self not in sys.meta_path:
            sys.meta_path.insert(0, self)  # the first one that finds a module loads it
        for name in self._makers:
            module = sys.modules.get(name)
            # One that another thread is importing has not all of its names yet. It stays real for this clock.
            if module is not None and not getattr(module.__spec__, "_initializing", False):
                self._patch(name, module)

    def restore(self) -> None:
        """Undo all of it; harmless when nothing is installed."""
        try:
            restore(self._of_this_clock)
        finally:
            if not self.stays:
                self._restore_all()

    def _restore_all(self) -> None:
        if self in sys.meta_path:
            sys.meta_path.remove(self)
        while self._in_place:
            restore(self._in_place.popitem()[1])

    def _patch(self, name: str, module: ModuleType) -> None:
        if name not in self._made:
            patches = list(self._makers[name](module))
            self._made[name] = (
                [each for each in patches if not isinstance(each, BlockPatch)],
                [each for each in patches if isinstance(each, BlockPatch)],
            )
        lasting, of_each_clock = self._made[name]
        if name not in self._in_place:
            installed = self._in_place[name] = []
            for patch in lasting:
                installed.append(patch)
                patch.install()
        for patch in of_each_clock:
            self._of_this_clock.append(patch)
            patch.install()

    def find_spec(
        self, fullname: str, path: Sequence[str] | None, target: ModuleType | None = None
    ) -> importlib.machinery.ModuleSpec | None:
        """Let the other finders find the module, and have it patched when it has been loaded."""
        if fullname not in self._makers:
            return None
        for finder in sys.meta_path:
            if finder is not self:
                spec = finder.find_spec(fullname, path, target)
                if spec is not None and spec.loader is not None:
                    spec.loader = _PatchingLoader(spec.loader, lambda module: self._patch(fullname, module))
                    return spec
        return None


class _PatchingLoader(Loader):
    """Loads with another loader, then calls ``done``."""

    def __init__(self, loader: Loader, done: Callable[[ModuleType], None]) -> None:
        self._loader = loader
        self._done = done

    def create_module(self, spec: importlib.machinery.ModuleSpec) -> ModuleType | None:
        return self._loader.create_module(spec)

    def exec_module(self, module: ModuleType) -> None:
        if module.__spec__ is not None:
            module.__spec__.loader = self._loader
        module.__loader__ = self._loader
        self._loader.exec_module(module)
        self._done(module)
