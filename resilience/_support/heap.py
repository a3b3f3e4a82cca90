"""All objects there are, as far as the garbage collector knows them, also those that `gc.freeze` has hidden from it.

They stay thawed: to freeze them anew would keep for ever what is garbage by now. That costs time, and changes nothing.
"""

from __future__ import annotations

import gc
from typing import Any


def every_object() -> list[Any]:
    """Return all objects that may hold others: containers, functions, classes, and what has attributes."""
    gc.unfreeze()
    return gc.get_objects()


def referrers(*wanted: object) -> list[Any]:
    """Return all that refers to any of these objects."""
    gc.unfreeze()
    return [each for each in gc.get_referrers(*wanted) if each is not wanted]  # the arguments refer to it, too
