"""One term of a script: an action, and the modifiers that say which calls it is for."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final, final

from resilience._failpoints.script.actions.action import Action
from resilience._failpoints.script.duration import format_seconds
from resilience._failpoints.script.quantities import percent_text

MARKS: Final = {"+": "skip", "/": "every", "@": "only"}
"""What stands before the number of a filter, in the order in which they are written."""


@final
@dataclass(frozen=True, slots=True, repr=False)
class Term:
    """One link of a script's chain. Without a modifier it is for every call from here on.

    Attributes:
        action: What happens to a call.
        count: For so many calls.
        chance: With this chance, in per cent.
        only: Only the k-th call that reaches the place, from 1.
        every: Only every k-th.
        skip: Only after the first k.
        window: Only from one time until before another, in nanoseconds since the script was armed; either may be None.
        after: Once the call has taken effect, instead of in its place.
    """

    action: Action
    count: int | None = None
    chance: float | None = None
    only: int | None = None
    every: int | None = None
    skip: int | None = None
    window: tuple[int | None, int | None] | None = None
    after: bool = False

    @property
    def is_endless(self) -> bool:
        """Whether the term is for every call from here on, so that no term behind it is reached."""
        return all(getattr(self, each) is None for each in ("count", "chance", "window", *MARKS.values()))

    @property
    def contradiction(self) -> str | None:
        """Why the term can never strike, or not as often as it says; None where it can."""
        if self.only is None:
            return None
        if self.count is not None and self.count > 1:
            return f"@{self.only} is a single call, which can't be struck {self.count} times"
        if self.skip is not None and self.only <= self.skip:
            return f"call {self.only} is among the first {self.skip}, which +{self.skip} leaves alone"
        if self.every is not None and self.only % self.every:
            return f"call {self.only} is not one of every {self.every}"
        return None

    def takes(self, number: int, elapsed: int) -> bool:
        """Whether its filters take the call of this number, so many nanoseconds after the script was armed."""
        if self.only is not None and number != self.only:
            return False
        if self.every is not None and number % self.every:
            return False
        if self.skip is not None and number <= self.skip:
            return False
        if self.window is None:
            return True
        start, end = self.window
        return (start is None or elapsed >= start) and (end is None or elapsed < end)

    def __str__(self) -> str:
        pieces = []
        if self.window is not None:
            start, end = ("" if each is None else format_seconds(each) for each in self.window)
            pieces.append(f"[{start}..{end}] ")
        pieces += [f"{mark}{k} " for mark, name in MARKS.items() if (k := getattr(self, name)) is not None]
        if self.chance is not None:
            pieces.append(f"{percent_text(self.chance)}%")
        if self.count is not None:
            pieces.append(f"{self.count}*")
        if self.after:
            pieces.append("after ")
        return f"{''.join(pieces)}{self.action}"

    __repr__ = __str__
