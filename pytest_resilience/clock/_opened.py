"""The clock that is open."""

from __future__ import annotations

from typing import Any, Final

open_clocks: Final[list[Any]] = []
"""The `VirtualClock`, at most one, since clocks do not nest."""
