"""A clock under which sleeps and timeouts take no real time, for a whole program: threads, event loops and sockets.

The words of its modules:

- The *bubble* is all threads that live in virtual time: the one that opened the clock, and those that they start.
- A *member* is one of them. The one that runs holds the *baton*; when it blocks, it hands the baton on.
- A *waiter* is one wait of a member; a *jump* is a move of time to the earliest deadline, when no member can run.
- An *outsider* is whatever is not in the bubble and may still act: a process, the peer of a socket, a thread.
- A *stranger* is a thread outside that the bubble may have woken, and so an outsider until it rests again.
- An *absent* member goes on without the baton, blocked in C or computing without end; it counts as an outsider.
- For an outsider time stands still until it has shown no sign of life for the *grace*, or for a share of it.
- A jump after that is a *guess*. Under a *hold* there is none: time stands still for as long as it takes.

The folders open one way: `virtual_clock` -> `_calls` -> `_outside` -> `_bubble` -> `_reach`.
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
