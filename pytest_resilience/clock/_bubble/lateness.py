"""What would go first if a wake-up were late, as on a real machine each may be by some milliseconds."""

from __future__ import annotations

from collections.abc import Iterator

from pytest_resilience.clock._bubble.deadlines import Deadlines
from pytest_resilience.clock._bubble.waiting import Chooser, Later, Waiter

_SHARE = 10
"""Others have waited for so many times the lateness at least: it stays small against the timeouts of the program."""

_SAME = 1_000
"""The nanoseconds by which loops, whose timers are floats, may take one instant for two."""


def delay_of(waiter: Waiter, chooser: Chooser, deadlines: Deadlines, now: int, slack: int) -> Later | None:
    """Return what a chooser has go before a thread whose wait has ended; None for nothing."""
    if waiter.since < 0 or waiter.was_late or waiter.handle is not None:
        return None
    later: dict[int, Later] = {}  # what is due within the slack, one for each instant, the next one first
    # The other timers of an event loop, too: one that wakes late finds several of them due, and keeps their order.
    own = [Later(instant, None) for instant in waiter.timers() if now + _SAME < instant <= now + slack]
    for each in sorted([*_others(waiter, deadlines, now, slack), *own], key=lambda x: x.instant):
        later.setdefault(each.instant, each)
    first = chooser.delay(waiter, list(later.values())) if later else None
    waiter.was_late = first is not None
    return first


def _others(waiter: Waiter, deadlines: Deadlines, now: int, slack: int) -> Iterator[Later]:
    for other in deadlines.until(now + slack):
        if other.deadline is None or other.rings is not None or other.member is waiter.member:
            continue
        if (other.deadline - now) * _SHARE <= other.deadline - other.since:
            yield Later(other.deadline, other.member)
