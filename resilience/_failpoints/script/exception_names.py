"""The names of exception classes: ``ConnectionError``, ``httpx.ConnectTimeout``, ``package.module:Outer.Inner``.

A name without a module is a builtin's. The module of any other is imported if it wasn't yet: that import is the only
code that looking up a name runs.
"""

from __future__ import annotations

import builtins
import importlib
import sys
from importlib.util import find_spec
from types import ModuleType

from resilience._failpoints.script.misread import MisreadError
from resilience._support.wording import did_you_mean

_EXPECTED = "an exception class: a builtin such as ConnectionError, or one with its module such as httpx.ConnectTimeout"


def find_exception_class(name: str) -> type[BaseException]:
    """Return the class called ``name``, importing its module if need be; raise `MisreadError` if there is none."""
    module_name, colon, qualname = name.partition(":")
    if colon:
        found = _attributes(_import(module_name), qualname.split("."), offset=len(module_name) + 1)
    elif "." in name:
        found = _walk(name.split("."))
    else:
        found = _attributes(builtins, [name], offset=0)
    if not (isinstance(found, type) and issubclass(found, BaseException)):
        raise MisreadError(_EXPECTED, found=f"'{name}', which is no exception class")
    return found


def exception_class_name(cls: type[BaseException]) -> str | None:
    """Return the shortest name by which `find_exception_class` finds ``cls``; None for one that no name leads to.

    A class that a package re-exports is named after the package: ``asyncio.CancelledError``, although it lives in
    ``asyncio.exceptions``.
    """
    if cls.__module__ == "builtins":
        return cls.__qualname__ if getattr(builtins, cls.__qualname__, None) is cls else None
    packages = str(cls.__module__).split(".")
    qualname = cls.__qualname__.split(".")
    for length in range(1, len(packages) + 1):
        holder: object = sys.modules.get(".".join(packages[:length]))
        for part in qualname:
            holder = getattr(holder, part, None) if isinstance(holder, ModuleType | type) else None
        if holder is cls:
            return ".".join((*packages[:length], *qualname))
    return None


def _walk(parts: list[str]) -> object:
    """Follow a dotted name; a loaded module goes before an attribute of the same name, an import comes last."""
    holder: object = _import(parts[0])
    for index, part in enumerate(parts[1:], start=1):
        path = ".".join(parts[: index + 1])
        if path in sys.modules:
            holder = sys.modules[path]
            continue
        try:
            holder = _attributes(holder, [part], offset=len(path) - len(part))
        except MisreadError:
            if not isinstance(holder, ModuleType) or "__path__" not in vars(holder) or find_spec(path) is None:
                raise
            holder = _import(path)
    return holder


def _attributes(holder: object, parts: list[str], *, offset: int) -> object:
    for part in parts:
        if not isinstance(holder, ModuleType | type):
            raise MisreadError(_EXPECTED, offset, f"'{part}', in something that is neither a module nor a class")
        try:
            found = getattr(holder, part)
        except Exception as error:  # noqa: BLE001  # a module's own __getattr__ may raise anything
            kinds = [(name, each) for name, each in vars(holder).items() if isinstance(each, type)]
            hint = did_you_mean(part, [name for name, each in kinds if issubclass(each, BaseException)])
            where = "" if holder is builtins else f" of '{holder.__name__}'"
            expected = f"an exception class{where}{hint}" if where else f"{_EXPECTED}{hint}"
            raise MisreadError(expected, offset, f"'{part}'") from _worth_showing(error)
        holder = found
        offset += len(part) + 1
    return holder


def _worth_showing(error: Exception) -> Exception | None:
    """An error that says more than that there is no such name."""
    return None if isinstance(error, AttributeError) else error


def _import(name: str) -> ModuleType:
    loaded = sys.modules.get(name)
    if loaded is not None:
        return loaded
    try:
        return importlib.import_module(name)
    except (Exception, SystemExit) as error:
        expected = "a module that can be imported"
        if isinstance(error, ModuleNotFoundError) and f"{name}.".startswith(f"{error.name}."):
            known = {each.partition(".")[0] for each in sys.modules} | sys.stdlib_module_names
            hint = did_you_mean(name, (each for each in known if not each.startswith("_")))
            raise MisreadError(f"{expected}{hint}", found=f"'{name}'") from None
        found = f"'{name}', whose import raised {type(error).__qualname__}: {error}"
        raise MisreadError(expected, found=found) from error
