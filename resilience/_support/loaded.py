"""Optional libraries that the program has imported itself, and that are never imported for it."""

from __future__ import annotations

import sys
from types import ModuleType


def is_loading(module: object) -> bool:
    """Tell whether the code of a module has not come to its end, as importlib itself asks."""
    return bool(getattr(getattr(module, "__spec__", None), "_initializing", False))


def loaded(name: str) -> ModuleType | None:
    """Return a module that the program has loaded; None where it has not, or is still loading it.

    A module stands in `sys.modules` before the first of its names does. Another thread that is just importing it has
    used nothing of it yet, so that there is nothing to be missed. A mock in its place, as where documentation is built,
    would say yes to whatever it is asked.
    """
    module = sys.modules.get(name)
    return module if isinstance(module, ModuleType) and not is_loading(module) else None
