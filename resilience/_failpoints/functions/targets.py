"""Where a fault can be put: failpoints by their name, functions and methods by their name or as they are."""

from __future__ import annotations

import functools
import importlib
import inspect
import sys
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager
from dataclasses import dataclass, replace
from inspect import getattr_static
from types import FunctionType, MethodType, ModuleType
from typing import Any, Final, final

from resilience._failpoints.functions.kinds import Kind, inside_context_manager, kind_of
from resilience._failpoints.functions.references import ClassAttribute, is_of_the_program, other_holders, references_to
from resilience._failpoints.functions.seats import (
    BUILT_IN,
    CodeSeat,
    PartialSeat,
    ReferenceSeat,
    Seat,
    UnknownPlaceError,
    UnknownTargetError,
)
from resilience._failpoints.functions.stand_ins import armed_as, standing_in
from resilience._failpoints.functions.unpassed_failpoints import names_in_code
from resilience._failpoints.script.actions.action import PlaceKind
from resilience._failpoints.table import Interceptor, arming, known_names
from resilience._support.wording import closest, suggestion
from resilience.redact import message_of, type_name

_HEAP_TYPE: Final = 1 << 9  # Py_TPFLAGS_HEAPTYPE: made by a class statement, or as one is
_IMMUTABLE_TYPE: Final = 1 << 8  # Py_TPFLAGS_IMMUTABLETYPE


@final
@dataclass(frozen=True, slots=True)
class Target:
    """A function or failpoint that a fault can be put into.

    Attributes:
        name: The name of the failpoint, or ``module:qualname``.
        key: What two targets have in common that are the same place.
        intercepted: Puts an interceptor there for the length of a ``with`` block.
        kind: Which actions it can do: those of a function, or of a class.
        overlooked: Names what else holds the function, where a fault does not strike.
    """

    name: str
    key: object
    intercepted: Callable[[Interceptor], AbstractContextManager[None]]
    kind: PlaceKind = "function"
    overlooked: Callable[[], list[str]] = list


def failpoint_target(name: str) -> Target:
    """Return the failpoint of a name, whether it is known or not."""
    return Target(name, name, functools.partial(arming, name))


def _function(name: str, seat: Seat, kind: Kind = Kind.RESULT, heir: type | None = None) -> Target:
    return Target(name, (seat.key, heir), functools.partial(standing_in, seat, kind, heir))


def target_of(wanted: object) -> Target:
    """Return the place that is meant by a name or by a function.

    Raises:
        UnknownTargetError: It is no failpoint, and nothing that can be replaced.
    """
    if not isinstance(wanted, str):
        return _of_callable(wanted)
    is_written_as_function = ":" in wanted
    in_code = set() if is_written_as_function or wanted in known_names() else names_in_code()
    if wanted in {*known_names(), *in_code}:
        return failpoint_target(wanted)
    loaded = len(sys.modules)
    found = _resolve(wanted)  # before all code is looked through, which takes milliseconds
    if found is None:
        if is_written_as_function or len(sys.modules) != loaded:
            in_code = names_in_code()
        if wanted in in_code:
            return failpoint_target(wanted)
        names = sorted({*known_names(), *in_code, *(_neighbours(wanted) or [*_cousins(wanted), *_methods(wanted)])})
        hint = f" A function is named with its module: 'package.module:{wanted}'." if wanted.isidentifier() else ""
        raise UnknownPlaceError(f"no failpoint or function is called {wanted!r}. {suggestion(wanted, names)}{hint}")
    return target_of_member(*found, wanted)


def target_of_member(owner: object, attribute: str, value: object, written: str = "") -> Target:
    """Return the place that an attribute of a module or a class is.

    Raises:
        UnknownTargetError: It is nothing that can be replaced.
    """
    if not isinstance(owner, type):
        return _of_callable(value, None, attribute, written)
    descriptor = getattr_static(owner, attribute)
    if _is_made_anew(value, descriptor) and getattr(owner, attribute) is not value:
        raise UnknownTargetError(
            f"{_name_in(owner, attribute)} is another function at each look-up, which {type(descriptor).__name__} "
            "makes, so nobody would meet the fault: put it into the function of yours that these call, or at a "
            'failpoint("name") in it'
        )
    return _of_callable(value, owner, attribute, written)


def _is_made_anew(value: object, descriptor: object) -> bool:
    """Tell whether a class gives a function that it does not hold, by a descriptor that is not known here."""
    known = (FunctionType, staticmethod, classmethod, functools.partialmethod, functools.singledispatchmethod)
    return isinstance(value, (FunctionType, functools.partial)) and not isinstance(descriptor, (*known, type(value)))


def _of_callable(wanted: Any, owner: type | None = None, attribute: str = "", written: str = "") -> Target:
    failpoint = getattr(wanted, "failpoint", None)
    if isinstance(failpoint, str) and failpoint in known_names():  # a decorated callable, or a method bound to one
        return failpoint_target(failpoint)
    heir = owner if owner is not None and attribute not in vars(owner) else None
    if isinstance(wanted, property | functools.cached_property):
        wanted = wanted.fget if isinstance(wanted, property) else wanted.func
    partial = _partial_of(wanted)
    if partial is not None:
        of = getattr(partial.func, "__qualname__", partial.func)
        return _function(
            written or f"{type(partial).__name__} of {of}", PartialSeat(partial), kind_of(partial.func), heir
        )
    if isinstance(wanted, type):
        return _of_class(wanted)
    function = wanted.__func__ if isinstance(wanted, MethodType) else wanted
    if not isinstance(function, FunctionType) or (heir and isinstance(getattr_static(heir, attribute), staticmethod)):
        return _of_reference(wanted, owner, attribute)
    dispatching = getattr(getattr(function, "register", None), "__self__", None)
    if isinstance(dispatching, functools.singledispatchmethod):
        return _of_dispatching(dispatching, function)
    name = f"{function.__module__}:{function.__qualname__}" if heir is None else _name_in(heir, attribute)
    armed = armed_as(function)
    if armed is not None:
        return _function(name, armed)
    inside, kind = inside_context_manager(function) or (function, kind_of(function))
    return _function(name, CodeSeat(inside), kind, heir)


def _of_class(wanted: type) -> Target:
    """Return the place of a class: its `__init__`, since no class but that of all classes decides what a call makes."""
    name = f"{wanted.__module__}:{wanted.__qualname__}"
    function = getattr_static(wanted, "__init__")
    if isinstance(function, FunctionType):
        return replace(_function(name, CodeSeat(function), heir=wanted), kind="class")
    if "__init__" in vars(wanted) or _is_fixed(wanted):
        raise UnknownTargetError(f"{wanted.__qualname__} {BUILT_IN}")
    attribute = ClassAttribute(wanted, "__init__")
    return replace(_function(name, ReferenceSeat(function, name, attribute), heir=wanted), kind="class")


def _of_dispatching(method: functools.singledispatchmethod[Any], made: FunctionType) -> Target:
    """Return the place of a `singledispatchmethod`, which makes a function at each look-up: its name in the class."""
    seen_in = inspect.getclosurevars(made).nonlocals["cls"]
    owner, attribute = next(
        (base, name) for base in seen_in.__mro__ for name, value in vars(base).items() if value is method
    )

    @functools.wraps(method.func)
    def call(receiver: Any, /, *args: Any, **kwargs: Any) -> Any:
        return method.__get__(receiver, type(receiver))(*args, **kwargs)

    name = _name_in(owner, attribute)
    return _function(name, ReferenceSeat(call, name, ClassAttribute(owner, attribute)), kind_of(method.func))


def _partial_of(wanted: Any) -> functools.partial[Any] | functools.partialmethod[Any] | None:
    """Return what binds arguments to a function, if that is what is wanted."""
    if isinstance(wanted, functools.partial | functools.partialmethod):
        return wanted
    # What a class gives for a partialmethod is made anew each time, and says from what.
    made_of = getattr(wanted, "__partialmethod__", None) or getattr(wanted, "_partialmethod", None)
    return made_of if isinstance(made_of, functools.partialmethod) else None


def _of_reference(wanted: Any, owner: type | None, attribute: str) -> Target:
    """Return the place of what is not written in Python, and is replaced at each reference to it."""
    if not callable(wanted) or not hasattr(wanted, "__qualname__"):
        raise UnknownTargetError(
            "a fault goes into a failpoint (its name), or a function, class, method or property (the object itself, "
            f"not called, or 'package.module:qualname'), got {wanted!r}{_in_its_class(wanted)}"
        )
    bound = None if inspect.isbuiltin(wanted) and _is_referred_to(wanted) else _owner_of(wanted)
    if bound is not None:
        owner, attribute = bound
    if owner is not None and (attribute not in vars(owner) or _is_borrowed(owner, attribute)):
        if attribute == "__new__":  # which no class can lose again: `object.__new__` then takes no arguments any more
            raise UnknownTargetError(
                f"{owner.__qualname__} has no __new__ of its own: name the class itself, "
                f"'{owner.__module__}:{owner.__qualname__}'"
            )
        raw = getattr_static(owner, attribute)
        name = _name_in(owner, attribute)
        inherited = getattr(raw, "__func__", raw)
        return _function(name, ReferenceSeat(inherited, name, ClassAttribute(owner, attribute)), kind_of(inherited))
    function = wanted if owner is None else vars(owner)[attribute]
    function = getattr(function, "__func__", function)
    owner = getattr(function, "__objclass__", owner)
    if owner is not None and "__module__" not in vars(owner):  # one of the interpreter's own
        raise UnknownTargetError(f"{owner.__qualname__}.{attribute or function.__name__} {BUILT_IN}")
    module = getattr(function, "__module__", None) or getattr(owner, "__module__", "builtins")
    name = f"{module}:{function.__name__ if inspect.isbuiltin(function) else function.__qualname__}"
    if owner is not None and _is_fixed(owner):
        raise UnknownTargetError(f"{name} {BUILT_IN}")
    target = _function(name, ReferenceSeat(function, name), kind_of(function))
    return replace(target, overlooked=functools.partial(other_holders, function))


def _in_its_class(wanted: object) -> str:
    """Say where the calls of an object that can be called are to be struck."""
    call = getattr(type(wanted), "__call__", None)  # noqa: B004  # its place, and not whether there is one
    if not isinstance(call, FunctionType) or "<locals>" in call.__qualname__ or not is_of_the_program(call.__module__):
        return ""
    return f": what is called is '{call.__module__}:{call.__qualname__}'"


def _is_fixed(kind: type) -> bool:
    """Tell whether a class lets nobody change its attributes."""
    return not kind.__flags__ & _HEAP_TYPE or bool(kind.__flags__ & _IMMUTABLE_TYPE)


def _is_borrowed(owner: type, attribute: str) -> bool:
    """Tell whether a class has under a name of its own what it would inherit of a class written in C.

    So pytest-socket puts `socket.socket.connect` back after each test.
    """
    home = getattr(vars(owner)[attribute], "__objclass__", owner)
    return home is not owner and home in owner.__mro__ and _is_fixed(home)


def _is_referred_to(function: Any) -> bool:
    """Tell whether a module or a class has a built-in function; most have a home, and others are looked for."""
    home = sys.modules.get(str(function.__module__))
    return getattr(home, function.__name__, None) is function or any(references_to(function))


def _name_in(owner: type, attribute: str) -> str:
    return f"{owner.__module__}:{owner.__qualname__}.{attribute}"


def _owner_of(method: Any) -> tuple[type, str] | None:
    """Return the class of a bound method, and the name the method has there; None for what is bound to no class."""
    receiver = getattr(method, "__self__", None)
    if receiver is None:
        return None
    owner = receiver if isinstance(receiver, type) else type(receiver)
    function = getattr(method, "__func__", None)
    for base in owner.__mro__ if function is not None else ():
        for key, value in list(vars(base).items()):  # a name that is private to its class is not the method's own
            if getattr(value, "__func__", value) is function:
                return owner, key
    name = str(method.__name__)
    return None if getattr_static(owner, name, None) is None else (owner, name)


def _resolve(name: str) -> tuple[Any, str, Any] | None:
    """Return what ``package.module:qualname`` or ``package.module.qualname`` names; None where there is none.

    Three things: what holds the object, the name that it has there, and the object.
    """
    for module_name, qualname in _splits(name):
        found: Any = _module(module_name, name)
        owner, attribute = None, ""
        try:
            for attribute in qualname.split("."):
                owner, found = found, _attribute(found, attribute)
        except AttributeError:
            continue
        return owner, attribute, found
    return None


def _attribute(holder: Any, name: str) -> Any:
    """Return an attribute, which is a descriptor where getting it would be a call of what is wanted."""
    raw = getattr_static(holder, name, None)
    is_call = isinstance(raw, property | functools.cached_property | functools.partialmethod)
    return raw if is_call else getattr(holder, name)


def _splits(name: str) -> Iterator[tuple[str, str]]:
    """Yield the ways to take a name apart into a module, which exists, and what is in it."""
    parts = name.split(".")
    splits = [(".".join(parts[:i]), ".".join(parts[i:])) for i in range(len(parts) - 1, 0, -1)]
    if ":" in name:
        before, _, after = name.partition(":")
        splits = [(before, after)]
    for module_name, qualname in splits:
        if all(map(str.isidentifier, module_name.split("."))) and _module(module_name, name) is not None:
            yield module_name, qualname


def _module(module_name: str, wanted: str) -> ModuleType | None:
    """Return a module, imported if it wasn't yet; None where there is none."""
    try:
        return sys.modules.get(module_name) or importlib.import_module(module_name)
    except Exception as error:
        missing = error.name if isinstance(error, ModuleNotFoundError) else None
        if missing is not None and f"{module_name}.".startswith(f"{missing}."):
            return None
        raise UnknownTargetError(
            f"{wanted!r} can't be found, since importing {module_name} failed: {type_name(error)}: {message_of(error)}"
        ) from error


def _neighbours(name: str) -> list[str]:
    """Return the functions and methods of the module that a name begins with, written as the name is."""
    module_name = next((module_name for module_name, _ in _splits(name)), None)
    return [] if module_name is None else list(functions_in(module_name, ":" if ":" in name else "."))


def _cousins(name: str) -> list[str]:
    """Return the functions and methods of the loaded modules whose names come closest to the one in a name."""
    separator = ":" if ":" in name else "."
    modules = closest(name.rpartition(separator)[0], sys.modules, cutoff=0.8)
    return [each for module_name in modules for each in functions_in(module_name, separator)]


def _methods(name: str) -> list[str]:
    """Return the methods of the loaded classes that a name without a module begins with."""
    of = name.rpartition(".")[0]
    modules = [each for each, module in list(sys.modules.items()) if of and of in getattr(module, "__dict__", ())]
    return [each for module in modules for each in functions_in(module, ":") if each.startswith(f"{module}:{of}.")]


def functions_in(module_name: str, separator: str) -> Iterator[str]:
    """Yield the names of the functions and methods of a loaded module."""
    for key, value in list(vars(sys.modules[module_name]).items()):
        if inspect.isroutine(value):
            yield f"{module_name}{separator}{key}"
        elif isinstance(value, type) and value.__module__ == module_name:
            methods = [each for each, member in vars(value).items() if inspect.isroutine(member)]
            yield from (f"{module_name}{separator}{key}.{each}" for each in methods if not each.startswith("__"))
