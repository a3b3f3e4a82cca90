"""A gate that calls wait at, in threads and in tasks of asyncio and trio, until it opens or the fault is over."""

from __future__ import annotations

import contextlib
import threading
from collections.abc import Awaitable, Callable, Iterator
from typing import final

from resilience._engine.stop import trio_runs_here


class ReleasedError(BaseException):
    """Ends a call that a fault had made to wait, when the fault is disarmed or the test ends.

    A `BaseException`, so that the code under test does not take it for an error of the function and try again.
    """


def name_of_task() -> str:
    """Return the name of the task of asyncio or trio that runs."""
    if trio_runs_here():
        import trio

        return trio.lowlevel.current_task().name
    import asyncio

    task = asyncio.current_task()
    return task.get_name() if task else "a callback"


@final
class Gate:
    """Holds every caller until it is opened; those waiting when it closes for good end by `ReleasedError`."""

    def __init__(self, what: str) -> None:
        self._what = what
        self._changed = threading.Condition()
        self._tickets = 0
        self._is_over = False
        self._waiting: dict[object, tuple[str, Callable[[], object]]] = {}

    @property
    def waiting(self) -> list[str]:
        """The names of the threads and tasks that wait here."""
        with self._changed:
            return [name for name, _ in self._waiting.values()]

    @property
    def count(self) -> int:
        """How many of them there are; no lock is taken to see it."""
        return len(self._waiting)

    def open(self, *, is_over: bool = False) -> None:
        """Let the callers through that wait now, and none that come later; end all of them if the fault is over."""
        with self._changed:
            self._tickets += 1
            self._is_over = self._is_over or is_over
            self._changed.notify_all()
            wakers = [wake for _, wake in self._waiting.values()]
        for wake in wakers:
            wake()

    def wait_reached(self, count: int) -> None:
        with self._changed:
            self._changed.wait_for(lambda: len(self._waiting) >= count)

    def wait(self, timeout: float | None = None) -> bool:
        """Wait in a thread, for so many seconds at most; tell whether it opened."""
        key = object()
        with self._changed:
            tickets = self._enter(key, threading.current_thread().name)
            try:
                is_open = self._changed.wait_for(lambda: self._is_over or self._tickets != tickets, timeout)
            finally:
                del self._waiting[key]
        self.check()
        return is_open

    async def wait_async(self) -> None:
        """Wait in a task of asyncio or trio."""
        wake: Callable[[], object]
        wait: Callable[[], Awaitable[object]]
        if trio_runs_here():
            import trio

            token, reached = trio.lowlevel.current_trio_token(), trio.Event()
            wake, wait = lambda: token.run_sync_soon(reached.set), reached.wait
        else:
            import asyncio

            loop, event = asyncio.get_running_loop(), asyncio.Event()
            wake, wait = lambda: loop.call_soon_threadsafe(event.set), event.wait
        with self.admitted(name_of_task(), wake):
            await wait()
        self.check()

    @contextlib.contextmanager
    def admitted(self, name: str, wake: Callable[[], object]) -> Iterator[None]:
        """Call ``wake`` when the gate opens or closes for good, for a caller that waits in the ``with`` block.

        Raises:
            ReleasedError: It has closed for good already.
        """
        key = object()
        with self._changed:
            self._enter(key, name, wake)
        try:
            yield
        finally:
            with self._changed:
                del self._waiting[key]

    def _enter(self, key: object, name: str, wake: Callable[[], object] = int) -> int:
        if self._is_over:
            raise ReleasedError(f"{self._what} is over")
        self._waiting[key] = name, wake
        self._changed.notify_all()
        return self._tickets

    def check(self) -> None:
        """Raise where it has closed for good."""
        if self._is_over:
            raise ReleasedError(f"{self._what} is over, and so is the call that it had made to wait")
