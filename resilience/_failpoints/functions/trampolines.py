"""Code for a Python function that hands each of its calls to another one: what it is armed with.

A function that is armed gets other code, and nothing else: whoever holds it, in a registry, as a route, as a default
argument, under whichever name, calls what it is armed with, and whatever else is put in its place and taken away again
meanwhile, in any order, is left alone. The original function is made anew of its code, its closure and its defaults.
"""

from __future__ import annotations

import functools
import inspect
from types import CodeType, FunctionType
from typing import Any, Final

from resilience._failpoints.functions.kinds import Kind, own_kind

STAND_IN_FILE: Final = "<what a fault has put in the place of a function>"
"""The file that a function comes from while it is armed, as its frame and tracebacks have it."""

_ANSWER: Final = "the function that answers"
_TEXT: Final = f"""
def make({{free}}):
    {{word}} call(*args, **kwargs):
        __tracebackhide__ = True
        answer = {_ANSWER!r}
        {{body}}
        {{free}}
    return call
"""
_BODIES: Final = {
    Kind.RESULT: ("def", "return answer(*args, **kwargs)"),
    Kind.COROUTINE: ("async def", "return await answer(*args, **kwargs)"),
    Kind.GENERATOR: ("def", "return (yield from answer(*args, **kwargs))"),
    Kind.ASYNC_GENERATOR: (
        "async def",
        """
        items = answer(*args, **kwargs)
        step = items.asend(None)
        while True:
            try:
                item = await step
            except StopAsyncIteration:
                return
            try:
                step = items.asend((yield item))
            except GeneratorExit:
                await items.aclose()
                raise
            except BaseException as error:
                step = items.athrow(error)""",
    ),
}
_ITERABLE_COROUTINE: Final = inspect.CO_ITERABLE_COROUTINE  # of `types.coroutine`: a generator that can be awaited


def twin_of(function: FunctionType) -> FunctionType:
    """A function that does what a function does now, whatever code that gets later."""
    made = FunctionType(
        function.__code__, function.__globals__, function.__name__, function.__defaults__, function.__closure__
    )
    made.__kwdefaults__ = function.__kwdefaults__
    made.__dict__.update(function.__dict__)
    made.__module__, made.__qualname__ = function.__module__, function.__qualname__
    return made


def trampoline(function: FunctionType, answer: Any) -> CodeType:
    """Code for the function, of the same kind, that returns what ``answer`` returns for its arguments."""
    code = function.__code__
    template = _template(own_kind(function), code.co_freevars)
    return template.replace(
        co_name=code.co_name,
        co_qualname=code.co_qualname,
        co_flags=template.co_flags | code.co_flags & _ITERABLE_COROUTINE,
        co_consts=tuple(answer if each == _ANSWER else each for each in template.co_consts),
    )


@functools.lru_cache(maxsize=256)
def _template(kind: Kind, free: tuple[str, ...]) -> CodeType:
    """Code with the free variables of the function, since its closure stays, and a place for a constant.

    The interpreter binds the variables of a closure as soon as such code begins: code without them would be a function
    whose variables nobody can look at, as debuggers and pytest do.
    """
    word, body = _BODIES[kind]
    scope: dict[str, Any] = {}
    text = _TEXT.format(free=", ".join(free), word=word, body=body)
    exec(compile(text, STAND_IN_FILE, "exec"), scope)  # noqa: S102  # the text above
    made: CodeType = scope["make"](*free).__code__
    return made
