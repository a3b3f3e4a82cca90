"""What a plain function may return that has done nothing yet: it is no success until it was awaited."""

from __future__ import annotations

import inspect
from collections.abc import Awaitable, Callable, Coroutine, Generator
from types import AsyncGeneratorType, CoroutineType, GeneratorType, NoneType
from typing import Any, Final, final

# What most functions return, so that most calls need no look at the attributes of a type.
PLAIN: Final = frozenset({NoneType, bool, int, float, str, bytes, bytearray, list, tuple, dict, set, frozenset})


def is_deferred(result: object) -> bool:
    """Tell whether a result has to be awaited before anything happens, or iterated, and nobody has begun with that."""
    if isinstance(result, GeneratorType):
        return inspect.getgeneratorstate(result) == inspect.GEN_CREATED
    return hasattr(type(result), "__await__") or isinstance(result, AsyncGeneratorType)


def is_coroutine(result: object) -> bool:
    """Tell whether a deferred result can be awaited, once, and is good for nothing else."""
    return isinstance(result, (CoroutineType, GeneratorType)) and inspect.isawaitable(result)


def is_generator(result: object) -> bool:
    """Tell whether a deferred result can only be iterated."""
    return isinstance(result, (GeneratorType, AsyncGeneratorType)) and not inspect.isawaitable(result)


def generator_error(name: str) -> TypeError:
    """Return what to raise for a function that returned such a generator."""
    return TypeError(
        f"{name!r} returned a generator, whose body has not begun to run, so no failure of it would ever be retried: "
        "return a list, or decorate a function that fetches an item"
    )


@final
class Pending:
    """What a decorated plain function returns in the place of an awaitable that is no coroutine.

    Futures, tasks, connection pools, calls of grpc.aio and requests of aiohttp are such. It is awaited, or entered with
    ``async with``, as the awaitable itself is; where that fails, the function is called again. Whatever else is asked
    of it, the latest awaitable answers.

    Args:
        function: The function.
        first: What its first attempt returned.
        drive: Sees the call through, given how to begin an attempt, and the attempt that has begun.
    """

    def __init__(
        self,
        function: Callable[..., Any],
        first: Awaitable[Any],
        drive: Callable[[Callable[..., Coroutine[Any, Any, Any]], Coroutine[Any, Any, Any]], Coroutine[Any, Any, Any]],
    ) -> None:
        self._function = function
        self._latest: Any = first
        self._drive = drive
        self._begun = False
        self._enters = False

    def __await__(self) -> Generator[Any, Any, Any]:
        if self._begun:  # it was awaited before, and is asked for its result once more
            return self._latest.__await__()  # type: ignore[no-any-return]  # of whatever type it is
        return self._begin().__await__()

    async def __aenter__(self) -> Any:
        if not hasattr(type(self._latest), "__aenter__"):
            raise TypeError(
                f"{type(self._latest).__name__!r} object does not support the asynchronous context manager protocol: "
                "write await, not async with"
            )
        self._enters = True
        return await (self._through(self._latest) if self._begun else self._begin())

    async def __aexit__(self, *error: object) -> Any:
        return await type(self._latest).__aexit__(self._latest, *error)

    def __getattr__(self, name: str) -> Any:
        if name.startswith("__"):  # copying and pickling look for these, also where nothing is set yet
            raise AttributeError(name)
        return getattr(self._latest, name)

    def _begin(self) -> Coroutine[Any, Any, Any]:
        self._begun = True
        return self._drive(self._attempt, self._through(self._latest))

    async def _attempt(self, *args: Any, **kwargs: Any) -> Any:
        return await self._through(self._function(*args, **kwargs))

    async def _through(self, awaitable: Any) -> Any:
        if not is_deferred(awaitable):
            return awaitable
        self._latest = awaitable
        return await (type(awaitable).__aenter__(awaitable) if self._enters else awaitable)
