"""What kind of callable a thing is, told without calling it."""

from __future__ import annotations

import contextlib
import functools
import inspect
from typing import Any, Final

_NEVER_CALLED: Final[Any] = None
CONTEXT_MANAGERS: Final[dict[object, bool]] = {
    contextlib.contextmanager(_NEVER_CALLED).__code__: False,
    contextlib.asynccontextmanager(_NEVER_CALLED).__code__: True,
}
"""The code of the functions that each of these decorators makes, and whether what they return is async."""


def is_async(candidate: object) -> bool:
    return any(map(inspect.iscoroutinefunction, layers(candidate)))


def layers(candidate: object) -> list[object]:
    """Return the callable, what a partial of it holds, and the ``__call__`` of an object: what gives its kind away."""
    candidate = without_partials(candidate)
    if inspect.isroutine(candidate) or inspect.isclass(candidate):
        return [candidate]
    return [candidate, getattr(candidate, "__call__", None)]  # noqa: B004  # the method is wanted, not an answer


def without_partials(candidate: object) -> object:
    """Return what a partial, or a partial of one, calls; anything else as it is."""
    while isinstance(candidate, functools.partial):
        candidate = candidate.func
    return candidate
