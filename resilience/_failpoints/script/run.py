"""The running of a script: each call that reaches the place is decided by the first term that applies."""

from __future__ import annotations

import random
from dataclasses import replace
from typing import NamedTuple

from resilience._failpoints.script.actions.action import Action
from resilience._failpoints.script.actions.functions import Off
from resilience._failpoints.script.script import Script
from resilience._failpoints.script.term import Term
from resilience._support.fork import renewed_lock


class Decision(NamedTuple):
    """What a script does to one call.

    Attributes:
        action: The call's own: its exception has never been raised, what is drawn has been.
        after: Whether it comes once the call has taken effect.
    """

    action: Action
    after: bool

    def __str__(self) -> str:
        return f"after {self.action}" if self.after else str(self.action)


class ScriptRun:
    """One use of a script, by the calls of any number of threads and tasks.

    Args:
        script: What is run.
        chance: From which chances and ranges are drawn; the same one draws the same again.

    Example:
        >>> run = ScriptRun(Script.parse("1*return(500)->1*return(429)"))
        >>> [str(run.next()), str(run.next()), run.next()]
        ['return(500)', 'return(429)', None]
    """

    def __init__(self, script: Script, chance: random.Random | None = None) -> None:
        self.script = script
        self.chance = chance or random.Random(0)  # noqa: S311  # replays are the point
        self._used = [0] * len(script.terms)
        self._number = 0
        self._lock = renewed_lock(self, "_lock")

    def next(self, elapsed: int = 0) -> Decision | None:
        """Decide a call; None where no term applies. A fault counts as fired from here on.

        Args:
            elapsed: Nanoseconds since the script was armed.
        """
        with self._lock:
            self._number += 1
            for index, term in enumerate(self.script.terms):
                is_used_up = term.count is not None and self._used[index] >= term.count
                if is_used_up or not term.takes(self._number, elapsed):
                    continue
                # Drawn last, and before the count: a coin that says no uses nothing up.
                if term.chance is not None and not self.chance.random() * 100 < term.chance:
                    continue
                self._used[index] += 1
                return Decision(term.action.fresh(self.chance), term.after)
        return None

    @property
    def fired(self) -> int:
        """How many faults struck: everything but `Off` is one."""
        with self._lock:
            return sum(used for term, used in self._uses() if not isinstance(term.action, Off))

    @property
    def exhausted(self) -> bool:
        """Whether every planned fault has fired.

        A fault with a count has fired when it has struck that often; one without, when it has struck once. `Off` is
        no fault, so ``3*raise(OSError)`` and ``3*raise(OSError)->off`` are both exhausted after three calls.
        """
        return not self.pending

    @property
    def pending(self) -> str:
        """What is left to run until the last planned fault has fired, as the text of a script; empty when all have.

        After one call, ``3*raise(OSError)->off`` has ``2*raise(OSError)`` pending, and ``2*off->1*return(500)`` has
        ``1*off->1*return(500)``.
        """
        with self._lock:
            left = [rest for term, used in self._uses() if (rest := _rest(term, used)) is not None]
        while left and isinstance(left[-1].action, Off):
            left.pop()
        return "->".join(map(str, left))

    def _uses(self) -> zip[tuple[Term, int]]:
        return zip(self.script.terms, self._used, strict=True)


def _rest(term: Term, used: int) -> Term | None:
    if term.count is None:
        return None if used else term
    return replace(term, count=term.count - used) if used < term.count else None
