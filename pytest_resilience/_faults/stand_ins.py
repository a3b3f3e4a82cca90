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
import gc
import inspect
import sys
import threading
from collections.abc import Callable, Iterator
from types import CellType, FunctionType, MethodType
from typing import Any, Final, final

from resilience.testing import Interceptor

_OWN: Final = __name__.partition(".")[0]
_changing = threading.RLock()
BUILT_IN: Final = (
    "is built into Python, where nothing can be replaced: put the fault into the function of yours that calls it, or "
    'at a failpoint("name") beside the call'
)


class UnknownTargetError(Exception):
    """There is no such failpoint or function, or it can't be replaced; the text says what to write instead."""


@contextlib.contextmanager
def standing_in(
    function: Callable[..., Any], name: str, interceptor: Interceptor, *, heir: type | None = None, attribute: str = ""
) -> Iterator[None]:
    """Have an interceptor answer for a function for the length of a ``with`` block.

    Args:
        function: What is to be replaced.
        name: What it is called in messages.
        interceptor: What answers.
        heir: A class that has inherited the function, where it is to be replaced for that class alone.
        attribute: The name of the function in that class.

    Raises:
        UnknownTargetError: The function can't be replaced.
    """
    with _changing:
        stand_in = _active_for(function, heir, attribute)
        if stand_in is None:
            stand_in = _StandIn(function, heir, attribute)
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


def is_kept_by_modules(function: object) -> bool:
    """Tell whether a module or a class has a name for this very object."""
    return next(_references(function), None) is not None


def _active_for(function: object, heir: type | None, attribute: str) -> _StandIn | None:
    for each in _active:
        same_place = each.heir is heir and each.attribute == attribute and each.original is function
        if same_place or each.function is function:
            return each
    return None


@final
class _StandIn:
    """The stand-in of one function, or of what one class has inherited.

    Attributes:
        original: What it stands in for.
        function: What stands there instead.
        heir: The class, where only what that has inherited is replaced.
        attribute: Its name there.
    """

    def __init__(self, original: Callable[..., Any], heir: type | None, attribute: str) -> None:
        self.original = original
        self.heir = heir
        self.attribute = attribute
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
        places = [(self.heir, self.attribute)] if self.heir is not None else list(_references(self.original))
        places = places or self._closures()
        if not places:
            raise UnknownTargetError(
                f"no module, class or closure refers to {name}, so it can't be replaced: make it a failpoint, by a "
                'retry decorator or by failpoint("name") in its body'
            )
        with contextlib.ExitStack() as undo:
            for owner, attribute in places:
                try:
                    undo.callback(_put, owner, attribute, _put(owner, attribute, self.function))
                except TypeError:  # a class written in C
                    raise UnknownTargetError(f"{name} {BUILT_IN}") from None
            self._undo = undo.pop_all()

    def remove(self) -> None:
        """Put the function back, also at references that were made meanwhile."""
        self._undo.close()
        if sys.getrefcount(self.function) > self._unshared:  # looking for references takes milliseconds
            for owner, attribute in list(_references(self.function)):
                _put(owner, attribute, self.original)

    def _closures(self) -> list[tuple[Any, str]]:
        """Return the closures that hold the function, but for the stand-in's own."""
        own = getattr(self.function, "__closure__", None) or ()
        return [
            (referrer, "cell_contents")
            for referrer in gc.get_referrers(self.original)
            if isinstance(referrer, CellType) and not any(referrer is cell for cell in own)
        ]

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
_ABSENT: Final = object()


def _put(owner: Any, attribute: str, value: Any) -> Any:
    """Set what a namespace, a class or a closure refers to; return what that was before.

    In a class it gets the wrapping (of a static or class method) that it has there.
    """
    if isinstance(owner, CellType):
        before, owner.cell_contents = owner.cell_contents, value
        return before
    if isinstance(owner, dict):
        before = owner.get(attribute, _ABSENT)  # the code under test may have deleted it
        bound = isinstance(before, MethodType) and not isinstance(value, MethodType)
        owner[attribute] = MethodType(value, before.__self__) if bound else value
        return before
    before = vars(owner).get(attribute, _ABSENT)
    if value is _ABSENT:
        if before is not _ABSENT:
            delattr(owner, attribute)
    elif isinstance(value, (staticmethod, classmethod)):
        setattr(owner, attribute, value)
    else:
        shape = before if before is not _ABSENT else inspect.getattr_static(owner, attribute)
        setattr(owner, attribute, _wrapped_like(shape, value))
    return before


def _wrapped_like(shape: object, value: Any) -> Any:
    if isinstance(shape, (staticmethod, classmethod)):
        return type(shape)(value)
    if isinstance(value, FunctionType) and not hasattr(type(shape), "__get__"):
        return staticmethod(value)  # a builtin in a class does not bind to instances, so its stand-in must not either
    return value


def _references(function: object) -> Iterator[tuple[Any, str]]:
    """Yield the namespaces of modules and the classes that refer to a function, each with the name it has there.

    A module may also keep a method of the function that is bound to some object, as `random` does.
    """
    for referrer in gc.get_referrers(function):
        if isinstance(referrer, (staticmethod, classmethod, MethodType)):
            yield from _references(referrer)
        elif isinstance(referrer, dict):
            keys = [key for key, value in list(referrer.items()) if value is function]
            for owner in _owners(referrer, function):
                yield from ((owner, key) for key in keys)


def _owners(scope: dict[Any, Any], function: object) -> list[Any]:
    """Return the namespace of a module, or the class, that a dictionary with a function in it is."""
    module = sys.modules.get(str(scope.get("__name__")))
    if "__builtins__" in scope or (module is not None and vars(module) is scope):
        return [] if str(scope.get("__name__")).partition(".")[0] == _OWN else [scope]
    if "__module__" not in scope:
        return []
    home = _home_of(function)
    if home is not None and _is_of(scope, home):  # else all objects there are have to be asked
        return [home]
    return [each for each in gc.get_referrers(scope) if isinstance(each, type) and _is_of(scope, each)]


def _home_of(function: object) -> type | None:
    """Return the class that a function's name says it is defined in."""
    found: Any = sys.modules.get(str(getattr(function, "__module__", None)))
    for part in str(getattr(function, "__qualname__", "")).split(".")[:-1]:
        found = getattr(found, part, None)
    return found if isinstance(found, type) else None


def _is_of(scope: dict[Any, Any], owner: type) -> bool:
    namespace = vars(owner)
    return len(namespace) == len(scope) and all(namespace.get(key) is value for key, value in scope.items())
