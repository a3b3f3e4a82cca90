"""What kind of thing was handed to a decorator, what it is called, and why some things can't be retried."""

from __future__ import annotations

import functools
import inspect
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, final

from resilience._support.kinds import CONTEXT_MANAGERS, is_async, layers, without_partials


@final
@dataclass(frozen=True, slots=True, eq=False)
class Target:
    """A callable that can be retried.

    Attributes:
        function: The callable itself.
        name: Its ``__name__``, as it stands in logs.
        place: ``module:qualname``, the name of its failpoint.
        is_async: Whether calling it gives a coroutine.
        file: Where it is written.
        line: The line of that file at which it begins; 0 where it is not written in Python.
    """

    function: Callable[..., Any]
    name: str
    place: str
    is_async: bool
    file: str
    line: int


def target_of(candidate: object) -> Target:
    """Describe a callable, or raise a `TypeError` that says what to write instead."""
    refusal = _refusal(candidate)
    if refusal is not None:
        raise TypeError(refusal)
    assert callable(candidate)  # for the type checkers; _refusal has seen to it
    named = without_partials(candidate)
    name = str(getattr(named, "__name__", type(named).__name__))
    qualname = getattr(named, "__qualname__", type(named).__qualname__)
    module = getattr(named, "__module__", None) or type(named).__module__
    file, line = _written_at(named)
    return Target(candidate, name, f"{module}:{qualname}", is_async(candidate), file, line)


def _written_at(named: Any) -> tuple[str, int]:
    """Return the file and the line of a callable's own code, below the decorators that it has already."""
    try:
        own = inspect.unwrap(named)
        code = getattr(own, "__code__", None) or type(own).__call__.__code__
        return str(code.co_filename), int(code.co_firstlineno)
    except Exception:  # noqa: BLE001  # written in C, or by whoever answers for every attribute
        return "(unknown file)", 0


def _refusal(candidate: object) -> str | None:
    """Say why a thing can't be retried and what to write instead; None where it can."""
    name = getattr(without_partials(candidate), "__qualname__", type(candidate).__name__)
    if inspect.iscoroutine(candidate):
        candidate.close()  # or Python warns that it was never awaited, which hides the message below
        return f"{name!r} is a coroutine, which can be awaited only once: decorate the async function itself"
    if isinstance(candidate, (property, functools.cached_property)):
        kind = type(candidate).__name__
        return f"a {kind} can't be retried: write @{kind} above the retry decorator"
    if inspect.isclass(candidate):
        return f"the class {name!r} can't be retried: decorate a function that makes the instance, or a method"
    if not callable(candidate):
        return f"only a callable can be retried, got {candidate!r}: write @decorator directly above a function"
    each_layer = layers(candidate)
    if any(map(inspect.isgeneratorfunction, each_layer)):
        return (
            f"{name!r} is a generator function, whose body runs after the call has returned, so no failure of it would "
            "ever be retried: decorate a function that returns a list, or one that fetches an item"
        )
    if any(map(inspect.isasyncgenfunction, each_layer)):
        return (
            f"{name!r} is an async generator function, whose body runs after the call has returned, so no failure "
            "of it would ever be retried: decorate an async function that returns a list, or one that fetches an item"
        )
    if getattr(candidate, "__code__", None) in CONTEXT_MANAGERS:
        return (
            f"{name!r} makes a context manager, whose body runs after the call has returned, so no failure of it would "
            "ever be retried: decorate the function that it calls to connect"
        )
    return None
