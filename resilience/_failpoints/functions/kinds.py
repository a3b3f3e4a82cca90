"""What a call is, by the kind of function: when an interceptor is asked, and what becomes of its answer.

========================  ================================  ===================================
kind                      it is asked                       what it answers is
========================  ================================  ===================================
function                  when it is called                 the result
coroutine function        when the call is awaited          the result
generator, also async     when the first item is asked for  the items
context manager, also     when it is entered                what ``as`` names; nothing is left
async                     (by ``@contextmanager``)          at the end of the block
========================  ================================  ===================================
"""

from __future__ import annotations

import contextlib
import functools
import inspect
from collections.abc import AsyncGenerator, AsyncIterator, Callable, Generator, Iterable, Iterator
from enum import Enum
from types import FunctionType
from typing import Any, Final, TypeAlias, final

from resilience._failpoints.table import Interceptor
from resilience._support.kinds import CONTEXT_MANAGERS

Function: TypeAlias = Callable[..., Any]


class Kind(Enum):
    """What a function makes when it is called."""

    RESULT = "result"
    COROUTINE = "coroutine"
    GENERATOR = "generator"
    ASYNC_GENERATOR = "async generator"
    CONTEXT = "context manager"
    ASYNC_CONTEXT = "async context manager"


_RUNNERS: Final = {"run", "run_until_complete", "run_coroutine_threadsafe", "async_to_sync", "syncify"}
"""By these calls a plain function runs the async function that it wraps, to return its result."""


def own_kind(function: object) -> Kind:
    """The kind of the function itself, whatever it wraps."""
    if inspect.iscoroutinefunction(function):
        return Kind.COROUTINE
    if inspect.isasyncgenfunction(function):
        return Kind.ASYNC_GENERATOR
    return Kind.GENERATOR if inspect.isgeneratorfunction(function) else Kind.RESULT


def kind_of(function: Any) -> Kind:
    """The kind of what a call makes: of a plain function that hands on what an async one makes, that one's."""
    kind = own_kind(function)
    if kind is Kind.RESULT and not _RUNNERS & {*getattr(getattr(function, "__code__", None), "co_names", ())}:
        return own_kind(inspect.unwrap(function)) if callable(function) else kind
    return kind


def inside_context_manager(function: Any) -> tuple[FunctionType, Kind] | None:
    """The generator function that a function which makes context managers was made of; None for other functions."""
    seen = function
    while seen is not None:
        code = getattr(seen, "__code__", None)
        seen = getattr(seen, "__wrapped__", None)
        if code in CONTEXT_MANAGERS and isinstance(seen, FunctionType):
            return seen, Kind.ASYNC_CONTEXT if CONTEXT_MANAGERS[code] else Kind.CONTEXT
    return None


def intercepted(kind: Kind, function: Function, interceptor: Interceptor) -> Function:
    """A function that asks an interceptor about each call, and has the same kind."""
    match kind:
        case Kind.RESULT:
            return lambda *args, **kwargs: interceptor.call(function, args, kwargs)
        case Kind.COROUTINE:
            return functools.partial(_coroutine, function, interceptor)
        case Kind.GENERATOR:
            return functools.partial(_generator, function, interceptor)
        case Kind.ASYNC_GENERATOR:
            return functools.partial(_AsyncItems, function, interceptor)
        case Kind.CONTEXT:
            return functools.partial(_context, function, interceptor)
        case Kind.ASYNC_CONTEXT:
            return functools.partial(_async_context, function, interceptor)


async def _coroutine(function: Function, interceptor: Interceptor, /, *args: Any, **kwargs: Any) -> Any:
    return await interceptor.call_async(function, args, kwargs)


def _generator(function: Function, interceptor: Interceptor, /, *args: Any, **kwargs: Any) -> Generator[Any, Any, Any]:
    with contextlib.ExitStack() as lost:

        def started(*args: Any, **kwargs: Any) -> Generator[Any, Any, Any]:
            items = function(*args, **kwargs)
            lost.callback(items.close)
            return _resumed(items, next(items))

        try:
            answer = interceptor.call(started, args, kwargs)
        except StopIteration as end:  # it has no item
            return end.value
        if getattr(answer, "gi_code", None) is _resumed.__code__:
            lost.pop_all()
    return (yield from _items(answer))


def _resumed(items: Generator[Any, Any, Any], item: Any) -> Generator[Any, Any, Any]:
    """A generator that has yielded its first item already, from that item on."""
    try:
        while True:
            try:
                sent = yield item
            except GeneratorExit:
                items.close()
                raise
            except BaseException as error:  # noqa: BLE001  # whatever its user throws into it
                item = items.throw(error)
            else:
                item = items.send(sent)
    except StopIteration as end:
        return end.value


@final
class _AsyncItems(AsyncGenerator[Any, Any]):
    """An async generator that asks an interceptor when its first item is asked for."""

    def __init__(self, function: Function, interceptor: Interceptor, /, *args: Any, **kwargs: Any) -> None:
        self._function = function
        self._interceptor = interceptor
        self._arguments = args, kwargs
        self._items: AsyncGenerator[Any, Any] | None = None
        self._first: Any = None

    async def asend(self, value: Any) -> Any:
        if self._items is None:
            return await self._first_item()
        return await self._items.asend(value)

    async def athrow(self, kind: Any, value: Any = None, traceback: Any = None) -> Any:
        if self._items is None:
            raise kind
        return await (self._items.athrow(kind) if value is None else self._items.athrow(kind, value, traceback))

    async def _first_item(self) -> Any:
        async with contextlib.AsyncExitStack() as lost:

            async def started(*args: Any, **kwargs: Any) -> _AsyncItems:
                self._items = self._function(*args, **kwargs)
                lost.push_async_callback(self._items.aclose)
                self._first = await anext(self._items)
                return self

            answer = await self._interceptor.call_async(started, *self._arguments)
            if answer is self:
                lost.pop_all()
                return self._first
        self._items = _each(answer)
        return await anext(self._items)


async def _each(answer: Any) -> AsyncGenerator[Any, Any]:
    for item in _items(answer):
        yield item


def _context(function: Function, interceptor: Interceptor, /, *args: Any, **kwargs: Any) -> Iterator[Any]:
    with contextlib.ExitStack() as block:

        def enter(*args: Any, **kwargs: Any) -> Any:
            return block.enter_context(contextlib.contextmanager(function)(*args, **kwargs))

        yield interceptor.call(enter, args, kwargs)


async def _async_context(
    function: Function, interceptor: Interceptor, /, *args: Any, **kwargs: Any
) -> AsyncIterator[Any]:
    async with contextlib.AsyncExitStack() as block:

        async def enter(*args: Any, **kwargs: Any) -> Any:
            return await block.enter_async_context(contextlib.asynccontextmanager(function)(*args, **kwargs))

        yield await interceptor.call_async(enter, args, kwargs)


def _items(answer: Any) -> Iterable[Any]:
    if not isinstance(answer, Iterable):
        raise TypeError(f"a generator is answered with the items that it yields: write return([...]), not {answer!r}")
    return answer
