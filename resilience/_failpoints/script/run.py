"""The running of a script: each call draws the next action."""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING, final

from resilience._failpoints.script.actions import Off

if TYPE_CHECKING:
    from resilience._failpoints.script.action import Action
    from resilience._failpoints.script.script import Script
    from resilience._failpoints.script.term import Term


@final
class ScriptRun:
    """One use of a script, by the calls of any number of threads and tasks.

    >>> run = ScriptRun(Script.parse("1*return(500)->1*return(429)"))
    >>> [run.next(), run.next(), run.next()]
    [return(500), return(429), off]
    """

    def __init__(self, script: Script) -> None:
        self.script = script
        self._used = [0] * len(script.terms)
        self._evaluations = 0
        self._lock = threading.Lock()

    def next(self) -> Action:
        """Return what to do to this call; a fault counts as fired from here on.

        The first term that has not been used up decides; `Off` when there is none.
        """
        with self._lock:
            self._evaluations += 1
            return self._draw()

    @property
    def evaluations(self) -> int:
        """How many calls have drawn an action, whichever it was."""
        return self._evaluations

    @property
    def fired(self) -> int:
        """How many of those were faults: everything but `Off`."""
        with self._lock:
            return sum(used for term, used in self._uses() if term.action.is_fault)

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
            left = [rest for term, used in self._uses() if (rest := term.left(used)) is not None]
        while left and not left[-1].action.is_fault:
            left.pop()
        return "->".join(map(str, left))

    def _draw(self) -> Action:
        for index, (term, used) in enumerate(self._uses()):
            if term.applies(used):
                self._used[index] += 1
                return term.action
        return Off()

    def _uses(self) -> zip[tuple[Term, int]]:
        return zip(self.script.terms, self._used, strict=True)
