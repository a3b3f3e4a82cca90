"""The deadline of the running call: for its attempts to ask about, and for async ones to be cut off at.

What a signal handler raises may strike between any two calls, also where a block is entered or left. So a deadline
counts only while it is open. The code that made one closes it by a plain assignment as a ``finally`` begins,
where nothing can come in between; then what is left behind in a context is passed over, and forgotten with the next.
"""

from __future__ import annotations

import contextlib
import time
from contextvars import ContextVar
from typing import Any, Final, final

from resilience._engine.stop import trio_runs_here
from resilience.errors import DeadlineExceededError

_known: Final[ContextVar[Deadline | None]] = ContextVar("resilience_deadline", default=None)


def time_left() -> float | None:
    """Return the seconds until the deadline of the call that is running here, at least 0.0; None without a deadline.

    Ask it inside a function that is decorated with ``timeout=``, to pass the rest on to what the function calls. Of
    nested calls the nearest deadline counts.

    Example:
        ``httpx.get(url, timeout=resilience.time_left())``
    """
    deadline = _current()
    return None if deadline is None else max(deadline.nearest_ns - time.monotonic_ns(), 0) / 1e9


def nearest_deadline_ns(own_ns: int | None) -> int | None:
    """Return the deadline that binds a call which may run inside another one; None where neither has any."""
    outer = _current()
    return own_ns if outer is None else outer.nearest_ns if own_ns is None else min(own_ns, outer.nearest_ns)


def _current() -> Deadline | None:
    deadline = _known.get()
    while deadline is not None and not deadline.open:
        deadline = deadline.outer
    return deadline


@final
class Deadline:
    """A deadline, for the length of an attempt; an ``async with`` block in it is cut off there.

    Written out rather than as a generator: `contextlib` assigns to the exception that passes, which an exception class
    may refuse.

    Args:
        at_ns: The deadline, in nanoseconds of ``time.monotonic_ns()``; None where there is none, and it never counts.

    Attributes:
        open: Whether it counts. The code that made it sets this to false and then calls `leave`, whatever happens.
        nearest_ns: It, or the deadline of an outer call that comes earlier.
        outer: What counted before.
    """

    __slots__ = ("_at_ns", "_in_trio", "_limit", "nearest_ns", "open", "outer")

    def __init__(self, at_ns: int | None) -> None:
        self._at_ns = at_ns or 0
        self._in_trio = False
        self._limit: Any = None
        self.open = at_ns is not None
        self.outer: Deadline | None = _current()
        self.nearest_ns: int = self._at_ns if self.outer is None else min(self._at_ns, self.outer.nearest_ns)

    def begin(self) -> None:
        """Make the deadline known to what runs from here on."""
        if self.open:
            _known.set(self)

    def leave(self) -> None:
        """Leave things as they were before, as far as this is the context that it was begun in."""
        if self._limit is not None and not self._in_trio:
            with contextlib.suppress(RuntimeError):  # it has ended already, as it should
                self._limit.reschedule(None)
        if _known.get() is self:
            _known.set(self.outer)

    async def __aenter__(self) -> None:
        """Start the time of the block.

        Raises:
            DeadlineExceededError: At the end of a block that was cut off. One that ends well in spite of that has
                succeeded.
        """
        if not self.open:
            return
        left = max(self._at_ns - time.monotonic_ns(), 0) / 1e9
        self._in_trio = trio_runs_here()
        if self._in_trio:
            import trio

            self._limit = trio.move_on_after(left)
            self._limit.__enter__()
        else:
            import asyncio

            self._limit = asyncio.timeout(left)
            await self._limit.__aenter__()

    async def __aexit__(self, *error: object) -> None:
        if self._limit is None:
            return
        try:
            if self._in_trio:
                self._limit.__exit__(*error)
                cut_off = self._limit.cancelled_caught
            else:
                cut_off = False
                await self._limit.__aexit__(*error)
        except TimeoutError:  # which asyncio makes of the cancellation that was its own
            cut_off = True
        if cut_off:
            raise DeadlineExceededError(self._at_ns) from None
