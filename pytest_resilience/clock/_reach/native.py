"""Reach every copy of a C function, in constant time.

``from time import sleep`` makes a second reference to one function object; a default argument, a class attribute and a
``functools.partial`` make others. Looking for them means walking the whole heap and still misses some. Here the one
object that they all share is pointed at a Python function instead, and pointed back afterwards:

* `BuiltinPatch` swaps the method table entry of a built-in function (``time.sleep``, ``os.waitpid``);
* `TypePatch` swaps methods in the dictionary of an immutable C type (``_thread.lock``, ``datetime.datetime``). Class
  methods that are bound already are built-in functions of their own: only `BoundPatch` has to walk the heap.

They rely on the memory layout of CPython, which is checked before anything is written, and on its global lock (the
GIL), without which nothing here is safe. A thread can lose the GIL only at a call, at a jump backward, where a trace
function runs, which is before each line, and where garbage is collected, which takes a new container. A built-in
function is described by three fields that must fit together: a thread that finds the C function of one beside the
``self`` of another reads wild memory, and the process crashes. So `BuiltinPatch` computes everything first, and writes
the three with no call and no line end between them. `TypePatch` writes by one call of `dict.update`, which runs no
Python code: all keys are texts, and the old values stay referenced.
"""

from __future__ import annotations

import contextlib
import ctypes
import gc
import inspect
import sys
import types
from collections.abc import Callable, Iterator, Mapping
from typing import Any, TypeVar, cast

from resilience.testing import every_object, referrers, twin_of

_kept: list[ctypes.Structure] = []
"""Definitions of functions that may be called for as long as the process lives: nothing else refers to them."""

_clones: list[object] = []
"""Second functions, which look like what they do the same as, and are not to be taken for it."""

F = TypeVar("F", bound=Callable[..., Any])

_api = ctypes.pythonapi
_HEADER = object.__basicsize__  # what each object begins with: its reference count and its type
_NO_ARGUMENTS, _ONE_ARGUMENT = 0x0004, 0x0008  # METH_NOARGS and METH_O of methodobject.h
_ANY_ARGUMENTS = 0x0001 | 0x0002  # METH_VARARGS | METH_KEYWORDS


class _MethodDef(ctypes.Structure):
    """``PyMethodDef``: name, C function, calling convention and docstring of a built-in function."""

    _fields_ = (
        ("name", ctypes.c_char_p),
        ("function", ctypes.c_void_p),
        ("flags", ctypes.c_int),
        ("doc", ctypes.c_char_p),
    )


class _Builtin(ctypes.Structure):
    """``PyCFunctionObject``: a built-in function as it lies in memory."""

    _fields_ = (
        ("header", ctypes.c_byte * _HEADER),
        ("definition", ctypes.c_void_p),
        ("self", ctypes.c_void_p),
        ("module", ctypes.c_void_p),
        ("weak_references", ctypes.c_void_p),
        ("vectorcall", ctypes.c_void_p),
    )


def _address(name: str) -> int | None:
    return ctypes.cast(getattr(_api, name), ctypes.c_void_p).value


# These C functions take (callable, arguments...), which is also how a built-in function receives (self, arguments...):
# with a Python function as its "self", a built-in calls that function, and errors pass through as usual.
_CALLS = {
    _NO_ARGUMENTS: _address("PyObject_CallNoArgs"),
    _ONE_ARGUMENT: _address("PyObject_CallOneArg"),
    _ANY_ARGUMENTS: _address("PyObject_Call"),
}

_new_function = ctypes.PYFUNCTYPE(ctypes.py_object, ctypes.c_void_p, ctypes.py_object, ctypes.py_object)(
    ("PyCFunction_NewEx", _api)
)
_type_modified = ctypes.PYFUNCTYPE(None, ctypes.py_object)(("PyType_Modified", _api))
_incref = ctypes.PYFUNCTYPE(None, ctypes.py_object)(("Py_IncRef", _api))
_decref = ctypes.PYFUNCTYPE(None, ctypes.py_object)(("Py_DecRef", _api))


def _layout(function: types.BuiltinFunctionType) -> tuple[_Builtin, _MethodDef]:
    """The memory of ``function`` and its definition; raises `RuntimeError` where they are not as expected.

    What Python tells of them as well, the object and the name, is compared: another layout does not pass.
    """
    memory = _Builtin.from_address(id(function))
    if memory.self == id(function.__self__) and memory.definition:
        definition = _MethodDef.from_address(memory.definition)
        if definition.name == function.__name__.encode():
            return memory, definition
    raise RuntimeError(
        f"virtual time needs CPython's own layout of built-in functions, and {function!r} does not have it; "
        "run the test on a standard build of CPython 3.11 or later"
    )


def original(module: types.ModuleType, name: str) -> Any:
    """The built-in function ``name`` of ``module``, also while another tool has put something else in its place."""
    found = getattr(module, name)
    if _is_of(found, module, name):
        return found
    for candidate in every_object():  # in which each built-in function is, as it refers to its module
        if _is_of(candidate, module, name) and not any(candidate is each for each in _clones):
            return candidate
    raise RuntimeError(
        f"{module.__name__}.{name} has been replaced by {found!r} and the original is gone; "
        "open the virtual clock before whatever replaced it"
    )


def _is_of(candidate: object, module: types.ModuleType, name: str) -> bool:
    return type(candidate) is types.BuiltinFunctionType and candidate.__self__ is module and candidate.__name__ == name


def clone(function: F) -> F:
    """A second built-in function with the behaviour of ``function``, which no patch of ``function`` reaches."""
    memory, _ = _layout(cast("types.BuiltinFunctionType", function))
    made = _new_function(memory.definition, function.__self__, function.__module__)  # type: ignore[attr-defined]  # a built-in has __self__
    _clones.append(made)
    return cast("F", made)


def ignoring_arguments(function: Callable[[], Any]) -> Callable[..., Any]:
    """A built-in function that calls ``function``, whatever it is given."""
    definition = _MethodDef(b"call", _CALLS[_NO_ARGUMENTS], _ANY_ARGUMENTS, None)
    _kept.append(definition)
    return cast("Callable[..., Any]", _new_function(ctypes.addressof(definition), function, __name__))


def _calling(replacement: Callable[..., Any], own: object) -> object:
    """The "self" of a patched built-in that had ``own`` for it, whose call is that of ``replacement``.

    Python names, shows and pickles a built-in by its "self", as a plain function only where that is a module.
    """
    call = {"__call__": staticmethod(replacement)}
    if isinstance(own, type):
        return type("type", (type,), call)(own.__name__, (own,), {"__module__": own.__module__})
    name = cast("types.ModuleType", own).__name__
    return type(name, (types.ModuleType,), call)(name)


class BuiltinPatch:
    """Let every copy of the built-in function ``target`` call ``replacement`` while installed.

    ``replacement`` is a Python function of the same signature. A built-in without a Python signature passes all its
    arguments by position, so ``replacement`` receives exactly what the caller wrote.
    """

    def __init__(self, target: Callable[..., Any], replacement: Callable[..., Any]) -> None:
        builtin = cast("types.BuiltinFunctionType", target)
        self._target = builtin
        self._memory, original = _layout(builtin)
        self._replacement = _calling(replacement, builtin.__self__)
        # The interpreter chooses by the flags what it passes to the C function, so each convention needs one that takes
        # just that. Where it passes the arguments as an array, it has kept a shortcut (the field ``vectorcall``), which
        # `install` takes away: then it makes a tuple of them, as for any C function of arguments and keywords.
        flags = original.flags if original.flags in _CALLS else _ANY_ARGUMENTS
        self._definition = _MethodDef(original.name, _CALLS[flags], flags, original.doc)
        self._saved: tuple[int, int, int | None] | None = None

    def install(self) -> None:
        """Redirect the target, with a reference to the replacement, as the garbage collector expects."""
        _incref(self._replacement)  # before it is needed: one reference too many is harmless, one too few is not
        memory, own, definition = self._memory, id(self._replacement), ctypes.addressof(self._definition)
        vectorcall = None if self._definition.flags == _ANY_ARGUMENTS else memory.vectorcall
        self._saved = (memory.self, memory.definition, memory.vectorcall)
        memory.self, memory.definition, memory.vectorcall = own, definition, vectorcall  # on one line, see above

    def restore(self) -> None:
        """Give the target its own behaviour back; harmless when it is not installed."""
        if self._saved is None:
            return
        memory, (own, definition, vectorcall) = self._memory, self._saved
        memory.self, memory.definition, memory.vectorcall = own, definition, vectorcall  # on one line, see above
        self._saved = None
        _decref(self._replacement)


def builtin_patches(module: types.ModuleType, *replacements: Callable[..., Any]) -> Iterator[BuiltinPatch]:
    """`BuiltinPatch` for functions of a module, each of which is named after its replacement without the underscore."""
    for each in replacements:
        yield BuiltinPatch(original(module, each.__name__.removeprefix("_")), each)


def _named(target: type, name: str, method: Any) -> Any:
    """A method with the name of the one that it replaces, by which it is pickled, and with its signature."""
    if isinstance(method, classmethod):
        return classmethod(_named(target, name, method.__func__))
    if not isinstance(method, types.FunctionType):
        return method
    made = twin_of(method)
    made.__name__, made.__qualname__, made.__module__ = name, f"{target.__qualname__}.{name}", target.__module__
    made.__doc__ = target.__dict__[name].__doc__
    with contextlib.suppress(Exception):  # many methods in C don't tell theirs, or in words that can't be evaluated
        original = target.__dict__[name]
        made.__signature__ = inspect.signature(original)  # type: ignore[attr-defined]  # as `inspect` reads it
    return made


def copies_of(kind: type) -> list[type]:
    """The class ``kind`` of a module in C, and those that other imports of that module have made."""
    name = kind.__qualname__
    found: list[type] = kind.__mro__[1].__subclasses__()
    return [each for each in found if each.__qualname__ == name and each.__module__ == kind.__module__]


class TypePatch:
    """Replace methods of the C type ``target``, immutable or not, for every instance, while installed."""

    def __init__(self, target: type, methods: Mapping[str, object]) -> None:
        self._target = target
        self._methods = {name: _named(target, name, method) for name, method in methods.items()}
        (self._namespace,) = gc.get_referents(target.__dict__)  # the dictionary behind the view that cannot be written
        self._originals = {name: self._namespace[name] for name in methods}

    def install(self) -> None:
        """Put the replacements into the type's dictionary and drop the interpreter's caches of it.

        Between the two calls another thread may find an old method in a cache: it still works, and nobody has freed it.
        """
        self._namespace.update(self._methods)
        _type_modified(self._target)

    def restore(self) -> None:
        self._namespace.update(self._originals)
        _type_modified(self._target)


class BoundPatch:
    """`BuiltinPatch` for class methods of a C type that a program has bound already, which no `TypePatch` reaches.

    To find them takes a walk of the heap. It is made again where modules have been loaded since that
    have the type, or its module, to bind methods of: they are kept in default arguments and in classes.
    """

    def __init__(self, owner: type, replacements: Mapping[str, Callable[..., Any]]) -> None:
        self._owner = owner
        self._replacements = replacements
        self._found: dict[int, BuiltinPatch] = {}
        self._modules: set[str] = set()

    def install(self) -> None:
        """Redirect those that there are now."""
        if len(self._modules) != len(sys.modules) and self._is_known_to_new_modules():
            for each in referrers(self._owner):
                if type(each) is types.BuiltinFunctionType and each.__self__ is self._owner:
                    replacement = self._replacements.get(each.__name__)
                    if replacement is not None and id(each) not in self._found:
                        self._found[id(each)] = BuiltinPatch(each, replacement)
        for patch in self._found.values():
            patch.install()

    def _is_known_to_new_modules(self) -> bool:
        loaded = dict(sys.modules)
        new = loaded.keys() - self._modules
        is_first = not self._modules
        self._modules = set(loaded)
        binders = {id(self._owner), id(loaded.get(self._owner.__module__))}
        namespaces = (getattr(loaded[name], "__dict__", {}).copy() for name in new)
        return is_first or any(not binders.isdisjoint(map(id, each.values())) for each in namespaces)

    def restore(self) -> None:
        for patch in self._found.values():
            patch.restore()
