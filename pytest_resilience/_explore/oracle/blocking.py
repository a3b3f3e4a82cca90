"""Whether a task keeps the event loop waiting, and with it everything else there, as a call that blocks does."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Any, Final, Self, final

from pytest_resilience._explore.oracle.suspicion import Suspicion
from pytest_resilience._explore.oracle.watcher import Watcher
from pytest_resilience.clock._plugin import SPINNING, current
from resilience.redact import clean

_LONGEST_NS: Final = 100_000_000  # of virtual time; asyncio's debug mode tells of as much
_IN_PASSING: Final = ("asyncio.sleep", SPINNING)  # the former is awaited, and skipped where nobody else could run


@final
class Blocking(Watcher):
    """Measures each step of a task of asyncio; computing takes no virtual time."""

    def __enter__(self) -> Self:
        real: Callable[[Any], None] = asyncio.Handle._run  # noqa: SLF001  # no public way to see a step

        def run_and_measure(handle: Any) -> None:
            member = current()
            jumps = [] if member is None else member.scheduler.history.jumps
            before = len(jumps)
            real(handle)
            if sum(end - start for start, end, _, what, _ in jumps[before:] if what not in _IN_PASSING) > _LONGEST_NS:
                told = f"{_whose(handle)} waits without await, and so does all else in its event loop"
                self.note_once(Suspicion("blocked loop", told))

        self.callback(setattr, asyncio.Handle, "_run", real)
        asyncio.Handle._run = run_and_measure  # type: ignore[method-assign, assignment]  # noqa: SLF001  # as above
        return self


def _whose(handle: Any) -> str:
    """Return the coroutine whose step it was."""
    task = getattr(handle._callback, "__self__", None)  # noqa: SLF001  # where asyncio keeps it
    coroutine = task.get_coro() if isinstance(task, asyncio.Task) else handle._callback  # noqa: SLF001  # as above
    return clean(str(getattr(coroutine, "__qualname__", "a callback")))
