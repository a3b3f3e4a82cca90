"""After a fork, what may have been locked by a thread of the parent gets new locks in the child."""

from __future__ import annotations

import os
import weakref
from typing import Final, Protocol


class Renewable(Protocol):
    """What holds locks, or threads, that a child process does not inherit in a usable state."""

    def after_fork(self) -> None:
        """Make good for the child, in which only the forking thread lives on."""


_instances: Final[weakref.WeakSet[Renewable]] = weakref.WeakSet()


def renew_after_fork(instance: Renewable) -> None:
    """Have the ``after_fork`` of an instance called in every child process, as long as the instance lives."""
    _instances.add(instance)


def _renew_all() -> None:
    for each in list(_instances):
        each.after_fork()


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_renew_all)
