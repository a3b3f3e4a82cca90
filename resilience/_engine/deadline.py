"""The deadline of the running call: for its attempts to ask about, and for async ones to be cut off at."""

from __future__ import annotations

import time
from contextvars import ContextVar, Token
from types import TracebackType
from typing import Any, Final, final

from resilience._engine.stop import trio_runs_here
from resilience.errors import DeadlineExceededError

_deadline_ns: Final[ContextVar[int | None]] = ContextVar("resilience_deadline_ns", default=None)


def time_left() -> float | None:
    """Return the seconds until the deadline of the call that is running here, at least 0.0; None without a deadline.

    Ask it inside a function that is decorated with ``timeout=``, to pass the rest on to what the function calls. Of
    nested calls the nearest deadline counts.

    Example:
        ``httpx.get(url, timeout=resilience.time_left())``
    """
    deadline = _deadline_ns.get()
    return None if deadline is None else max(deadline - time.monotonic_ns(), 0) / 1e9


def nearest_deadline_ns(own_ns: int | None) -> int | None:
    """Return the deadline that binds a call which may run inside another one; None where neither has any."""
    outer_ns = _deadline_ns.get()
    return own_ns if outer_ns is None else outer_ns if own_ns is None else min(own_ns, outer_ns)


def enter_deadline(at_ns: int) -> Token[int | None]:
    """Make a deadline known, as `Deadline` does in a block, until `leave_deadline` is called with what this returns."""
    return _deadline_ns.set(nearest_deadline_ns(at_ns))


leave_deadline: Final = _deadline_ns.reset


@final
class Deadline:
    """Makes a deadline known to what runs in the ``with`` block, and cuts off what runs in the ``async with`` block.

    Written out rather than as a generator: `contextlib` assigns to the exception that passes, which an exception class
    may refuse.

    Args:
        at_ns: The deadline, in nanoseconds of ``time.monotonic_ns()``.
    """

    def __init__(self, at_ns: int) -> None:
        self._at_ns = at_ns

    def __enter__(self) -> None:
        self._token = enter_deadline(self._at_ns)

    def __exit__(self, *error: object) -> None:
        leave_deadline(self._token)

    async def __aenter__(self) -> None:
        """Start the time of the block.

        Raises:
            DeadlineExceededError: At the end of a block that was cut off. One that ends well in spite of that has
                succeeded.
        """
        self.__enter__()
        left = max(self._at_ns - time.monotonic_ns(), 0) / 1e9
        self._in_trio = trio_runs_here()
        if self._in_trio:
            import trio

            self._limit: Any = trio.move_on_after(left)
            self._limit.__enter__()
        else:
            import asyncio

            self._limit = asyncio.timeout(left)
            await self._limit.__aenter__()

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        try:
            if self._in_trio:
                self._limit.__exit__(kind, error, traceback)
                cut_off = self._limit.cancelled_caught
            else:
                cut_off = False
                await self._limit.__aexit__(kind, error, traceback)
        except TimeoutError:  # which asyncio makes of the cancellation that was its own
            cut_off = True
        finally:
            self.__exit__()
        if cut_off:
            raise DeadlineExceededError(self._at_ns) from None
