"""Whether a queue without a limit fills up: what it is fed goes on, and who empties it is late or gone."""

from __future__ import annotations

import asyncio
import queue
import sys
from collections.abc import Callable
from types import FrameType
from typing import Any, Final, Self, final

from pytest_resilience._explore.oracle.suspicion import Suspicion, is_users, place_of_frame
from pytest_resilience._explore.oracle.watcher import Watcher
from pytest_resilience.clock._plugin import queues

_MOST: Final = 50  # items; a run without faults may hold as many, and then it is no finding
_KINDS: Final[tuple[Any, ...]] = (
    *(queue.Queue, queue.LifoQueue, queue.PriorityQueue),
    *(asyncio.Queue, asyncio.LifoQueue, asyncio.PriorityQueue),
)
_QUEUES: Final = {queue.__file__, asyncio.queues.__file__, queues.__file__}


@final
class Backlogs(Watcher):
    """Looks at each item that is put into a queue of the standard library."""

    def __enter__(self) -> Self:
        for kind in _KINDS:
            self.callback(setattr, kind, "_put", kind._put)  # noqa: SLF001  # what all its ways of putting come by
            kind._put = self._counting(kind._put)  # noqa: SLF001  # as above
        queues.listeners.append(self._count_simple)
        self.callback(queues.listeners.remove, self._count_simple)
        return self

    def _counting(self, put: Callable[..., Any]) -> Callable[..., Any]:
        def put_and_count(each: Any, item: Any) -> None:
            put(each, item)
            size = getattr(each, "_qsize", each.qsize)  # the former takes no lock, which is held
            if each.maxsize <= 0 and size() == _MOST + 1:
                self._note_full(sys._getframe(1))  # noqa: SLF001  # `inspect` would read files

        return put_and_count

    def _count_simple(self, each: queue.SimpleQueue[Any]) -> None:
        if each.qsize() == _MOST + 1:
            self._note_full(sys._getframe(1))  # noqa: SLF001  # as above

    def _note_full(self, frame: FrameType | None) -> None:
        where = _feeder(frame)
        if where is not None:
            told = f"a queue without a limit held more than {_MOST} items"
            self.note_once(Suspicion("unbounded queue", told, where))


def _feeder(frame: FrameType | None) -> str | None:
    """Return where the program puts something into the queue; None where a library does."""
    while frame is not None and frame.f_code.co_filename in _QUEUES:
        frame = frame.f_back
    if frame is None or not is_users(frame.f_code.co_filename):
        return None
    return place_of_frame(frame)
