"""Sleeping that ends at once when an event is set, for every kind of event and of caller."""

from __future__ import annotations

import inspect
import sys
import threading
from collections.abc import Awaitable, Callable
from typing import Any, Final

_POLL_S: Final = 0.05


def check_stop_event(event: object) -> Any:
    """Return the event, or raise where it is none."""
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


def sleep_unless_set(event: Any) -> Callable[[float], None]:
    """Return a sleep for threads that ends when the event is set."""

    def sleep(seconds: float) -> None:
        event.wait(seconds)

    return sleep


def async_sleep_unless_set(event: Any) -> Callable[[float], Awaitable[None]]:
    """Return a sleep for asyncio and trio that ends when the event is set, also when another thread sets it."""

    async def sleep(seconds: float) -> None:
        if inspect.iscoroutinefunction(event.wait):
            await _within(seconds, event.wait)
        elif isinstance(event, threading.Event):
            await _thread_event(event, seconds)
        else:
            await _polled(event, seconds)

    return sleep


def trio_runs_here() -> bool:
    """Tell whether the caller is a task of trio; anything else async is asyncio."""
    trio = sys.modules.get("trio")
    return trio is not None and bool(trio.lowlevel.in_trio_task())


async def sleep_async(seconds: float) -> None:
    """Sleep in whichever runs the caller, asyncio or trio."""
    if trio_runs_here():
        import trio

        await trio.sleep(seconds)
    else:
        import asyncio

        await asyncio.sleep(seconds)


async def _within(seconds: float, wait: Callable[[], Awaitable[Any]]) -> None:
    if trio_runs_here():
        import trio

        with trio.move_on_after(seconds):
            await wait()
        return
    import asyncio

    try:
        async with asyncio.timeout(seconds) as limit:
            await wait()
    except TimeoutError:
        if not limit.expired():
            raise


class _Waker:
    """Stands among the waiters of a `threading.Event` and, when it is set, wakes a task instead of a thread.

    `threading.Condition` keeps its waiters as locks and releases each to wake it; this is the part of a lock that it
    uses. The alternative is a thread that outlives a cancelled sleep.
    """

    def __init__(self, wake: Callable[[], object]) -> None:
        self._wake = wake

    def release(self) -> None:
        self._wake()


async def _thread_event(event: threading.Event, seconds: float) -> None:
    condition = getattr(event, "_cond", None)
    waiters = getattr(condition, "_waiters", None)
    if condition is None or waiters is None:  # an interpreter that keeps its waiters elsewhere
        await _polled(event, seconds)
        return
    wake, wait = _wake_from_any_thread()
    waker = _Waker(wake)
    with condition:
        if event.is_set():
            return
        waiters.append(waker)
    try:
        await _within(seconds, wait)
    finally:
        with condition:
            if waker in waiters:
                waiters.remove(waker)


def _wake_from_any_thread() -> tuple[Callable[[], object], Callable[[], Awaitable[Any]]]:
    """Return a function that any thread may call, and one that waits for it here."""
    if trio_runs_here():
        import trio

        token, trio_event = trio.lowlevel.current_trio_token(), trio.Event()
        return lambda: token.run_sync_soon(trio_event.set), trio_event.wait
    import asyncio

    loop, asyncio_event = asyncio.get_running_loop(), asyncio.Event()
    return lambda: loop.call_soon_threadsafe(asyncio_event.set), asyncio_event.wait


async def _polled(event: Any, seconds: float) -> None:
    """Look at an event that can't wake a task (one of multiprocessing, say) every 50 ms."""
    await sleep_async(0)  # other tasks get their turn, and a cancellation arrives, however short the sleep
    left = seconds
    while left > 0 and not event.is_set():
        await sleep_async(min(left, _POLL_S))
        left -= _POLL_S
