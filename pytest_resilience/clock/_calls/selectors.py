"""`selectors`, on which event loops and `subprocess` wait.

They are patched besides `select` because they round their timeouts to milliseconds before they get there.
"""

from __future__ import annotations

import selectors
import sys
from collections.abc import Callable, Iterator
from typing import Any

from pytest_resilience.clock._bubble.units import LONGEST
from pytest_resilience.clock._bubble.waiting import current
from pytest_resilience.clock._calls.asyncio import expects_input, timers_of
from pytest_resilience.clock._outside.real_poll import READ, WRITE, Interest
from pytest_resilience.clock._outside.waits import wait_for_input
from pytest_resilience.clock._reach.patches import Patch, function_patches, unpatched

_LONGEST_WAIT = 86_400
"""The seconds for which an event loop of asyncio waits at most: it wakes each day without having anything to do."""


def _selecting(real: Callable[..., list[Any]]) -> Callable[..., list[Any]]:
    """The method ``select`` of a selector class, in virtual time."""

    def select(self: Any, timeout: Any = None) -> list[Any]:
        if timeout is not None and timeout <= 0 and _is_in_loop():
            return real(self, timeout)  # a step of the loop; where it really polls, it lets other threads run
        member = current()
        if member is None:
            return real(self, timeout)
        if timeout is not None and timeout <= 0:
            member.wait_no_time()
            return real(self, timeout)
        loop = _loop(self)
        if timeout is not None and timeout >= _LONGEST_WAIT:
            timeout = _until_next_timer(loop, timeout)
        return (
            wait_for_input(
                member,
                lambda: real(self, 0),
                lambda: _interests(self),
                timeout,
                watch=self.fileno() if hasattr(self, "fileno") else None,
                loop=loop,
                timers=lambda: timers_of(loop, member),
                expects=lambda: loop is None or expects_input(loop),
            )
            or []
        )

    return select


def _is_in_loop() -> bool:
    """Whether an asyncio event loop runs in the calling thread."""
    asyncio = sys.modules.get("asyncio")
    return asyncio is not None and asyncio._get_running_loop() is not None


def _interests(selector: Any) -> list[Interest]:
    """The descriptors that ``selector`` waits for, without the one by which an asyncio loop wakes itself."""
    return [
        (
            key.fd,
            (READ if key.events & selectors.EVENT_READ else 0) | (WRITE if key.events & selectors.EVENT_WRITE else 0),
        )
        for key in selector.get_map().values()
        if _woken_by(key) is None
    ]


def _loop(selector: Any) -> Any:
    """The asyncio event loop that waits by ``selector``, or None."""
    return next((loop for key in selector.get_map().values() if (loop := _woken_by(key)) is not None), None)


def _until_next_timer(loop: Any, timeout: float) -> float | None:
    """How long a loop, which waits a day at most, would wait otherwise; None for a timer that is never due."""
    timers: list[Any] = getattr(loop, "_scheduled", [])
    if not timers:
        return timeout
    left: float = timers[0].when() - loop.time()
    return left if left <= LONGEST else None


def _woken_by(key: selectors.SelectorKey) -> Any:
    """The asyncio event loop that wakes itself by the descriptor of ``key``, or None."""
    callback: Any = getattr(key.data[0], "_callback", None) if isinstance(key.data, tuple) and key.data else None
    return callback.__self__ if getattr(callback, "__name__", "") == "_read_from_self" else None


def patches() -> Iterator[Patch]:
    for owner in (selectors.SelectSelector, selectors.PollSelector, selectors.EpollSelector):
        yield from function_patches(owner, {"select": _selecting(unpatched(owner, "select"))})
