"""Where the threads of this process stand."""

from __future__ import annotations

import sys
from _thread import get_ident
from types import FrameType

_PACKAGE = "pytest_resilience.clock"  # and not `__name__`: all of the clock is left out, whatever folder it is in


def frames_of_others() -> dict[int, FrameType]:
    """Where all threads but the calling one stand, by identifier.

    Whoever keeps its own frame keeps, in a cycle, all that its callers have at hand until garbage is collected.
    """
    frames = sys._current_frames()
    del frames[get_ident()]
    return frames


def is_ours(frame: FrameType) -> bool:
    """Whether the clock's own code runs in ``frame``."""
    return str(frame.f_globals.get("__name__", "")).startswith(_PACKAGE)
