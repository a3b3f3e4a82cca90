"""Functions in the place of one in C that, like it, no signal handler breaks off before they have done their work."""

from __future__ import annotations

import dis
from collections.abc import Callable
from types import FunctionType
from typing import Any, TypeVar, cast

F = TypeVar("F", bound=Callable[..., Any])

_RESUME = dis.opmap["RESUME"]
_AFTER_YIELD_FROM = 2
"""The argument of ``RESUME`` from which on CPython does not look for signals there."""


def unbroken(function: F) -> F:
    """Have a function begin without a look for signals, or for exceptions that another thread has set.

    CPython looks as a function in Python begins, as a loop goes round, and when a call of a function in C is over: that
    is too late to break it off. So what the first such call in ``function`` does is done as surely as in C.
    """
    made = cast("FunctionType", function)
    code = bytearray(made.__code__.co_code)
    code[2 * code[::2].index(_RESUME) + 1] = _AFTER_YIELD_FROM
    made.__code__ = made.__code__.replace(co_code=bytes(code))
    return function
