"""The links of a script's chain: an action, and the modifiers that say which calls it is for."""

from __future__ import annotations

import re
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Final, final

from resilience._failpoints.script.action import ACTIONS, Action, listed
from resilience._support.wording import did_you_mean

if TYPE_CHECKING:
    from resilience._failpoints.script.source import Source

MAX_COUNT: Final = 1_000_000_000

_COUNT = re.compile(r"([0-9]+)\s*\*")
_MODIFIER = re.compile(r"[-+@/][0-9.]+\s*[%*]?|[0-9.]*\s*[%*]?")  # where only a count is known
_WORD = re.compile(r"[^\W\d]\w*")

__tracebackhide__ = True  # a mistake in a script is shown where the script is written


@final
@dataclass(frozen=True, slots=True, repr=False)
class Term:
    """One link of a script's chain.

    Attributes:
        action: What happens to a call.
        count: For how many calls; None is for every call from here on.
    """

    action: Action
    count: int | None = None

    @classmethod
    def read(cls, source: Source) -> Term:
        """Return the term that comes next in a script."""
        count = _read_count(source)
        return cls(_read_action(source), count)

    def applies(self, used: int) -> bool:
        """Tell whether it is for the next call, after so many that it was for."""
        return self.count is None or used < self.count

    def left(self, used: int) -> Term | None:
        """Return what is planned still, after so many calls that it was for; None where nothing is."""
        if self.count is None:
            return None if used else self
        return replace(self, count=self.count - used) if used < self.count else None

    def __str__(self) -> str:
        return str(self.action) if self.count is None else f"{self.count}*{self.action}"

    __repr__ = __str__


def _read_count(source: Source) -> int | None:
    count: int | None = None
    while source.position < len(source.text) and not _WORD.match(source.text, source.position):
        written = _COUNT.match(source.text, source.position)
        if written is None:
            modifier = _MODIFIER.match(source.text, source.position)
            found = modifier and modifier[0].rstrip()
            raise source.error_here(f"a count, such as 3*, or {listed()}", found=f"'{found}'" if found else None)
        if count is not None:
            raise source.error_here(f"{listed()}, after one count at most", found=f"'{written[0]}'")
        count = int(written[1]) if len(written[1]) <= len(str(MAX_COUNT)) else 0
        if not 1 <= count <= MAX_COUNT:
            raise source.error_here(f"a count from 1 to {MAX_COUNT}, or none for every call", found=f"'{written[0]}'")
        source.take(_COUNT)
    return count


def _read_action(source: Source) -> Action:
    word = _WORD.match(source.text, source.position)
    action = ACTIONS.get(word[0]) if word else None
    if action is None:
        raise source.error_here(listed() + did_you_mean(word[0] if word else "", ACTIONS))
    source.take(_WORD)
    source.example = action.example
    return action.read(source)
