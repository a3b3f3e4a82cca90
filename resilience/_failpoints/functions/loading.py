"""Says of each module that it has been loaded, or loaded again, in whichever way that is done.

The import system tells nobody. But it marks the spec of a module while that is loaded for the first time, also of one
that is being loaded already; and the loaders of the standard library run what is loaded again, or by hand.
"""

from __future__ import annotations

import functools
import sys
from collections.abc import Callable
from importlib.machinery import ExtensionFileLoader, ModuleSpec, SourceFileLoader, SourcelessFileLoader
from types import ModuleType
from typing import Any, Final
from zipimport import zipimporter

from resilience._support.loaded import is_loading

_MARK: Final = "_initializing"
_LOADERS: Final[tuple[Any, ...]] = (ExtensionFileLoader, SourceFileLoader, SourcelessFileLoader, zipimporter)
_listeners: Final[list[Callable[[ModuleType], object]]] = []


def on_loaded(listener: Callable[[ModuleType], object]) -> None:
    """Call a function with every module that is loaded from now on, once its code has run; for good."""
    if listener in _listeners:
        return
    if not _listeners:
        setattr(ModuleSpec, _MARK, property(_mark, _set_mark))
        for loader in _LOADERS:
            loader.exec_module = _telling(loader.exec_module)
    _listeners.append(listener)


def _mark(spec: ModuleSpec) -> Any:
    return vars(spec).get(_MARK, False)


def _set_mark(spec: ModuleSpec, value: object) -> None:
    was, vars(spec)[_MARK] = _mark(spec), value
    module = sys.modules.get(spec.name)
    if was and not value and module is not None:  # one whose code has raised is taken away before
        _tell(module)


def _telling(exec_module: Callable[[Any, ModuleType], None]) -> Callable[[Any, ModuleType], None]:
    @functools.wraps(exec_module)
    def execute(loader: Any, module: ModuleType) -> None:
        exec_module(loader, module)
        if not is_loading(module):  # else that is told at its end
            _tell(module)

    return execute


def _tell(module: ModuleType) -> None:
    for listener in _listeners.copy():
        listener(module)
