"""Sleeping that ends at once where a call is to stop, for every kind of event and of caller."""

from __future__ import annotations

import contextlib
import inspect
import math
import os
import sys
import threading
import time
import warnings
from types import BuiltinFunctionType
from typing import Any, Final, final

from resilience._engine.stopping import loops_are_stopped, woken_by
from resilience._support.loaded import loaded

_POLL_S: Final = 0.05  # an event that can wake nobody is noticed so much later at most


def check_stop_event(event: object) -> Any:
    if isinstance(event, type) and hasattr(event, "is_set"):
        raise TypeError(f"stop_event must be an event and not its class, got {event!r}: write {event.__name__}()")
    if not (callable(getattr(event, "is_set", None)) and callable(getattr(event, "wait", None))):
        raise TypeError(f"stop_event must be an event, such as threading.Event() or asyncio.Event(), got {event!r}")
    return event


def check_stop_event_for(event: Any, name: str, *, is_async: bool) -> None:
    """Refuse an event that the function has no way to wait for."""
    if not is_async and inspect.iscoroutinefunction(event.wait):
        raise TypeError(
            f"stop_event of {name!r} is an event of {type(event).__module__.partition('.')[0]}, which only a coroutine "
            "can wait for: make the function async, or pass a threading.Event"
        )


def stops(event: Any) -> bool:
    """Tell whether a call is to stop: by its event, or since all loops of the process are."""
    return loops_are_stopped() or (event is not None and bool(event.is_set()))


@final
class Sleep:
    """A sleep for threads that ends early where the call is to stop, by the stop event of its policy if there is one.

    A `time.sleep` that was replaced, by a mock or by gevent, is called as it is.
    """

    def __init__(self, event: Any) -> None:
        self._event = event

    def __call__(self, seconds: float) -> None:
        event, left = self._event, seconds
        step = _POLL_S if event is not None and _waiters_of(event) is None else seconds
        self._nap(min(left, step))
        while (left := left - step) > 0 and not stops(event):
            self._nap(min(left, step))

    def _nap(self, seconds: float) -> None:
        if seconds <= 0 or not _is_own(time.sleep):
            time.sleep(seconds)
            return
        asleep = threading.Lock()
        asleep.acquire()
        with woken_by(asleep.release, _waiters_of(self._event)):
            if not stops(self._event):
                asleep.acquire(timeout=min(seconds, threading.TIMEOUT_MAX))


@final
class AsyncSleep:
    """A sleep for asyncio and trio that ends early where the call is to stop, whichever thread says so."""

    def __init__(self, event: Any) -> None:
        self._event = event

    async def __call__(self, seconds: float) -> None:
        waiters = _waiters_of(self._event)
        most = seconds if self._is_awaited else math.inf
        if trio_runs_here():
            import trio

            token = trio.lowlevel.current_trio_token()
            with trio.move_on_after(most) as scope, woken_by(lambda: token.run_sync_soon(scope.cancel), waiters):
                await self._pause(seconds)
            return
        import asyncio

        def wake() -> None:
            with contextlib.suppress(RuntimeError):  # it is awake already
                limit.reschedule(loop.time())

        loop, limit = asyncio.get_running_loop(), asyncio.timeout(None if most == math.inf else most)
        with woken_by(lambda: loop.call_soon_threadsafe(wake), waiters):
            try:
                async with limit:
                    await self._pause(seconds)
            except TimeoutError:
                if not limit.expired():
                    raise

    async def _pause(self, seconds: float) -> None:
        event = self._event
        if stops(event):
            return
        if event is None or _waiters_of(event) is not None:
            await sleep_async(seconds)
        elif self._is_awaited:
            await event.wait()
        else:
            await _polled(event, seconds)

    @property
    def _is_awaited(self) -> bool:
        """Whether the event is one of an event loop, whose own wait is limited then."""
        return self._event is not None and inspect.iscoroutinefunction(self._event.wait)


def _is_own(sleep: object) -> bool:
    """Tell whether this is the `time.sleep` of the interpreter."""
    return isinstance(sleep, BuiltinFunctionType) and sleep.__module__ == "time"


def _waiters_of(event: Any) -> Any:
    """Return the waiters of a `threading.Event`, to stand among them; None for any other kind of event."""
    return getattr(getattr(event, "_cond", None), "_waiters", None) if isinstance(event, threading.Event) else None


def trio_runs_here() -> bool:
    """Tell whether the caller is a task of trio; anything else async is asyncio."""
    trio = loaded("trio")
    return trio is not None and bool(trio.lowlevel.in_trio_task())


async def sleep_async(seconds: float) -> None:
    """Sleep in whichever runs the caller, asyncio or trio."""
    if trio_runs_here():
        import trio

        await trio.sleep(seconds)
    else:
        import asyncio

        await asyncio.sleep(seconds)


async def _polled(event: Any, seconds: float) -> None:
    """Look at an event that can't wake a task (one of multiprocessing, say) every 50 ms."""
    await sleep_async(0)  # other tasks get their turn, and a cancellation arrives, however short the sleep
    left = seconds
    while left > 0 and not event.is_set():
        await sleep_async(min(left, _POLL_S))
        left -= _POLL_S


_HERE: Final = os.path.dirname(os.path.dirname(__file__)) + os.sep  # noqa: PTH120  # pathlib is slow to load


def warn_of_blocked_loop(function: str, seconds: float) -> None:
    """Warn where the thread that is about to sleep so long runs an event loop, which stands still meanwhile."""
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
