"""The codes of functions that several have given other code: each takes its own away again, in any order.

A fault and a virtual clock may both have something else done where one function is called. Whoever simply put back the
code that it had found would put back the other's, when that is gone already.
"""

from __future__ import annotations

from types import CodeType, FunctionType

_codes: dict[int, list[CodeType]] = {}
"""By the identity of the function, which whoever has given it code keeps alive: its own code, and what came over it."""


def put_code(function: FunctionType, code: CodeType, *, beneath: bool = False) -> None:
    """Give the function other code, ``beneath`` all that others have given it or over that."""
    codes = _codes.setdefault(id(function), [function.__code__])
    codes.insert(1 if beneath else len(codes), code)
    function.__code__ = codes[-1]


def take_code(function: FunctionType, code: CodeType) -> None:
    """Take that code away again, wherever it lies; the function gets the one that is left on top."""
    codes = [each for each in _codes[id(function)] if each is not code]
    _codes[id(function)] = codes
    function.__code__ = codes[-1]
    if len(codes) == 1:
        del _codes[id(function)]


def own_code(function: FunctionType) -> CodeType:
    """The code that the function was made with, whatever has been put over it."""
    return _codes.get(id(function), [function.__code__])[0]
