"""Queues: `queue.Queue`, and `queue.SimpleQueue`, which is written in C and from which executors take their work."""

from __future__ import annotations

import contextlib
import queue
from _thread import get_ident
from collections import deque
from collections.abc import Callable, Iterator
from typing import Any

from pytest_resilience.clock._bubble.per_clock import PerClock
from pytest_resilience.clock._bubble.waiting import Member, Outcome, Waiter, current, members, wake_strangers, yes
from pytest_resilience.clock._calls.locks import is_idle_at, is_long
from pytest_resilience.clock._calls.questions import asking
from pytest_resilience.clock._outside.strangers import at_rest
from pytest_resilience.clock._reach.native import TypePatch, copies_of
from pytest_resilience.clock._reach.patches import Patch, function_patches, unpatched
from pytest_resilience.clock._reach.unbroken import unbroken


class _Real:
    """What a class of queues in C does by itself. There is one class for each import of its module."""

    def __init__(self, kind: Any) -> None:
        self.get, self.put, self.empty = kind.get, kind.put, kind.empty
        try:
            self.get(kind(), False)
        except Exception as error:  # noqa: BLE001  # an `Empty` of its own, which no name leads to
            self.nothing = type(error)


_NOTHING = contextlib.nullcontext()
_readers: PerClock[dict[Any, deque[Waiter]]] = PerClock(dict)
"""The threads that wait for an item of a queue in C, first come first served."""

listeners: list[Callable[[Any], None]] = []
"""Are told of each queue in C that has got an item from a thread of the bubble."""

outside_readers: PerClock[dict[Any, Callable[[], None]]] = PerClock(dict)
"""Called by threads outside that come to a queue for work: it may take them into the bubble."""


def _simple_queue_get(own: _Real, self: Any, block: bool = True, timeout: float | None = None) -> Any:
    """`queue.SimpleQueue.get`, from which the workers of an executor take their work."""
    join = outside_readers.current.get(self)
    if join is not None and get_ident() not in members:
        join()
    member = current()
    if member is None or (timeout is not None and not is_long(timeout)):
        with at_rest() if own.empty(self) else _NOTHING:
            return own.get(self, block, timeout)
    try:
        return own.get(self, False)
    except own.nothing:
        if not block or timeout == 0:
            _note_nothing(self, member, block)
            raise
    deadline, readers = member.deadline(timeout), _readers.current
    while True:
        waiter = Waiter(
            member,
            deadline,
            "an item in a queue",
            check=lambda: not own.empty(self),
            idle=lambda: is_idle_at(member, self),
            expects=yes,
        )
        outcome = _block(self, readers, waiter)
        try:
            return own.get(self, False)
        except own.nothing:
            if outcome is Outcome.TIMED_OUT:
                raise
            if outcome is Outcome.CLOSED:
                for part in waiter.parts_left():
                    with contextlib.suppress(own.nothing):
                        return own.get(self, True, part)
                return own.get(self, deadline is None)


def _block(items: Any, readers: dict[Any, deque[Waiter]], waiter: Waiter) -> Outcome:
    """Have a thread wait in the line for an item of a queue."""
    line = readers.setdefault(items, deque())
    line.append(waiter)
    try:
        return waiter.member.scheduler.block(waiter)
    finally:
        if waiter in line:
            line.remove(waiter)
        if not line:
            readers.pop(items, None)


def _note_nothing(items: Any, member: Member, block: bool) -> None:
    """Let other threads go first after a look at an empty queue: none that a worker takes before it waits there."""
    if block:
        member.wait_no_time()
    elif not is_idle_at(member, items):
        member.give_way()


def _note_item(items: Any) -> None:
    """Give the item that a queue has got to a thread that waits for it."""
    line = _readers.current.get(items)
    if line is None and items not in outside_readers.current:
        wake_strangers()
    if listeners and current() is not None:
        for listener in listeners:
            listener(items)
    while line:
        try:
            waiter = line.popleft()
        except IndexError:
            return
        if waiter.member.scheduler.fire(waiter, Outcome.NOTIFIED):
            return


def patches() -> Iterator[Patch]:
    for name, refusal in (("get", queue.Empty), ("put", queue.Full)):
        method = unpatched(queue.Queue, name)
        yield from function_patches(queue.Queue, {name: asking(method, refusal=refusal)})
    if queue.SimpleQueue is not queue._PySimpleQueue:  # type: ignore[attr-defined]  # the fallback has a name in CPython only
        for kind in copies_of(queue.SimpleQueue):
            yield _simple_queue_patch(kind)


def _simple_queue_patch(kind: Any) -> TypePatch:
    own = _Real(kind)

    def get(self: Any, block: bool = True, timeout: float | None = None) -> Any:
        return _simple_queue_get(own, self, block, timeout)

    @unbroken
    def put(self: Any, item: Any, block: bool = True, timeout: float | None = None) -> None:
        own.put(self, item, block, timeout)  # before any other call, in which a finalizer could put another one
        _note_item(self)

    return TypePatch(
        kind,
        {
            "get": get,
            "get_nowait": lambda self: get(self, False),
            "put": put,
            "put_nowait": put,
            "empty": asking(own.empty, nothing=True),
            "qsize": asking(kind.qsize, nothing=0),
        },
    )
