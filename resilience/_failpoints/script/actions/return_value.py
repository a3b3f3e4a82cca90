"""``return(...)``: a value in place of the call."""

from __future__ import annotations

import copy
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, final

from resilience._failpoints.script.action import Action, Effect, Place, known
from resilience._failpoints.script.arguments import literal_argument
from resilience._failpoints.script.script import Script, script_of
from resilience._failpoints.script.values import literal_text, stand_in

if TYPE_CHECKING:
    from resilience._failpoints.script.source import Source

__tracebackhide__ = True  # a mistake in a script is shown where the script is written


@known
@final
@dataclass(frozen=True, slots=True, eq=False, repr=False)
class Return(Action):
    """Return ``value`` in place of the call.

    Attributes:
        value: What the call returns. A list, dict or set made of literals is new for each call, as a real answer
            would be; any other object is the very one that the script was given.
        text: Such as ``return(500)``, or ``return(<...>)`` for a value that no literal makes.
    """

    word = "return"
    form = "return(...)"
    example = "2*return({'ok': False})->off"
    places = frozenset({Place.FUNCTION, Place.DISCORD})

    value: object
    text: str = field(init=False)
    _is_literal: bool = field(init=False)

    def __post_init__(self) -> None:
        literal = literal_text(self.value)
        object.__setattr__(self, "_is_literal", literal is not None)
        object.__setattr__(self, "text", f"return({stand_in(self.value) if literal is None else literal})")

    @classmethod
    def read(cls, source: Source) -> Return:
        return cls(literal_argument(source, *source.inside()) if source.opens() else None)

    def effect(self) -> Effect:
        """Return the answering with a value that no earlier call can have changed."""
        return Effect(answers=True, value=copy.deepcopy(self.value) if self._is_literal else self.value)

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, Return):
            return NotImplemented
        return type(self.value) is type(other.value) and self.value == other.value

    def __hash__(self) -> int:
        return hash((type(self.value), self.value))


def answer(value: object = None) -> Script:
    """Return a script that returns ``value`` in place of every call; `Script.times` says of how many.

    A list, dict or set made of literals is new for each call; any other object is handed out as it is.

    >>> answer(500).times(3).then(answer({"ok": True}))
    <Script 3*return(500)->return({'ok': True})>
    """
    return script_of(Return(Return(value).effect().value))  # what the caller changes later is no part of it
