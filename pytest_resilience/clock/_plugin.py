"""What the rest of the plugin takes of the clock, besides what users import."""

from __future__ import annotations

from pytest_resilience.clock._bubble.deadlock import OverdueError
from pytest_resilience.clock._bubble.history import SPINNING
from pytest_resilience.clock._bubble.waiting import Later, Member, Outcome, Waiter, current
from pytest_resilience.clock._calls import queues
from pytest_resilience.clock._calls.catalogue import staying_patched
from pytest_resilience.clock._calls.clocks import monotonic
from pytest_resilience.clock._calls.locks import held_locks
from pytest_resilience.clock._calls.processes import wait_for_children
from pytest_resilience.clock._reach import real

__all__ = [
    "SPINNING",
    "Later",
    "Member",
    "Outcome",
    "OverdueError",
    "Waiter",
    "current",
    "held_locks",
    "monotonic",
    "queues",
    "real",
    "staying_patched",
    "wait_for_children",
]
