"""The real clock and the real blocking calls, out of reach of every patch.

The virtual clock itself, and every thread outside its bubble, use these.
"""

from __future__ import annotations

import _thread
import gc
import posix
import time as _time
from collections.abc import Callable
from contextlib import AbstractContextManager, nullcontext
from typing import Any

from pytest_resilience.clock._reach.native import clone, ignoring_arguments, original

sleep: Callable[[float], None] = clone(original(_time, "sleep"))
time: Callable[[], float] = clone(original(_time, "time"))
time_ns: Callable[[], int] = clone(original(_time, "time_ns"))
monotonic: Callable[[], float] = clone(original(_time, "monotonic"))
monotonic_ns: Callable[[], int] = clone(original(_time, "monotonic_ns"))
perf_counter: Callable[[], float] = clone(original(_time, "perf_counter"))
perf_counter_ns: Callable[[], int] = clone(original(_time, "perf_counter_ns"))
start_new_thread: Callable[..., int] = clone(original(_thread, "start_new_thread"))

write: Callable[[int, bytes], int] = clone(original(posix, "write"))

# The methods of these types are taken before any patch, and with them the real behaviour.
Lock = _thread.LockType
RLock = _thread.RLock
allocate_lock = _thread.allocate_lock
lock_acquire = Lock.acquire
lock_release = Lock.release
locked = Lock.locked
rlock_acquire = RLock.acquire
rlock_release = RLock.release


class Mutex(RLock):  # type: ignore[misc]  # final for typeshed, but a base type in fact
    """A reentrant lock that stays real: finalizers and signal handlers may enter the scheduler anywhere."""

    acquire = RLock.acquire
    release = RLock.release
    is_mine = RLock._is_owned  # type: ignore[attr-defined]  # present since 3.2, missing from typeshed
    __enter__ = RLock.__enter__
    __exit__ = RLock.__exit__


class _Pause:
    """No garbage is collected meanwhile. Both methods are C functions, between which no Ctrl-C can come."""

    __enter__ = gc.disable
    __exit__ = ignoring_arguments(gc.enable)


_pause: Any = _Pause()
_nothing = nullcontext()


def uncollected() -> AbstractContextManager[None]:
    """Keep finalizers out: one that waits for a lock would never let the scheduler go on.

    Where no garbage is collected anyway, by the choice of the program or of an outer call, that is left as it is.
    """
    return _pause if gc.isenabled() else _nothing
