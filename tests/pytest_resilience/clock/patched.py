"""What the clock replaces, to be compared."""

from __future__ import annotations

import _thread
import asyncio
import datetime
import queue
import selectors
import threading
import time


def everything_patched():
    """What the clock may touch, to be compared by identity and content."""
    return [
        time.sleep.__self__,
        time.time.__self__,
        time.monotonic.__self__,
        time.monotonic_ns.__self__,
        _thread.start_new_thread.__self__,
        dict(vars(threading.Condition)),
        dict(vars(threading.Thread)),
        dict(vars(threading.Event)),
        dict(vars(type(threading.Lock()))),
        dict(vars(type(threading.RLock()))),
        dict(vars(datetime.datetime)),
        dict(vars(queue.SimpleQueue)),
        dict(vars(selectors.DefaultSelector)),
        dict(vars(selectors.PollSelector)),
        dict(vars(asyncio.BaseEventLoop)),
    ]
