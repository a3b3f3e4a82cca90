"""``points=``: the functions that are points besides the decorated callables and failpoints.

They are replaced once for a whole exploration, since looking for all references to a function takes milliseconds.
"""

from __future__ import annotations

import fnmatch
import inspect
import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager
from typing import Any, Final, final

from resilience.testing import Interceptor, Target, UnknownTargetError, target_of

_WILD: Final = "*?["


@final
class _Through(Interceptor):
    """Lets every call through."""


THROUGH: Final = _Through()


@final
class FunctionPoint:
    """A function, and what answers for it in the run that is being made.

    Attributes:
        name: ``module:qualname``.
        point: What answers; `THROUGH` between two runs.
    """

    def __init__(self, target: Target) -> None:
        self.name = target.name
        self._target = target
        self.point: Interceptor = THROUGH

    def installed(self) -> AbstractContextManager[None]:
        """Stand in for the function for the length of a ``with`` block."""
        return self._target.intercepted(self)

    def call(self, function: Callable[..., Any], args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
        return self.point.call(function, args, kwargs)

    async def call_async(self, function: Callable[..., Any], args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
        return await self.point.call_async(function, args, kwargs)


def functions_of(points: Sequence[str | Callable[..., Any]]) -> list[FunctionPoint]:
    """Return what names, patterns of names, and functions stand for.

    Raises:
        UnknownTargetError: There is no such function, or none that a pattern is for.
    """
    found: dict[object, Target] = {}
    for each in points:
        names = _matching(each) if isinstance(each, str) and any(sign in each for sign in _WILD) else [each]
        for target in map(target_of, names):
            if not isinstance(target.key, str):  # a failpoint is a point anyway
                found[target.key] = target
    return [FunctionPoint(each) for each in found.values()]


def _matching(pattern: str) -> list[str]:
    """Return the functions and methods of loaded modules whose names match a pattern."""
    module_pattern, _, name_pattern = pattern.partition(":")
    found = [
        f"{module}:{name}"
        for module in sorted(sys.modules)
        if fnmatch.fnmatchcase(module, module_pattern)
        for name in _names_in(module)
        if fnmatch.fnmatchcase(name, name_pattern or "*")
    ]
    if not found:
        raise UnknownTargetError(
            f"no function of the modules that are loaded is called like {pattern!r}: a pattern is "
            "'package.module:name', and the test module has to import that module"
        )
    return found


def _names_in(module: str) -> Iterator[str]:
    for key, value in list(vars(sys.modules[module]).items()):
        if getattr(value, "__module__", None) != module:
            continue
        if inspect.isfunction(value):
            yield key
        elif isinstance(value, type):
            yield from (f"{key}.{name}" for name, each in vars(value).items() if inspect.isfunction(each))
