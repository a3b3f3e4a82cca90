"""Calls that the kit itself makes, which no fault strikes and no connection of which is led away."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from contextvars import ContextVar
from typing import Final

_own: Final = ContextVar("_own", default=False)


@contextlib.contextmanager
def own_calls() -> Iterator[None]:
    """Let the calls of the kit through: it sleeps, reads clocks and connects too, all of which may be armed."""
    token = _own.set(True)
    try:
        yield
    finally:
        _own.reset(token)


def is_own_call() -> bool:
    return _own.get()
