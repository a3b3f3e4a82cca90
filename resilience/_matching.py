"""Which errors an argument such as ``retry_on`` names, and which results: types or predicates, also of groups."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Iterable
from typing import Any, Final

from resilience._support.kinds import is_async
from resilience._support.leaves import leaves

ExceptionTypes = type[BaseException] | tuple[type[BaseException], ...]
ExceptionPredicate = Callable[[Any], bool]
Exceptions = ExceptionTypes | Iterable[type[BaseException]] | ExceptionPredicate
NamedExceptions = tuple[type[BaseException], ...] | ExceptionPredicate

_SIGNALS: Final = frozenset({
    ("builtins", "StopIteration"), ("builtins", "StopAsyncIteration"),
    ("queue", "ShutDown"), ("asyncio.queues", "QueueShutDown"),
})  # fmt: skip
"""By name, as the queues that can be shut down came with Python 3.13, and need not be loaded."""


def is_signal(error: BaseException) -> bool:
    """Tell whether an exception says that there is nothing more to come, and is no failure; of a group, all of it."""
    return all(
        any((kind.__module__, kind.__qualname__) in _SIGNALS for kind in type(each).__mro__) for each in leaves(error)
    )


def names_all(named: NamedExceptions, error: BaseException) -> bool:
    """Tell whether an error is named; of a group, whether every exception in it is, or its own type as a group."""
    return _is_named_group(named, error) or all(_is_named(named, each) for each in leaves(error))


def names_any(named: NamedExceptions, error: BaseException) -> bool:
    """Tell whether an error is named; of a group, whether any exception in it is, or its own type as a group."""
    return _is_named_group(named, error) or any(_is_named(named, each) for each in leaves(error))


def _is_named(named: NamedExceptions, error: BaseException) -> bool:
    return isinstance(error, named) if isinstance(named, tuple) else bool(named(error))


def _is_named_group(named: NamedExceptions, error: BaseException) -> bool:
    """`Exception` names whatever is in a group, and `ExceptionGroup` the group."""
    return isinstance(named, tuple) and any(
        issubclass(kind, BaseExceptionGroup) and isinstance(error, kind) for kind in named
    )


def check_errors(name: str, value: object, *, retried: bool) -> NamedExceptions:
    """Return exception types as a tuple, or a predicate of an exception as it is.

    With ``retried``, only `Exception` and its subclasses will do: Ctrl-C and cancellation are never retried.
    """
    if callable(value) and not isinstance(value, type):
        return check_predicate(name, value, of="the exception")
    given: Iterable[object] = (value,)
    if not isinstance(value, type):
        if isinstance(value, str) or not isinstance(value, Iterable):
            raise TypeError(f"{name} {_MUST} {value!r}")
        given = value
    types: list[type[BaseException]] = []
    for each in given:
        if not (isinstance(each, type) and issubclass(each, BaseException)):
            where = "" if each is value else f" in {value!r}"
            raise TypeError(f"{name} {_MUST} {each!r}{where}")
        if retried and not issubclass(each, Exception):
            raise ValueError(
                f"{name} must name subclasses of Exception, got {each.__name__}: "
                "KeyboardInterrupt, cancellation and their like are never retried"
            )
        types.append(each)
    if retried and not types:
        raise ValueError(f"{name} must name at least one exception type, got {value!r}")
    return tuple(types)


_MUST: Final = "must be an exception type, a tuple of them, or a predicate of the exception, got"


def check_predicate(name: str, value: object, *, of: str) -> Callable[[Any], bool]:
    if not callable(value):
        raise TypeError(f"{name} must be a predicate of {of}, got {value!r}")
    if is_async(value):
        raise TypeError(f"{name} must be a plain function, got the async {value!r}: its answer would never be awaited")
    check_takes_one(name, value, of)
    return value


def check_takes_one(name: str, value: Callable[..., Any], what: str) -> None:
    """Raise where a function can't be called with one argument."""
    try:
        inspect.signature(value).bind("the one argument")
    except ValueError:  # written in C, without a signature
        pass
    except TypeError:
        raise TypeError(f"{name} must be callable with one argument, {what}, got {value!r}") from None
