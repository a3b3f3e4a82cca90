"""One event loop in a thread of its own, on which all servers of a test run.

Inside a virtual clock the thread belongs to the bubble, so that what a server waits for takes no real time.
"""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Callable, Coroutine
from typing import Any, TypeVar, final

T = TypeVar("T")


@final
class LoopThread:
    """Runs an event loop from its first use until `stop`."""

    def __init__(self) -> None:
        self._loop: asyncio.AbstractEventLoop | None = None
        self._thread: threading.Thread | None = None
        self._starting = threading.Lock()

    @property
    def loop(self) -> asyncio.AbstractEventLoop:
        with self._starting:
            if self._loop is None:
                # A selector loop, whatever policy the program under test has: uvloop has no virtual time.
                self._loop = asyncio.SelectorEventLoop()
                self._thread = threading.Thread(
                    target=self._run, args=(self._loop,), name="resilience servers", daemon=True
                )
                self._thread.start()
        return self._loop

    def run(self, work: Coroutine[Any, Any, T]) -> T:
        """Run a coroutine on the loop and return its result; the calling thread waits."""
        return asyncio.run_coroutine_threadsafe(work, self.loop).result()

    def call(self, function: Callable[..., T], *args: Any) -> T:
        """Call a function on the loop and return its result; the calling thread waits."""

        async def work() -> T:
            return function(*args)

        return self.run(work())

    def stop(self) -> None:
        """End the loop and its thread; harmless when they never began."""
        loop, thread = self._loop, self._thread
        self._loop = self._thread = None
        if loop is None or thread is None:
            return
        loop.call_soon_threadsafe(loop.stop)
        thread.join()

    @staticmethod
    def _run(loop: asyncio.AbstractEventLoop) -> None:
        asyncio.set_event_loop(loop)
        try:
            loop.run_forever()
        finally:
            leftovers = asyncio.all_tasks(loop)
            for task in leftovers:
                task.cancel()
            loop.run_until_complete(asyncio.gather(*leftovers, return_exceptions=True))
            loop.close()
