"""What the clock needs of the interpreter and of the system, and how it says that it does not have it.

This module imports nothing of the clock: it is asked before the rest is imported, which would fail without a reason.
"""

from __future__ import annotations

import os
import sys
from _thread import get_native_id
from functools import cache

_NEEDED = {
    "/proc/self/task/{thread}/stat": "whether a thread runs or waits",
    "/proc/self/task/{thread}/schedstat": "whether a thread has computed",
    "/proc/self/task/{thread}/children": "which child processes there are",
    "/proc/self/fd": "who has the other end of a pipe",
    "/proc/self/fdinfo": "what an epoll object waits for",
}
"""The files and folders that the clock reads, and what they tell. Without one it would hang, or time pass too early."""


def wrong_platform() -> str | None:
    """Why the clock cannot even be imported here, if it cannot."""
    if sys.implementation.name != "cpython":
        return (
            "virtual time needs CPython, since it redirects functions that are written in C, and this is "
            f"{sys.implementation.name}; run this test on CPython, or without the virtual clock"
        )
    if sys.platform != "linux":
        return (
            "virtual time needs Linux, since it reads in /proc what threads and processes outside the clock do, and "
            f"this is {sys.platform}; run this test on Linux, for example in a container, or without the virtual clock"
        )
    return None


@cache
def missing() -> str | None:
    """What the clock needs and does not have here, if anything. That does not change while the process runs."""
    if not getattr(sys, "_is_gil_enabled", lambda: True)():
        return (
            "virtual time needs the global interpreter lock (GIL), without which threads would run at the same time, "
            "and this free-threaded Python has switched it off; run this test on a standard build of CPython, or "
            "without the virtual clock"
        )
    for path, told in _NEEDED.items():
        if not _is_readable(path.format(thread=get_native_id())):
            return (
                f"virtual time needs {path.format(thread='<thread>')}, which tells {told}, and this kernel or sandbox "
                "does not have it; run this test where /proc is complete, as in an ordinary container, or without the "
                "virtual clock"
            )
    return None


def _is_readable(path: str) -> bool:
    try:
        if os.path.isdir(path):
            return bool(os.listdir(path))
        os.sched_yield()  # the kernel counts what a thread has computed as it looks for another one to run
        with open(path, "rb") as file:  # bytes, as the first text of a process in ASCII loads the module for it
            # A kernel that does not count says "0 0 0".
            return not file.read().startswith(b"0 ")
    except OSError:
        return False
