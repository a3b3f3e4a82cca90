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

from pytest_resilience.clock._bubble.waiting import Member, current
from pytest_resilience.clock._reach.patches import AttributePatch, Patch

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


def look_again(member: Member, weight: int) -> None:
    """Note that a thread has asked for something and got nothing; time passes for it if it does so on and on."""
    looks = member.looks = member.looks + weight
    length = (looks // LIMIT) ** 3  # 1 ns at first, 1,000 ns after ten times the limit
    if length and member is current():
        member.scheduler.spin(member, length)
        member.looks = looks  # which counts what came before as well


def poll(member: Member, zero: object) -> None:
    """Let every other thread that can run go first, in a wait of 0 s: an int was written so, a float was computed."""
    if isinstance(zero, float):
        find_nothing_left(member, member)
    else:
        look_again(member, NOT_YET)
    member.scheduler.yield_now(member)


def find_nothing_left(member: Member, by: object) -> None:
    """Note a wait for a computed time of exactly 0 s; if it is the second in a row, clocks go on by a trifle."""
    again = member.found_nothing_left == (by, member.scheduler.now)
    member.found_nothing_left = (by, member.scheduler.now)
    look_again(member, NOTHING_LEFT)
    if again:  # the wall clock, as a float, has no single nanoseconds
        member.scheduler.nudge(1 if member.looks < 10 * NOTHING_LEFT else 1_000)


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
        look_again(member, NOT_YET)


def patches() -> Iterator[Patch]:
    """What others ask again and again, as far as it is written in Python."""
    for owner, name, nothing in (
        (threading.Event, "is_set", False),
        (Future, "done", False),
        (Future, "running", True),
        (queue.Queue, "empty", True),
        (queue.Queue, "full", True),
        (queue.Queue, "qsize", 0),
    ):
        yield AttributePatch(owner, name, watched(getattr(owner, name), nothing=nothing))
