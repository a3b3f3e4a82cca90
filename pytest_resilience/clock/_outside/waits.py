"""The wait for something outside that everything built on descriptors shares.

It is a wait in virtual time which input ends early: whenever nothing in the bubble can run, and before time moves, the
real descriptors are polled.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable
from typing import Any

from pytest_resilience.clock._bubble.left_behind import left_behind
from pytest_resilience.clock._bubble.outsider import Outsider
from pytest_resilience.clock._bubble.waiting import Member, Outcome, Waiter
from pytest_resilience.clock._outside.children import child_outsiders
from pytest_resilience.clock._outside.descriptors import is_older_pipe, outsiders
from pytest_resilience.clock._outside.real_poll import READ, Interest, ready
from pytest_resilience.clock._outside.silence import silence
from pytest_resilience.clock._reach import real

_BLIND, _SIGHTED = 0.001, 0.05
"""The real seconds between two looks, without a descriptor that tells at once, and with one, which may be closed."""


def wait_until(waiter: Waiter) -> Any:
    """Wait until the check of ``waiter`` returns something true, and return that; None in the end, if it has not."""
    assert waiter.check is not None
    outcome = waiter.member.scheduler.block(waiter)
    if outcome is Outcome.CLOSED and waiter.loop is None and (waiter.descriptors or waiter.deadline is not None):
        return _wait_in_real_time(waiter, waiter.check)
    return (waiter.result or waiter.check()) if outcome is Outcome.NOTIFIED else None


def _wait_in_real_time(waiter: Waiter, check: Callable[[], Any]) -> Any:
    """Wait for what is left of a wait in the middle of which the clock has closed; an event loop looks by itself."""
    seconds = waiter.member.left(waiter.deadline)
    until = math.inf if seconds is None else real.monotonic() + seconds
    pause = _BLIND if waiter.descriptors is None else _SIGHTED
    while not (found := check()) and (left := until - real.monotonic()) > 0:
        left_behind.check()
        ready(waiter.watched(), min(left, pause) * 1000)
    return found


def wait_for_input(
    member: Member,
    check: Callable[[], Any],
    interests: Callable[[], list[Interest]],
    timeout: float | None,
    *,
    watch: int | None = None,
    loop: object = None,
    timers: Callable[[], Iterable[int]] = tuple,
    expects: Callable[[], bool] = lambda: True,
) -> Any:
    """`wait_until` for descriptors: ``interests`` are those that ``check`` polls.

    ``watch`` is one that becomes readable if any of them is ready, if there is such a thing; ``expects`` tells whether
    more is waited for than has come already, where an event loop would take notice of anything. ``timers`` tells when
    those of the loop ring, in nanoseconds of virtual time.
    """
    since = real.monotonic()

    def outside() -> list[Outsider]:
        found = outsiders(interests(), expects, since)
        if getattr(loop, "_signal_handlers", None):  # of asyncio: a signal wakes it too, and a child may send one
            found += child_outsiders(since)
        return found

    waiter = Waiter(
        member,
        member.deadline(timeout),
        "input" if loop is None else "input or a timer",
        check=check,
        outside=outside,
        descriptors=interests if watch is None else lambda: [(watch, READ)],
        loop=loop,
        timers=timers,
        expects=lambda: expects() if loop is not None else any(is_older_pipe(end) for end, _ in interests()),
    )
    found = wait_until(waiter)
    if found:
        for interest in silence.current.at(interests()):
            if ready([interest]):
                silence.current.end(interest[0])
    return found


def wait_for_descriptor(member: Member, descriptor: int, events: int, timeout: float | None) -> bool:
    """Wait until ``descriptor`` is ready for ``events``; False after ``timeout`` seconds."""
    interests = [(descriptor, events)]
    return bool(ready(interests) or wait_for_input(member, lambda: ready(interests), lambda: interests, timeout))
