"""What the rest of the plugin takes of the clock, besides what users import."""

from __future__ import annotations

from pytest_resilience.clock._bubble.deadlock import OverdueError as OverdueError
from pytest_resilience.clock._bubble.history import SPINNING as SPINNING
from pytest_resilience.clock._bubble.waiting import Later as Later
from pytest_resilience.clock._bubble.waiting import Member as Member
from pytest_resilience.clock._bubble.waiting import Outcome as Outcome
from pytest_resilience.clock._bubble.waiting import Waiter as Waiter
from pytest_resilience.clock._bubble.waiting import current as current
from pytest_resilience.clock._calls import queues as queues
from pytest_resilience.clock._calls.catalogue import staying_patched as staying_patched
from pytest_resilience.clock._calls.clocks import monotonic as monotonic
from pytest_resilience.clock._calls.locks import held_locks as held_locks
from pytest_resilience.clock._calls.processes import wait_for_children as wait_for_children
from pytest_resilience.clock._reach import real as real
