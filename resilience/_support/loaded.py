"""Optional libraries that the program has imported itself, and that are never imported for it."""

from __future__ import annotations

import sys
from types import ModuleType


def loaded(name: str) -> ModuleType | None:
    """Return a module that the program has loaded; None where it has not, or is still loading it.

    A module stands in `sys.modules` before the first of its names does. Another thread that is just importing it has
    used nothing of it yet, so that there is nothing to be missed. A mock in its place, as where documentation is built,
    would say yes to whatever it is asked.
    """
    module = sys.modules.get(name)
    is_loading = getattr(getattr(module, "__spec__", None), "_initializing", False)  # as importlib itself asks
    return module if isinstance(module, ModuleType) and not is_loading else None
