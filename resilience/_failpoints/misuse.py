"""What a failpoint is taken for by mistake, seen from the bytecode at the place where it is called.

A failpoint returns None, so Python's own words for these mistakes would name neither the failpoint nor the cure. Where
an interpreter compiles them in another way, they are all that is said.
"""

from __future__ import annotations

from collections.abc import Iterator
from types import FrameType
from typing import Final

_WITH: Final = {"BEFORE_WITH", "BEFORE_ASYNC_WITH"}
_SKIPPED: Final = {"CACHE", "PRECALL"}  # the first are counters of the interpreter; the second is 3.11's alone


def check_use(frame: FrameType, name: str) -> None:
    """Raise a `TypeError` where a frame is to take what a failpoint returns for a context manager or a decorator."""
    steps = _steps(frame)
    word, _ = next(steps, ("", 0))
    if word in _WITH:
        raise TypeError(
            f"failpoint({name!r}) is a place that code passes, and no context manager: write it as a statement of its "
            "own, where the fault is to strike"
        )
    while word.startswith(("LOAD_", "BUILD_")):  # the code of a function, its defaults and its annotations
        word, _ = next(steps, ("", 0))
    if word == "MAKE_FUNCTION":
        last = next((step for step in steps if step[0] != "SET_FUNCTION_ATTRIBUTE"), None)
        if last == ("CALL", 0):  # of what stands before the function, with that alone
            raise TypeError(
                f"failpoint({name!r}) is a place that code passes, and no decorator: write it in the body of the "
                "function, where the fault is to strike"
            )


def _steps(frame: FrameType) -> Iterator[tuple[str, int]]:
    """Yield what a frame does after the call that it is in: the names of the steps, and their arguments."""
    from opcode import opname  # once for each name; most programs pass no failpoint

    code = frame.f_code.co_code
    for at in range(frame.f_lasti + 2, len(code), 2):
        if opname[code[at]] not in _SKIPPED:
            yield opname[code[at]], code[at + 1]
