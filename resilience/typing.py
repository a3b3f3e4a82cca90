"""The types that users may name in their own annotations."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any, Protocol, TypeVar, runtime_checkable

from resilience._matching import ExceptionPredicate, ExceptionTypes
from resilience._policy import Policy, WaitStrategy
from resilience._support.lazy import publish as _publish

if TYPE_CHECKING:
    from tenacity import BaseRetrying

__all__ = [
    "Decorator",
    "ExceptionPredicate",
    "ExceptionTypes",
    "Policy",
    "Retried",
    "StopEvent",
    "WaitStrategy",
    "retried",
]

_F = TypeVar("_F", bound="Callable[..., Any] | staticmethod[..., Any] | classmethod[Any, ..., Any]")


class Decorator(Protocol):
    """What the decorator functions return: it gives back a callable of the very same type."""

    def __call__(self, candidate: _F, /) -> _F: ...


@runtime_checkable
class Retried(Protocol):
    """What a decorated callable has besides what it had before, as tenacity's have.

    Decorators give back the very type that they are given, so that its signature stays what it was: no type can say
    both. `retried` shows these attributes to a type checker.

    Attributes:
        failpoint: The name under which faults are injected: ``Resource.action`` or ``module:qualname``.
        retry: Tenacity's controller, whose attributes may be set, such as ``sleep``, ``stop`` and ``wait``.
        statistics: Those of the latest call that has ended: ``attempt_number``, ``idle_for`` and the like.

    Example:
        ``retried(fetch).retry.sleep = record``
    """

    failpoint: str
    retry: BaseRetrying
    statistics: dict[str, Any]

    @property
    def retry_with(self) -> Callable[..., Any]:
        """Return the same callable under changed arguments of tenacity's controller."""


def retried(candidate: Callable[..., Any]) -> Retried:
    """Return a decorated callable, itself, as what type checkers find its controller and statistics in.

    Raises:
        TypeError: It is not decorated.

    Example:
        ``assert retried(fetch).statistics["attempt_number"] == 3``
    """
    found: Any = candidate  # mypy takes a callable for something that has no further attributes
    if isinstance(found, Retried):
        return found
    raise TypeError(f"only a decorated callable has a controller and statistics, got {candidate!r}")


class StopEvent(Protocol):
    """A `threading.Event`, `asyncio.Event`, `trio.Event` or `multiprocessing.Event`."""

    def is_set(self) -> bool: ...

    @property
    def wait(self) -> Callable[..., Any]: ...


_publish(__name__, __all__)
