"""Where the threads of this process stand."""

from __future__ import annotations

import sys
from _thread import get_ident
from types import FrameType

from pytest_resilience.clock._reach import real
from resilience.testing import STAND_IN_FILE

_PACKAGE = "pytest_resilience.clock"  # and not `__name__`, so that the clock's other folders are left out as well
_NO_PROGRAM = sys.stdlib_module_names | {_PACKAGE.partition(".")[0]}


def frames_of_others() -> dict[int, FrameType]:
    """Where all threads but the calling one stand, by identifier.

    The own frame is left out: a function that keeps it keeps all that its callers have at hand, in a cycle.
    """
    # CPython 3.11 collects garbage in there while it holds a lock: a finalizer that lets another thread ask the same
    # hangs both, and with them the process.
    with real.uncollected():
        frames = sys._current_frames()
    del frames[get_ident()]
    return frames


def thread_at(name: str, ident: int) -> str:
    """A thread by its name and by the line of the program where it stands, if that can be told."""
    frame = frames_of_others().get(ident)
    while frame is not None and (is_ours(frame) or module_of(frame).partition(".")[0] in _NO_PROGRAM):
        frame = frame.f_back
    place = "" if frame is None else f" at {frame.f_code.co_filename.rpartition('/')[2]}:{frame.f_lineno}"
    return f"thread {name!r}{place}"


def is_ours(frame: FrameType) -> bool:
    """Whether the clock's own code runs in ``frame``, or what leads to it in the place of another function."""
    return module_of(frame).startswith(_PACKAGE) or frame.f_code.co_filename == STAND_IN_FILE


def module_of(frame: FrameType) -> str:
    return str(frame.f_globals.get("__name__", ""))
