"""Whose a fault is: whether it struck in the test's own thread and task, whose errors must come out of the test."""

from __future__ import annotations

import inspect
import sys
import threading
from collections.abc import Callable
from types import FrameType
from typing import Any, Final

_RUNS_A_LOOP: Final = "run_until_complete"  # of asyncio, whose variable of this name is what it waits for:
_AWAITED: Final = "future"


def is_own_context(test: Callable[..., Any], thread: int) -> bool:
    """Tell whether what runs here was called, or awaited, by the test, and not by a thread or task that it started.

    Args:
        test: The test function.
        thread: The number of the thread that it runs in.
    """
    if threading.get_ident() != thread:
        return False
    code = getattr(inspect.unwrap(test), "__code__", None)
    task = current_task()
    frame: FrameType | None = sys._getframe(1)  # noqa: SLF001  # `inspect` would read files
    while frame is not None:
        if frame.f_code is code:
            return True
        if task is not None and frame.f_code.co_name == _RUNS_A_LOOP:
            return frame.f_locals.get(_AWAITED) is task
        frame = frame.f_back
    return task is None


def current_task() -> object | None:
    """Return the task of asyncio that runs; None where there is none, as in trio."""
    asyncio = sys.modules.get("asyncio")
    if asyncio is None:
        return None
    try:
        task: object | None = asyncio.current_task()
    except RuntimeError:  # no loop runs here
        return None
    return task


def cancelled_task(error: BaseException) -> object | None:
    """Return the task that runs, where an error is its cancellation; None where it is none."""
    asyncio = sys.modules.get("asyncio")
    return current_task() if asyncio is not None and isinstance(error, asyncio.CancelledError) else None


def timers_run() -> bool:
    """Tell whether a timer of the running event loop is pending, which may be that of a timeout."""
    import asyncio  # loaded already, by the code that awaits something here

    scheduled: list[Any] = getattr(asyncio.get_running_loop(), "_scheduled", [])
    return any(not each.cancelled() for each in scheduled)
