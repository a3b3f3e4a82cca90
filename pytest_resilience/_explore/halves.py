"""Where a line does two things that others see, so that a thread may be stopped in the middle of it.

It reads and writes again, or it takes two locks.
"""

from __future__ import annotations

import dis
import functools
from types import CodeType
from typing import Final

_SHARED: Final = ("ATTR", "GLOBAL", "DEREF")  # a local variable is nobody else's
_READS: Final = {f"LOAD_{each}" for each in _SHARED}
_WRITES: Final = {f"STORE_{each}" for each in _SHARED}
_ITEM: Final = "[]"  # the sign of an operator from 3.14 on
_ENTERS: Final = "BEFORE_WITH"


@functools.lru_cache(maxsize=10_000)
def halves_of(code: CodeType) -> dict[int, str]:
    """Return the offsets of instructions in the middle of a line before which a thread may be stopped, in words."""
    found = {}
    read, entered = set(), set()
    for instruction in dis.get_instructions(code):
        line = instruction.positions.lineno if instruction.positions else None
        operation, name = instruction.opname, instruction.argval
        if operation in _READS:
            read.add((line, name))
        elif operation == "BINARY_SUBSCR" or instruction.argrepr == _ITEM:
            read.add((line, _ITEM))
        elif (operation in _WRITES and (line, name) in read) or (operation == "STORE_SUBSCR" and (line, _ITEM) in read):
            found[instruction.offset] = "after reading, before writing"
        elif operation == _ENTERS:
            if line in entered:
                found[instruction.offset] = "between two of its context managers"
            entered.add(line)
    return found
