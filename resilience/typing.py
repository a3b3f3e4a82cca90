"""The types that users may name in their own annotations."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Protocol, TypeVar

from resilience._matching import ExceptionPredicate, ExceptionTypes
from resilience._policy import Policy, WaitStrategy
from resilience._support.lazy import publish as _publish

__all__ = ["Decorator", "ExceptionPredicate", "ExceptionTypes", "Policy", "StopEvent", "WaitStrategy"]

_F = TypeVar("_F", bound="Callable[..., Any] | staticmethod[..., Any] | classmethod[Any, ..., Any]")


class Decorator(Protocol):
    """What the decorator functions return: it gives back a callable of the very same type."""

    def __call__(self, candidate: _F, /) -> _F: ...


class StopEvent(Protocol):
    """A `threading.Event`, `asyncio.Event`, `trio.Event` or `multiprocessing.Event`."""

    def is_set(self) -> bool: ...

    @property
    def wait(self) -> Callable[..., Any]: ...


_publish(__name__, __all__)
