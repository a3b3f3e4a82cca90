"""The names of failpoints that stand in code which has not run yet."""

from __future__ import annotations

import dis
import functools
import inspect
import sys
from collections.abc import Iterator, Mapping
from types import CodeType, FunctionType, ModuleType
from typing import Final

from resilience._failpoints.functions.stand_ins import unarmed
from resilience._failpoints.table import failpoint

_HOUSE: Final = __name__.partition(".")[0]


def names_in_code() -> set[str]:
    """Return the names in the `failpoint` calls of the modules that import it, also of those calls not passed yet.

    Found are those in functions and methods of the module whose name is written out, or is a constant of a module or
    a class.
    """
    names: set[str] = set()
    for module in list(sys.modules.values()):
        if not issubclass(type(module), ModuleType):
            continue
        scope = dict(vars(module))
        held = set(map(id, scope.values()))  # most modules hold neither, and there are thousands
        if id(failpoint) not in held and id(sys.modules[_HOUSE]) not in held:
            continue
        aliases = {key for key, value in scope.items() if value is failpoint}
        if id(sys.modules[_HOUSE]) in held:
            aliases.add("failpoint")
        for value in scope.values():
            for code in _code_of(value, module.__name__):
                names.update(_names_in(code, aliases, scope))
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
    return (inspect.getattr_static(value, "__wrapped__", None),)


def _nested(code: CodeType) -> Iterator[CodeType]:
    yield code
    for constant in code.co_consts:
        if isinstance(constant, CodeType):
            yield from _nested(constant)


def _names_in(code: CodeType, aliases: set[str], scope: Mapping[str, object]) -> Iterator[str]:
    """Yield the names that stand as first argument right after the name of `failpoint`."""
    if aliases.isdisjoint(code.co_names):
        return
    follows, argument = False, None  # whether this belongs to the first argument, and its value as far as it is known
    for instruction in dis.get_instructions(code):
        loads = instruction.opname.startswith("LOAD")
        if loads and instruction.argval in aliases:
            follows, argument = True, None
        elif follows and instruction.opname == "LOAD_CONST" and argument is None:
            argument = instruction.argval
        elif follows and instruction.opname in {"LOAD_GLOBAL", "LOAD_NAME"} and argument is None:
            argument = scope.get(instruction.argval)
        elif follows and instruction.opname == "LOAD_ATTR" and isinstance(argument, type | ModuleType):
            argument = vars(argument).get(instruction.argval)
        elif instruction.opname != "PUSH_NULL":
            if follows and type(argument) is str:
                yield argument
            follows = False
