"""Wrong arguments of a function said in words that say what to write instead of Python's own."""

from __future__ import annotations

import functools
from collections.abc import Callable, Mapping
from typing import Any, ParamSpec, TypeVar

from resilience._support.wording import closest

_P = ParamSpec("_P")
_R = TypeVar("_R")


def explained(*, write: str, instead: Mapping[str, str]) -> Callable[[Callable[_P, _R]], Callable[_P, _R]]:
    """Return a decorator for a function that makes decorators: what can't be passed to it is explained.

    Args:
        write: A right call, to show where the parentheses or an argument are missing.
        instead: What to write in the place of arguments that others of these functions have.
    """

    def decorate(maker: Callable[_P, _R]) -> Callable[_P, _R]:
        @functools.wraps(maker)
        def make(*args: _P.args, **kwargs: _P.kwargs) -> _R:
            problem = _problem(maker, args, kwargs, write, instead)
            if problem is not None:
                raise TypeError(problem)
            return maker(*args, **kwargs)

        return make

    return decorate


def _problem(
    maker: Any, args: tuple[Any, ...], kwargs: Mapping[str, Any], write: str, instead: Mapping[str, str]
) -> str | None:
    code, name = maker.__code__, f"{maker.__name__}()"
    by_position = code.co_varnames[: code.co_argcount]
    known = code.co_varnames[: code.co_argcount + code.co_kwonlyargcount]
    if args and callable(args[0]):
        needs = "parentheses" if write.endswith("()") else "arguments"
        return f"the decorator needs its {needs}: write @{write} above the function"
    for each in kwargs:
        if each not in known:
            return f"{name} has no argument {each!r}: {instead.get(each) or _closest(each, known)}"
    if len(args) > len(by_position):
        position = f"at most {len(by_position)} arguments by position" if by_position else "its arguments by name only"
        first = known[len(by_position)]
        return f"{name} takes {position}, got {len(args)}: write {first}=... and the like"
    required = by_position[: len(by_position) - len(maker.__defaults__ or ())]
    missing = [each for each in required[len(args) :] if each not in kwargs]
    if missing:
        return f"{name} needs {' and '.join(required)}, got no {' and no '.join(missing)}: write @{write}"
    return None


def _closest(name: str, known: tuple[str, ...]) -> str:
    near = closest(name, known, most=1)
    return f"did you mean {near[0]!r}?" if near else f"it has {', '.join(known)}"
