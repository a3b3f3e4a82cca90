"""How each kind of callable is replaced while it is armed, and how it comes back."""

from __future__ import annotations

import contextlib
import functools
import inspect
import sys
from collections.abc import Callable
from types import FunctionType
from typing import Any, Final, Protocol, final

from resilience._failpoints.functions.references import ABSENT, ClassAttribute, Reference, references_to
from resilience._failpoints.functions.replacement import replace_everywhere
from resilience._failpoints.functions.trampolines import STAND_IN_FILE, put_code, take_code, trampoline, twin_of

BUILT_IN: Final = (
    "is built into Python, where nothing can be replaced: put the fault into the function of yours that calls it, or "
    'at a failpoint("name") beside the call'
)
Function = Callable[..., Any]


class UnknownTargetError(Exception):
    """There is no such failpoint or function, or it can't be replaced; the text says what to write instead."""


class UnknownPlaceError(UnknownTargetError):
    """There is no failpoint or function of that name in this process."""


class Seat(Protocol):
    """A callable that can be replaced.

    Attributes:
        key: What two seats have in common that are the same callable.
        original: What its calls did before.
    """

    key: object
    original: Function

    def take(self, answer: Function) -> None:
        """Have ``answer`` called in its place."""

    def leave(self) -> None:
        """Have the function called again."""


@final
class CodeSeat:
    """A function written in Python, which keeps its identity: only its code is another one."""

    def __init__(self, function: FunctionType) -> None:
        self.key: object = id(function)
        self.original: Function = function
        self._function = function
        self._undo = contextlib.ExitStack()

    def take(self, answer: Function) -> None:
        """Give the function other code, and the signature of its own."""
        function = self._function
        self.original = twin_of(function)
        if not {"__signature__", "__wrapped__"} & function.__dict__.keys():
            with contextlib.suppress(ValueError, TypeError):  # annotations may be of any kind
                function.__signature__ = inspect.signature(function)  # type: ignore[attr-defined]  # as `inspect` reads it
                self._undo.callback(function.__dict__.pop, "__signature__", None)
        code = trampoline(function, answer)
        put_code(function, code)
        self._undo.callback(take_code, function, code)

    def leave(self) -> None:
        self._undo.close()


@final
class PartialSeat:
    """A `functools.partial` or `functools.partialmethod`: what it calls is another function."""

    def __init__(self, holder: functools.partial[Any] | functools.partialmethod[Any]) -> None:
        self.key: object = id(holder)
        self._holder = holder
        self._function = holder.func
        self.original: Function = getattr(holder.func, "__func__", holder.func)

    def take(self, answer: Function) -> None:
        @functools.wraps(self.original, updated=())
        def called(*args: Any, **kwargs: Any) -> Any:
            return answer(*args, **kwargs)

        shape = type(self._function)
        self._put(shape(called) if shape in {classmethod, staticmethod} else called)

    def leave(self) -> None:
        self._put(self._function)

    def _put(self, function: Function) -> None:
        holder = self._holder
        if isinstance(holder, functools.partialmethod):
            holder.func = function
        else:
            holder.__setstate__((function, holder.args, holder.keywords, vars(holder)))  # type: ignore[attr-defined]  # of `copy` and `pickle`


@final
class ReferenceSeat:
    """What is written in C, such as ``time.sleep``: it is replaced at each reference of a module or a class.

    Where a class has inherited it and is to be struck alone, it is replaced at that attribute. What others put there
    meanwhile, such as a mock, stays until they take it away; and then they put back the function, though they had found
    the stand-in: what they have kept is replaced as well.

    Attributes:
        stand_in: What is there instead.
    """

    def __init__(self, function: Function, name: str, heir: ClassAttribute | None = None) -> None:
        self.key: object = (id(function), heir)
        self.original: Function = _nothing if function is object.__init__ else function
        self._function = function
        self._name = name
        self._heir = heir
        self.stand_in: Function | None = None
        self._unshared = 0
        self._placed: list[tuple[Reference, Any, Any]] = []

    def take(self, answer: Function) -> None:
        """Put a stand-in at every reference.

        Raises:
            UnknownTargetError: There is no reference, or none that can be changed.
        """
        self.stand_in = _like(self._function, answer)
        references = [*references_to(self._function)] if self._heir is None else [self._heir]
        if not references:
            raise UnknownTargetError(
                f"no module or class refers to {self._name}, so it can't be replaced: put the fault into the function "
                'of yours that calls it, or at a failpoint("name") beside the call'
            )
        self._unshared = sys.getrefcount(self.stand_in)
        try:
            for each in references:
                before = each.current()
                fitting = each.fitting(self.stand_in)
                each.point_to(fitting)
                self._placed.append((each, fitting, before))
        except TypeError:  # a class written in C
            self.leave()
            raise UnknownTargetError(f"{self._name} {BUILT_IN}") from None

    def leave(self) -> None:
        """Put the function back, wherever its stand-in is by now."""
        kept, values = [], []
        put = None
        while self._placed:
            reference, put, before = self._placed.pop()
            if reference.current() is put or reference.current() is ABSENT:
                reference.point_to(before)
            if put is not self.stand_in and sys.getrefcount(put) > _HELD_HERE:
                kept.append(put)
                values.append(self._function if before is ABSENT else before)
        del put
        if kept:  # looking for references takes milliseconds
            replace_everywhere(tuple(kept), values, self._heir)
            kept.clear()
        if sys.getrefcount(self.stand_in) > self._unshared:
            replace_everywhere((self.stand_in,), [self._function], self._heir)


_HELD_HERE: Final = 2
"""References to an object that a local variable alone refers to: that, and the argument of the question."""


def _like(function: Function, answer: Function) -> Function:
    """A function that hands its calls to ``answer``, and looks like another one."""
    if isinstance(function, FunctionType):
        made = twin_of(function)
        made.__code__ = trampoline(function, answer)
        return made

    def stand_in(*args: Any, **kwargs: Any) -> Any:
        return answer(*args, **kwargs)

    stand_in.__code__ = stand_in.__code__.replace(co_filename=STAND_IN_FILE, co_name=function.__name__)
    return functools.update_wrapper(stand_in, function, updated=())


def _nothing(*args: Any, **kwargs: Any) -> None:
    """Stand for `object.__init__`, which takes no arguments where a class has one of its own."""
