"""Where a line does two things that others see, so that a thread may be stopped in the middle of it.

It reads and writes again, or it takes two locks.
"""

from __future__ import annotations

import dis
import functools
from types import CodeType
from typing import Final

_IN_PLACE: Final = "="  # of operators such as +=, as `dis` shows them
_STORES: Final = ("STORE_ATTR", "STORE_SUBSCR", "STORE_GLOBAL", "STORE_DEREF")
_ENTERS: Final = "BEFORE_WITH"
_BETWEEN: Final = ("SWAP", "COPY", "LOAD_", "CACHE")


@functools.lru_cache(maxsize=10_000)
def halves_of(code: CodeType) -> dict[int, str]:
    """Return the offsets of instructions in the middle of a line before which a thread may be stopped, in words."""
    found = {}
    follows, entered = False, set()
    for instruction in dis.get_instructions(code):
        line = instruction.positions.lineno if instruction.positions else None
        if instruction.opname == "BINARY_OP" and instruction.argrepr.endswith(_IN_PLACE):
            follows = True
        elif follows and instruction.opname in _STORES:
            found[instruction.offset] = "after reading, before writing"
            follows = False
        elif follows and not instruction.opname.startswith(_BETWEEN):
            follows = False
        if instruction.opname == _ENTERS:
            if line in entered:
                found[instruction.offset] = "between two of its context managers"
            entered.add(line)
    return found
