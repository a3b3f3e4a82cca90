"""Copies of exceptions that share nothing with the original which raising changes.

A script raises the same exception many times. Raising one object twice would pile up its traceback, its context and
its notes, and two threads would write to it at once; so every strike raises a copy.

No constructor of the user's class runs: exceptions whose ``__init__`` takes other arguments than it stores can't be
rebuilt by calling the class, which is why `copy.copy` fails on them or loses their attributes.
"""

from __future__ import annotations

from collections.abc import Iterator
from types import MemberDescriptorType
from typing import Any, cast

_BASE = vars(BaseException)
_HEAP_TYPE = 1 << 9  # Py_TPFLAGS_HEAPTYPE: a class made at run time, not one of the interpreter's own


def fresh_copy(error: BaseException) -> BaseException:
    """Return a copy of ``error``: same type, ``args``, attributes and cause, but no traceback and no context.

    The exceptions of a group are copied too; other attributes are shared, the list of notes is not. The few classes
    written in C that can't be copied from outside give the original, cleared of its traceback and context.
    """
    try:
        copied = _rebuild(error)
    except (TypeError, ValueError, AttributeError):
        copied = error.with_traceback(None)
        _BASE["__context__"].__set__(copied, None)
    return copied


def identity(error: BaseException) -> tuple[object, ...]:
    """Return what two exceptions must share to be the same fault: type, ``args``, attributes and cause.

    The exceptions of a group, or among the ``args``, are compared in the same way.
    """
    if isinstance(error, BaseExceptionGroup):
        parts: tuple[object, ...] = (error.message, *map(identity, error.exceptions))
    else:
        parts = tuple(map(_part, _BASE["args"].__get__(error)))
    state = {name: value for _, name, value in _members(error)} | vars(error)
    cause = _BASE["__cause__"].__get__(error)
    return type(error), parts, tuple((name, _part(state[name])) for name in sorted(state)), cause


def constructor_arguments(error: BaseException) -> tuple[tuple[object, ...], dict[str, Any]]:
    """Return the positional arguments and the attributes which the interpreter itself would pickle.

    They hold what ``args`` leaves out, such as the file name of an `OSError` or the module of an `ImportError`.
    """
    if isinstance(error, BaseExceptionGroup):
        return (error.message, list(error.exceptions)), vars(error)
    _, args, *state = cast("tuple[Any, ...]", _interpreter_class(type(error)).__reduce__(error))
    return args, dict(state[0] or {}) if state else {}


def _part(value: object) -> object:
    return identity(value) if isinstance(value, BaseException) else (type(value), value)


def _rebuild(error: BaseException) -> BaseException:
    cls = type(error)
    args: tuple[Any, ...]
    if isinstance(error, BaseExceptionGroup):
        args = (error.message, [fresh_copy(each) for each in error.exceptions])
    else:
        args = _BASE["args"].__get__(error)
    copied = _interpreter_class(cls).__new__(cls, *args)
    if type(copied) is not cls:
        raise TypeError(f"{cls.__qualname__} can't be rebuilt")
    _BASE["args"].__set__(copied, args)
    _copy_members(error, copied)
    vars(copied).update(vars(error))
    if "__notes__" in vars(error):
        vars(copied)["__notes__"] = list(vars(error)["__notes__"])
    _BASE["__cause__"].__set__(copied, _BASE["__cause__"].__get__(error))
    _BASE["__suppress_context__"].__set__(copied, _BASE["__suppress_context__"].__get__(error))
    return copied


def _interpreter_class(cls: type[BaseException]) -> type[BaseException]:
    """Return the nearest class that lays out the object in C: it alone can make one without the user's code."""
    return next(each for each in cls.__mro__ if issubclass(each, BaseException) and not each.__flags__ & _HEAP_TYPE)


def _copy_members(error: BaseException, copied: BaseException) -> None:
    there = {(klass, name): value for klass, name, value in _members(copied)}
    for klass, name, value in _members(error):
        if (klass, name) not in there or there[klass, name] is not value:  # unset fields read as None: leave them unset
            vars(klass)[name].__set__(copied, value)


def _members(error: BaseException) -> Iterator[tuple[type, str, object]]:
    """Yield what lives outside ``__dict__``: ``__slots__``, and fields such as ``OSError.filename``."""
    for klass in type(error).__mro__:
        if klass in (BaseException, BaseExceptionGroup):
            continue  # the first has what a copy must not share; the second's are read-only and set on creation
        for name, descriptor in vars(klass).items():
            if isinstance(descriptor, MemberDescriptorType):
                try:
                    value = descriptor.__get__(error)
                except AttributeError:
                    continue  # a slot that was never filled
                yield klass, name, value
