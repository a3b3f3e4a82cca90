"""An event to wait for that no signal handler can break."""

from __future__ import annotations

import contextlib
import threading
from typing import final


@final
class Latch:
    """Closed until it is opened, and open from then on.

    `threading.Event` is written in Python: an exception that a signal handler raises inside its ``wait`` can keep its
    lock, so that ``set`` hangs for ever. This one is made of single calls into C.

    Attributes:
        is_open: Whether it was opened.
    """

    __slots__ = ("_lock", "is_open")

    def __init__(self) -> None:
        self.is_open = False
        self._lock = threading.Lock()
        self._lock.acquire()

    def open(self) -> None:
        """Let through all that wait, and all that will."""
        self.is_open = True
        with contextlib.suppress(RuntimeError):  # it is open already
            self._lock.release()

    def wait(self, timeout: float | None = None) -> bool:
        """Wait until it is open, at most so many seconds; tell whether it is."""
        most_s = -1 if timeout is None else min(timeout, threading.TIMEOUT_MAX)
        if not self.is_open and self._lock.acquire(timeout=most_s):
            self._lock.release()  # for the next one who waits
        return self.is_open
