"""A warning of what is hard to see: a plain function that sleeps between its attempts where an event loop runs."""

from __future__ import annotations

import os
import sys
import warnings
from typing import Final

from resilience._engine.stop import trio_runs_here
from resilience._support.loaded import loaded

_HERE: Final = os.path.dirname(os.path.dirname(__file__)) + os.sep  # noqa: PTH120  # pathlib is slow to load


def warn_of_blocked_loop(function: str, seconds: float) -> None:
    """Warn where the thread that is about to sleep runs an event loop, which stands still meanwhile.

    Args:
        function: The name of the retried function.
        seconds: How long it is about to sleep.
    """
    asyncio = loaded("asyncio")
    if seconds <= 0 or not ((asyncio is not None and asyncio._get_running_loop()) or trio_runs_here()):  # noqa: SLF001  # get_running_loop() raises where there is none
        return
    warnings.warn(
        f"{function!r} is no async function and waits {seconds:.2f} s for another attempt in a thread that runs an "
        "event loop, which stands still meanwhile: make it async, or call it with asyncio.to_thread()",
        RuntimeWarning,
        stacklevel=_level_of_caller(),
    )


def _level_of_caller() -> int:
    """Return how far up the stack the caller of the retried function is, counted from the function that asks."""
    level, frame = 1, sys._getframe(1)  # noqa: SLF001  # the only way to know who called
    while frame.f_back is not None and frame.f_code.co_filename.startswith(_HERE):
        level, frame = level + 1, frame.f_back
    return level
