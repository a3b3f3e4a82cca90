"""What a fork must not leave half done or locked, since in the child only the forking thread lives on."""

from __future__ import annotations

import logging as _logging  # noqa: F401  # see `importing`
import os
import threading
import weakref
from typing import Final, Protocol, final

importing: Final = threading.RLock()
"""Held while something is imported late. A fork waits for it: a half-imported module stays that for ever in a child.

Before a fork, what was registered last is called first. So logging, whose lock an import may need, comes before this.
"""


class Renewable(Protocol):
    """What holds locks, or threads, that a child process does not inherit in a usable state."""

    def after_fork(self) -> None:
        """Make good for the child, in which only the forking thread lives on."""


_instances: Final[weakref.WeakSet[Renewable]] = weakref.WeakSet()


def renew_after_fork(instance: Renewable) -> None:
    """Have the ``after_fork`` of an instance called in every child process, as long as the instance lives."""
    _instances.add(instance)


@final
class Lock:
    """A reentrant lock that is free in every child process, whichever other thread held it in the parent."""

    def __init__(self) -> None:
        self._lock = threading.RLock()
        renew_after_fork(self)

    def __enter__(self) -> None:
        self._lock.acquire()

    def __exit__(self, *_error: object) -> None:
        self._lock.release()

    def after_fork(self) -> None:
        """Replace the lock, unless the forking thread can take it, and so may be holding it."""
        if self._lock.acquire(blocking=False):
            self._lock.release()
        else:
            self._lock = threading.RLock()


def _in_child() -> None:
    importing.release()
    for each in list(_instances):
        each.after_fork()


if hasattr(os, "register_at_fork"):
    os.register_at_fork(before=importing.acquire, after_in_parent=importing.release, after_in_child=_in_child)
