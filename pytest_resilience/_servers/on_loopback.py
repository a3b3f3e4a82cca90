"""What the HTTP server and the TCP proxy have in common: how they open and close."""

from __future__ import annotations

from collections.abc import Callable
from typing import Self

from pytest_resilience._openings import note_closed, note_open
from pytest_resilience._servers.loop_thread import LoopThread
from pytest_resilience._uninterrupted import Uninterrupted


class OnLoopback:
    """A server at a port of loopback, for the length of a ``with`` block.

    Args:
        loop: Where it runs; None for a loop of its own, which makes it a tool that a test has to close.
        now: Tells the time.
    """

    host = "127.0.0.1"

    def __init__(self, loop: LoopThread | None, now: Callable[[], float]) -> None:
        self._loop = loop or LoopThread()
        self._owns_loop = loop is None
        self._now = now
        self.port = 0

    def __enter__(self) -> Self:
        self._loop.run(self._open())
        if self._owns_loop:
            note_open(self)
        return self

    def __exit__(self, *_: object) -> None:
        with Uninterrupted():
            note_closed(self)
            try:
                self._loop.run(self._close())
            finally:
                if self._owns_loop:
                    self._loop.stop()

    async def _open(self) -> None:
        raise NotImplementedError

    async def _close(self) -> None:
        raise NotImplementedError
