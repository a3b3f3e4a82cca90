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
        repr(time.sleep),
        repr(time.time),
        repr(time.monotonic),
        repr(time.monotonic_ns),
        repr(_thread.start_new_thread),
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
