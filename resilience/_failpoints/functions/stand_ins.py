"""Stand-ins: what takes the place of a function, at every module- and class-level reference to it, while it is armed.

A function that no module or class refers to, such as one defined in a test or one behind a decorator, is replaced in
the closures that hold it.

A function has one stand-in at most, however often it is armed; the interceptor that came last answers. When the last
one has gone the function is back everywhere, also where a module that was imported meanwhile has copied its stand-in.
A copy that can't be found (in a list, in a closure) does nothing from then on but call the function.
"""

from __future__ import annotations

import contextlib
import functools
import inspect
import sys
import threading
from collections.abc import Callable, Iterator
from types import FunctionType
from typing import Any, Final, final

from resilience._failpoints.functions.references import ClassAttribute, Reference, closures_of, references_to
from resilience._failpoints.table import Interceptor

_changing = threading.RLock()
BUILT_IN: Final = (
    "is built into Python, where nothing can be replaced: put the fault into the function of yours that calls it, or "
    'at a failpoint("name") beside the call'
)


class UnknownTargetError(Exception):
    """There is no such failpoint or function, or it can't be replaced; the text says what to write instead."""


class UnknownPlaceError(UnknownTargetError):
    """There is no failpoint or function of that name in this process."""


@contextlib.contextmanager
def standing_in(
    function: Callable[..., Any], name: str, heir: ClassAttribute | None, interceptor: Interceptor
) -> Iterator[None]:
    """Have an interceptor answer for a function for the length of a ``with`` block.

    Args:
        function: What is to be replaced.
        name: What it is called in messages.
        heir: Where one class alone is to be struck, which has inherited the function: its attribute.
        interceptor: What answers.

    Raises:
        UnknownTargetError: The function can't be replaced.
    """
    with _changing:
        stand_in = _active_for(function, heir)
        if stand_in is None:
            stand_in = _StandIn(function, heir)
            stand_in.install(name)
            _active.append(stand_in)
        stand_in.arm(interceptor)
    try:
        yield
    finally:
        with _changing:
            if stand_in.disarm(interceptor):
                _active.remove(stand_in)
                stand_in.remove()


def replaced_by(function: object) -> tuple[Callable[..., Any], ClassAttribute | None] | None:
    """Return what a stand-in stands in for, and in which class alone; None for what is no stand-in."""
    return next(((each.original, each.heir) for each in _active if each.function is function), None)


def _active_for(function: object, heir: ClassAttribute | None) -> _StandIn | None:
    for each in _active:
        if (each.original is function and each.heir == heir) or each.function is function:
            return each
    return None


@final
class _StandIn:
    """The stand-in of one function, or of what one class has inherited.

    Attributes:
        original: What it stands in for.
        function: What stands there instead.
        heir: The attribute of the class, where only what that has inherited is replaced.
    """

    def __init__(self, original: Callable[..., Any], heir: ClassAttribute | None) -> None:
        self.original = original
        self.heir = heir
        self.function = self._made()
        self._unshared = sys.getrefcount(self.function)
        self._interceptors: list[Interceptor] = []
        self._latest: Interceptor | None = None
        self._undo = contextlib.ExitStack()

    def arm(self, interceptor: Interceptor) -> None:
        """Have the interceptor answer, until it or a later one is disarmed."""
        self._interceptors.append(interceptor)
        self._latest = interceptor

    def disarm(self, interceptor: Interceptor) -> bool:
        """Have the earlier interceptor answer again; tell whether none is left."""
        self._interceptors.remove(interceptor)
        self._latest = self._interceptors[-1] if self._interceptors else None
        return self._latest is None

    def install(self, name: str) -> None:
        """Put the stand-in at every reference.

        Raises:
            UnknownTargetError: There is no reference, or none that can be changed.
        """
        references: list[Reference] = [self.heir] if self.heir is not None else [*references_to(self.original)]
        references = references or self._closures()
        if not references:
            raise UnknownTargetError(
                f"no module, class or closure refers to {name}, so it can't be replaced: make it a failpoint, by a "
                'retry decorator or by failpoint("name") in its body'
            )
        with contextlib.ExitStack() as undo:
            for each in references:
                try:
                    undo.callback(each.point_to, each.point_to(self.function))
                except TypeError:  # a class written in C
                    raise UnknownTargetError(f"{name} {BUILT_IN}") from None
            self._undo = undo.pop_all()

    def remove(self) -> None:
        """Put the function back, also at references that were made meanwhile."""
        self._undo.close()
        if sys.getrefcount(self.function) > self._unshared:  # looking for references takes milliseconds
            for each in list(references_to(self.function)):
                each.point_to(self.original)

    def _closures(self) -> list[Reference]:
        """Return the closures that hold the function, but for the stand-in's own."""
        own = getattr(self.function, "__closure__", None) or ()
        return [each for each in closures_of(self.original) if not any(each.cell is cell for cell in own)]

    def _made(self) -> Callable[..., Any]:
        original = self.original
        if inspect.iscoroutinefunction(original):

            async def stand_in_async(*args: Any, **kwargs: Any) -> Any:
                latest = self._latest
                if latest is None:
                    return await original(*args, **kwargs)
                return await latest.call_async(original, args, kwargs)

            made: Callable[..., Any] = stand_in_async
        else:

            def stand_in(*args: Any, **kwargs: Any) -> Any:
                latest = self._latest
                return original(*args, **kwargs) if latest is None else latest.call(original, args, kwargs)

            made = stand_in
        return functools.update_wrapper(
            made, original, updated=("__dict__",) if isinstance(original, FunctionType) else ()
        )


_active: Final[list[_StandIn]] = []
