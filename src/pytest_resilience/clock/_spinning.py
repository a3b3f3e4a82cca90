"""Threads that spin: time passes for those who only ask, again and again, whether something has happened.

A loop such as ``while not event.is_set(): pass`` never blocks, so that by the scheduler's rule time would stand still,
and nobody else would have a turn. Here each question that comes to nothing counts as a look; whoever has looked often
enough without ever waiting sleeps for a moment with each further look, in virtual time like any other sleep. How often
is counted, not measured, so that every run takes the same course.
"""

from __future__ import annotations

import functools
import queue
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import Future
from typing import Any

from pytest_resilience.clock._members import current
from pytest_resilience.clock._patches import AttributePatch, Patch

LIMIT = 100_000
"""So many looks, without any waiting in between, are no part of a program's work."""

GLANCE = 1
"""The weight of a look at the clock, or of a step of an event loop, which a program that works takes often."""

NOT_YET = 10
"""The weight of a question that got "not yet" for its answer."""

NOTHING_LEFT = 1_000
"""The weight of a wait for a time of exactly 0 s that somebody computed, and is about to compute again.

Loops of the kind ``while deadline - monotonic() >= 0: wait(deadline - monotonic())``, of which the standard library has
two, would never end if time stayed exactly at their deadline.
"""

SPINNING = "time to pass, spinning"


def step(looks: int) -> int:
    """The nanoseconds that pass with a look after so many: 1 at first, 1,000 after ten times as many."""
    return (looks // LIMIT) ** 3


def trifle(looks: int) -> int:
    """By how many nanoseconds clocks creep for who finds no time left: the wall clock, as a float, has no single ones."""
    return 1 if looks < 10 * NOTHING_LEFT else 1_000


def watched(method: Callable[..., Any], *, nothing: Any = None, refusal: type[Exception] | None = None) -> Any:
    """``method``, of which the result ``nothing`` or the exception ``refusal`` means "not yet"."""

    @functools.wraps(method)
    def ask(*args: Any, **kwargs: Any) -> Any:
        try:
            answer = method(*args, **kwargs)
        except Exception as error:
            if refusal is not None and isinstance(error, refusal):
                _note_look()
            raise
        if refusal is None and answer is nothing:
            _note_look()
        return answer

    return ask


def _note_look() -> None:
    member = current()
    if member is not None:
        member.scheduler.look_again(member, NOT_YET)


def patches() -> Iterator[Patch]:
    """What others ask again and again, as far as it is written in Python."""
    for owner, name, nothing in (
        (threading.Event, "is_set", False),
        (threading.Semaphore, "acquire", False),
        (Future, "done", False),
        (Future, "running", True),
        (queue.Queue, "empty", True),
        (queue.Queue, "full", True),
        (queue.Queue, "qsize", 0),
    ):
        yield AttributePatch(owner, name, watched(getattr(owner, name), nothing=nothing))
    yield AttributePatch(queue.Queue, "get", watched(queue.Queue.get, refusal=queue.Empty))
    yield AttributePatch(queue.Queue, "put", watched(queue.Queue.put, refusal=queue.Full))
