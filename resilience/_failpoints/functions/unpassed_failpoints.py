"""The names of failpoints that stand in code which has not run yet."""

from __future__ import annotations

import dis
import functools
import inspect
import sys
from collections.abc import Iterator, Mapping
from types import BuiltinFunctionType, CodeType, FunctionType, ModuleType, NoneType
from typing import Final, NamedTuple

from resilience._failpoints.functions.stand_ins import unarmed
from resilience._failpoints.table import failpoint

_HOUSE: Final = __name__.partition(".")[0]


class _Argument(NamedTuple):
    """What a call is given: a constant, or the name of one in the module, with the attributes that lead on from it."""

    constant: object = None
    path: tuple[str, ...] = ()


_NOTHING: Final = _Argument()


def names_in_code() -> set[str]:
    """Return the names in the `failpoint` calls of the modules that import it, also of those calls not passed yet.

    Found are those in functions and methods of the module whose name is written out, or is a constant of a module or
    a class.
    """
    names: set[str] = set()
    house = sys.modules[_HOUSE]
    wanted = {id(failpoint), id(house)}
    for module in list(sys.modules.values()):
        if not issubclass(type(module), ModuleType):
            continue
        scope = dict(vars(module))
        if wanted.isdisjoint(map(id, scope.values())):  # as most, and there are thousands
            continue
        aliases = {key for key, value in scope.items() if value is failpoint}
        if any(value is house for value in scope.values()):
            aliases.add("failpoint")
        for value in scope.values():
            for code in _code_of(value, module.__name__):
                if not aliases.isdisjoint(code.co_names):
                    names.update(_names_of(_arguments(code, frozenset(aliases)), scope))
    return names


def _code_of(value: object, module: str) -> Iterator[CodeType]:
    """Yield the code of a function, or of all methods of a class, as far as the module itself defines them.

    Nothing of the value's own is called: what stands in a module may be a proxy that loads something, or raises.
    """
    kind = type(value)
    if issubclass(kind, type):
        if vars(value).get("__module__") == module:
            for member in list(vars(value).values()):
                yield from _code_of(member, module)
        return
    if kind is FunctionType and value.__module__ == module:
        yield from _nested(unarmed(value).__code__)  # type: ignore[attr-defined]  # looked at by type(), since a proxy may lie
    for inner in _inside(value):
        if inner is not None and inner is not value:
            yield from _code_of(inner, module)


def _inside(value: object) -> tuple[object, ...]:
    """Return what a decorated function, a method or a property holds."""
    kind = type(value)
    if issubclass(kind, (staticmethod, classmethod)):
        return (value.__func__,)  # type: ignore[attr-defined]  # as above
    if issubclass(kind, property):
        return (value.fget, value.fset)  # type: ignore[attr-defined]  # as above
    if issubclass(kind, functools.cached_property):
        return (value.func,)  # type: ignore[attr-defined]  # as above
    if kind is FunctionType:  # the other ways to ask for an attribute without a call of anything take much longer
        return (vars(value).get("__wrapped__"),)
    return () if kind in _BARE else (inspect.getattr_static(value, "__wrapped__", None),)


_BARE: Final = {str, int, float, bool, bytes, tuple, list, dict, set, NoneType, ModuleType, BuiltinFunctionType}
"""Types of most of what stands in a module, which hold nothing that is wrapped."""


def _nested(code: CodeType) -> Iterator[CodeType]:
    yield code
    for constant in code.co_consts:
        if isinstance(constant, CodeType):
            yield from _nested(constant)


@functools.lru_cache(maxsize=4096)  # a large suite's functions that pass failpoints; to read one takes 0.1 ms and more
def _arguments(code: CodeType, aliases: frozenset[str]) -> list[_Argument]:
    """Return what stands as first argument right after a name of `failpoint`."""
    found: list[_Argument] = []
    follows, argument = False, _NOTHING  # whether this belongs to the first argument, and what was read of it
    for instruction in dis.get_instructions(code):
        loads = instruction.opname.startswith("LOAD")
        if loads and instruction.argval in aliases:
            follows, argument = True, _NOTHING
        elif follows and instruction.opname == "LOAD_CONST" and argument is _NOTHING:
            argument = _Argument(constant=instruction.argval)
        elif follows and instruction.opname in {"LOAD_GLOBAL", "LOAD_NAME"} and argument is _NOTHING:
            argument = _Argument(path=(instruction.argval,))
        elif follows and instruction.opname == "LOAD_ATTR" and argument.path:
            argument = _Argument(path=(*argument.path, instruction.argval))
        elif instruction.opname != "PUSH_NULL":
            if follows:
                found.append(argument)
            follows = False
    return found


def _names_of(arguments: list[_Argument], scope: Mapping[str, object]) -> Iterator[str]:
    """Yield those of the arguments that are a text, written out or as a constant of the module or of a class."""
    for argument in arguments:
        found = scope.get(argument.path[0]) if argument.path else argument.constant
        for attribute in argument.path[1:]:
            if isinstance(found, type | ModuleType):
                found = vars(found).get(attribute)
        if type(found) is str:
            yield found
