"""``off``: nothing; the call goes through."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, final

from resilience._failpoints.script.action import Action, Effect, Place, known
from resilience._failpoints.script.script import Script, script_of

if TYPE_CHECKING:
    from resilience._failpoints.script.source import Source


@known
@final
@dataclass(frozen=True, slots=True, repr=False)
class Off(Action):
    """Let the call through."""

    word = form = "off"
    example = "2*off->1*raise(TimeoutError)"
    places = frozenset(Place)
    is_fault = False

    @classmethod
    def read(cls, source: Source) -> Off:
        if source.opens():
            raise source.error_here("'->' or the end of the script: off takes no value")
        return cls()

    @property
    def text(self) -> str:
        """The action as a script writes it: ``off``."""
        return "off"

    def effect(self) -> Effect:
        return Effect()


def passthrough() -> Script:
    """Return a script that lets every call through; `Script.times` says how many.

    With a count it picks the call that a fault strikes:

    >>> passthrough().times(2).then(fail(TimeoutError).times(1))
    <Script 2*off->1*raise(TimeoutError)>
    """
    return script_of(Off())
