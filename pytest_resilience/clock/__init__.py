"""A clock under which sleeps and timeouts take no real time, for a whole program: threads, event loops and sockets."""

from pytest_resilience.clock._outside.system import wrong_platform

if _refusal := wrong_platform():
    raise ImportError(_refusal)

from pytest_resilience.clock._bubble.deadlock import DeadlockError
from pytest_resilience.clock.virtual_clock import Jump, LeftoverThreadWarning, VirtualClock

__all__ = ["DeadlockError", "Jump", "LeftoverThreadWarning", "VirtualClock"]

for _item in (DeadlockError, Jump, LeftoverThreadWarning, VirtualClock):
    _item.__module__ = __name__  # users never see where it really is
