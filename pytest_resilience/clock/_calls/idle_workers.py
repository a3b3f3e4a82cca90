"""Workers of thread pools that wait for work: they are no part of a deadlock, and end with the clock."""

from __future__ import annotations

import queue
from typing import Any

from pytest_resilience.clock._bubble.waiting import Member


def is_idle_at(member: Member, place: object) -> bool:
    """Whether a thread is a worker that waits for work wherever it waits at ``place``, a queue, condition or lock."""
    return member.thread is not None and place is _where_idle(member.thread)


def _where_idle(thread: Any) -> object:
    """The queue or lock at which a worker thread of the standard library's, anyio's or trio's pool waits for work."""
    if type(thread).__module__ == "anyio._backends._asyncio":
        return thread.queue.not_empty
    target = getattr(thread, "_target", None)
    if getattr(target, "__module__", "") == "concurrent.futures.thread":
        return next((argument for argument in thread._args if isinstance(argument, queue.SimpleQueue)), None)
    return getattr(getattr(target, "__self__", None), "_worker_lock", None)
