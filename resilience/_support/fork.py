"""What a fork must not leave half done or locked, since in the child only the forking thread lives on."""

from __future__ import annotations

import logging as _logging  # noqa: F401  # see `importing`
import os
import threading
import weakref
from typing import Final, Protocol

importing: Final = threading.RLock()
"""Held while something is imported late. A fork waits for it: a half-imported module stays that for ever in a child.

Before a fork, what was registered last is called first. So logging, whose lock an import may need, comes before this.
"""


class Renewable(Protocol):
    """What has threads or connections that a child process does not inherit in a usable state."""

    def after_fork(self) -> None:
        """Repair this object in the child, where only the forking thread exists."""


_instances: Final[weakref.WeakSet[Renewable]] = weakref.WeakSet()


def renew_after_fork(instance: Renewable) -> None:
    """Have the ``after_fork`` of an instance called in every child process, as long as the instance lives."""
    _instances.add(instance)


_locks: Final[weakref.WeakKeyDictionary[object, str]] = weakref.WeakKeyDictionary()


def renewed_lock(owner: object, name: str) -> threading.RLock:
    """Return a reentrant lock that is free in every child process, whichever thread held it in the parent.

    It is written in C, so that no exception of a signal handler can come between taking it and the ``with`` block.

    Args:
        owner: What keeps the lock; in a child it may get another one.
        name: The attribute of the owner that is the lock.
    """
    _locks[owner] = name
    return threading.RLock()


def _in_child() -> None:
    importing.release()
    for owner, name in list(_locks.items()):
        lock = getattr(owner, name, None)  # the owner may be half made
        if lock is not None and lock.acquire(blocking=False):  # free, or held by the forking thread, which releases it
            lock.release()
        else:
            setattr(owner, name, threading.RLock())
    for each in list(_instances):
        each.after_fork()


if hasattr(os, "register_at_fork"):
    os.register_at_fork(before=importing.acquire, after_in_parent=importing.release, after_in_child=_in_child)
