"""A clock under which sleeps and timeouts take no real time, for a whole program: threads, event loops and sockets.

The folders open one way: `virtual_clock` -> `_calls` -> `_outside` -> `_bubble` -> `_reach`. The words of their
modules, such as bubble, baton and outsider, are those of docs/architecture.md.
"""

from pytest_resilience.clock._outside.system import wrong_platform as _wrong_platform

if _refusal := _wrong_platform():
    raise ImportError(_refusal)

from pytest_resilience.clock._bubble.deadlock import DeadlockError
from pytest_resilience.clock._bubble.history import Jump
from pytest_resilience.clock._warnings import GuessWarning, LeftoverThreadWarning
from pytest_resilience.clock.virtual_clock import VirtualClock
from resilience.testing import publish as _publish

__all__ = ["DeadlockError", "GuessWarning", "Jump", "LeftoverThreadWarning", "VirtualClock"]

_publish(__name__, __all__)
