"""Optional libraries that the program has imported itself, and that are never imported for it."""

from __future__ import annotations

import sys
from types import ModuleType


def loaded(name: str) -> ModuleType | None:
    """Return a module that the program has loaded; None where it has not, or is still loading it.

    A module stands in `sys.modules` before the first of its names does. Another thread that is just importing it has
    used nothing of it yet, so that there is nothing to be missed.
    """
    module = sys.modules.get(name)
    is_loading = getattr(getattr(module, "__spec__", None), "_initializing", False)  # as importlib itself asks
    return None if is_loading else module
