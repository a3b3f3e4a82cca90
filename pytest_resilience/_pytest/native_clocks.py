"""Libraries that read the time in C or Rust, where the virtual clock can't reach them."""

from __future__ import annotations

import sys
from types import BuiltinFunctionType
from typing import Final

_READINGS: Final = {
    "cachebox": "how long cachebox keeps an item",
    "duckdb": "now() of DuckDB",
    "grpc": "deadlines of gRPC",
    "numpy": "numpy.datetime64('now')",
    "pydantic_core": "PastDate and its like in pydantic",
    "sqlite3": "CURRENT_TIMESTAMP and the busy timeout of SQLite",
}
"""What stays real, by the module that has been imported where a test may use it."""

_LOADS_IT_TOO: Final = {"sqlite3": "freezegun"}
"""A library that imports another one for its own needs, which is no sign that a test uses that."""


def _is_used(module: str) -> bool:
    """Tell whether anything but the library that always does so has imported this one."""
    loader = _LOADS_IT_TOO.get(module)
    if module not in sys.modules or loader not in sys.modules:
        return module in sys.modules
    its_own = {module, f"_{module}", loader}
    others = (each for name, each in list(sys.modules.items()) if name.partition(".")[0] not in its_own)
    parts = _parts_of(module)
    return any(not parts.isdisjoint(map(id, list(getattr(each, "__dict__", {}).values()))) for each in others)


def _parts_of(module: str) -> set[int]:
    """Return the identities of a module, its classes and functions, by which to look through all modules is quick."""
    named = {module, f"_{module}"}
    held = [each for name in named & sys.modules.keys() for each in vars(sys.modules[name]).values()]
    parts = [each for each in held if isinstance(each, (type, BuiltinFunctionType)) and each.__module__ in named]
    return {id(sys.modules[module]), *map(id, parts)}


def said_of_native_clocks() -> str:
    """Name those that this process has imported, for the report of a failure in virtual time; empty for none."""
    found = [reading for module, reading in _READINGS.items() if _is_used(module)]
    return f"in real time, whatever the virtual clock shows: {'; '.join(found)}" if found else ""
