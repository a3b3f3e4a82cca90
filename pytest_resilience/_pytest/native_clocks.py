"""Libraries that read the time in C or Rust, where the virtual clock can't reach them."""

from __future__ import annotations

import sys
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


def said_of_native_clocks() -> str:
    """Name those that this process has imported, for the report of a failure in virtual time; empty for none."""
    found = [reading for module, reading in _READINGS.items() if module in sys.modules]
    return f"in real time, whatever the virtual clock shows: {'; '.join(found)}" if found else ""
