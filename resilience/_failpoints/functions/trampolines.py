"""Code for a Python function that hands each of its calls to another one: what it is armed with.

A function that is armed gets other code, and nothing else. So every reference to it, in a registry, as a route, as a
default argument, by another name, calls what it is armed with; and what else is put in its place meanwhile, and taken
away again in any order, is left alone. The original function is made anew of its code, its closure and its defaults.

A fault and a virtual clock may both give one function other code. If each put back the code that it had found, it might
put back the other's when that is gone already; so each takes its own away again, in any order.
"""

from __future__ import annotations

import functools
import inspect
import itertools
import weakref
from types import CodeType, FunctionType
from typing import Any, Final

from resilience._failpoints.functions.kinds import Kind, own_kind

STAND_IN_FILE: Final = "<what is called in the place of a function>"
"""The file that a function comes from while it is armed, as its frame and tracebacks have it."""

_ANSWER: Final = "the function that answers"
_TEXT: Final = f"""
def make({{free}}):
    {{word}} call({{parameters}}):
        __tracebackhide__ = True
        answer = {_ANSWER!r}
        {{body}}
        {{free}}
    return call
"""
_AS_CALLED: Final = "*args, **kwargs"
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


def twin_of(function: FunctionType, code: CodeType | None = None) -> FunctionType:
    """A function that does what a function does now, or with other code of its, whatever code that gets later."""
    made = FunctionType(
        code or function.__code__, function.__globals__, function.__name__, function.__defaults__, function.__closure__
    )
    made.__kwdefaults__ = function.__kwdefaults__
    made.__dict__.update(function.__dict__)
    made.__module__, made.__qualname__ = function.__module__, function.__qualname__
    _twins.add(made)
    return made


_twins: Final[weakref.WeakSet[FunctionType]] = weakref.WeakSet()


def is_twin(function: FunctionType) -> bool:
    """Whether a function was made by `twin_of`, and only looks like the one that stands in a module."""
    return function in _twins


def trampoline(function: FunctionType, answer: Any) -> CodeType:
    """Code for the function, of the same kind, that returns what ``answer`` returns for its arguments as written."""
    return _filled(_template(own_kind(function), function.__code__.co_freevars), function.__code__, answer)


def exact_trampoline(function: FunctionType, answer: Any) -> CodeType:
    """Code for a plain function that has the parameters of its own, and gives ``answer`` each of them."""
    code = own_code(function)
    named = iter(code.co_varnames)
    positional = [*itertools.islice(named, code.co_argcount)]
    by_name = [*itertools.islice(named, code.co_kwonlyargcount)]
    more = [f"*{next(named)}"] if code.co_flags & inspect.CO_VARARGS else []
    keywords = [f"**{next(named)}"] if code.co_flags & inspect.CO_VARKEYWORDS else []
    first = positional[: code.co_posonlyargcount]
    parameters = [*first, *["/"][: len(first)], *positional[len(first) :], *(more or ["*"][: len(by_name)]), *by_name]
    given = [*positional, *more, *(f"{name}={name}" for name in by_name), *keywords]
    body = f"return answer({', '.join(given)})"
    return _filled(_compiled("def", ", ".join([*parameters, *keywords]), body, code.co_freevars), code, answer)


def _filled(template: CodeType, code: CodeType, answer: Any) -> CodeType:
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
    return _compiled(word, _AS_CALLED, body, free)


def _compiled(word: str, parameters: str, body: str, free: tuple[str, ...]) -> CodeType:
    scope: dict[str, Any] = {}
    text = _TEXT.format(free=", ".join(free), word=word, parameters=parameters, body=body)
    exec(compile(text, STAND_IN_FILE, "exec"), scope)  # noqa: S102  # the text above
    made: CodeType = scope["make"](*free).__code__
    return made


_codes: dict[int, list[CodeType]] = {}
"""By the identity of the function, which those that gave it code keep alive: its own code, and what came over it."""


def put_code(function: FunctionType, code: CodeType, *, beneath: bool = False) -> None:
    """Give the function other code: over what others have given it, or ``beneath`` all of that."""
    codes = _codes.setdefault(id(function), [function.__code__])
    codes.insert(1 if beneath else len(codes), code)
    function.__code__ = codes[-1]


def take_code(function: FunctionType, code: CodeType) -> None:
    """Take that code away again, wherever it lies; the function gets the one that is left on top."""
    codes = [each for each in _codes[id(function)] if each is not code]
    _codes[id(function)] = codes
    function.__code__ = codes[-1]
    if len(codes) == 1:
        del _codes[id(function)]


def own_code(function: FunctionType) -> CodeType:
    """The code that the function was made with, whatever has been put over it."""
    return _codes.get(id(function), [function.__code__])[0]
