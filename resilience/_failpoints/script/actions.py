"""What a script is made of: the closed set of actions, and the terms that say for how many calls each is."""

from __future__ import annotations

import copy
from dataclasses import dataclass, field
from typing import Final, Self, TypeAlias, final

from resilience._failpoints.script.duration import NANOSECONDS, format_seconds
from resilience._failpoints.script.exception_copy import fresh_copy, identity
from resilience._failpoints.script.values import exception_text, literal_text, stand_in

MAX_COUNT: Final = 1_000_000_000


class _Action:
    """What all actions have in common."""

    __slots__ = ()

    @property
    def text(self) -> str:
        """The action as a script writes it: its replay id."""
        raise NotImplementedError

    @property
    def replayable(self) -> bool:
        """Whether `Script.parse` makes this action of its text."""
        return True

    def fresh(self) -> Self:
        """Return the action for one call, which shares nothing that a call may change with any other."""
        return self

    def __str__(self) -> str:
        return self.text

    __repr__ = __str__


@final
@dataclass(frozen=True, slots=True, eq=False, repr=False)
class Raise(_Action):
    """Raise ``error`` in place of the call.

    Two are equal when their texts are; where an exception has no text form, when its type, ``args``, attributes and
    cause are.

    Attributes:
        error: From a run, an exception of this strike's own; in a script, the template of those.
        text: Such as ``raise(ConnectionError('refused'))``; worked out if not given.
        replayable: False for an exception without a text form, shown as ``raise(<...>)``.
    """

    error: BaseException
    text: str = ""
    replayable: bool = field(default=True, kw_only=True)

    def __post_init__(self) -> None:
        if not self.text:
            text = exception_text(self.error)
            object.__setattr__(self, "replayable", text is not None)
            object.__setattr__(self, "text", f"raise({text or stand_in(self.error)})")

    def fresh(self) -> Raise:
        """Return the action with a copy of the exception that nobody has raised yet."""
        return Raise(fresh_copy(self.error), self.text, replayable=self.replayable)

    def __eq__(self, other: object) -> bool:
        return self._key() == other._key() if isinstance(other, Raise) else NotImplemented

    def __hash__(self) -> int:
        return hash(self._key())

    def _key(self) -> object:
        return self.text if self.replayable else identity(self.error)


@final
@dataclass(frozen=True, slots=True, eq=False, repr=False)
class Return(_Action):
    """Return ``value`` in place of the call.

    Attributes:
        value: What the call returns. A list, dict or set made of literals is new for each call, as a real answer
            would be; any other object is the very one that the script was given.
        text: Such as ``return(500)``; worked out if not given.
        replayable: False for a value that no literal makes, shown as ``return(<...>)``.
    """

    value: object
    text: str = ""
    replayable: bool = field(default=True, kw_only=True)

    def __post_init__(self) -> None:
        if not self.text:
            text = literal_text(self.value)
            object.__setattr__(self, "replayable", text is not None)
            object.__setattr__(self, "text", f"return({stand_in(self.value) if text is None else text})")

    def fresh(self) -> Return:
        """Return the action with a value that no earlier call can have changed."""
        value = copy.deepcopy(self.value) if self.replayable else self.value
        return Return(value, self.text, replayable=self.replayable)

    def __eq__(self, other: object) -> bool:
        return self._key() == other._key() if isinstance(other, Return) else NotImplemented

    def __hash__(self) -> int:
        return hash(self._key())

    def _key(self) -> object:
        return type(self.value), self.value


@final
@dataclass(frozen=True, slots=True, repr=False)
class Sleep(_Action):
    """Sleep for a number of nanoseconds, then let the call through."""

    nanoseconds: int

    @property
    def seconds(self) -> float:
        """How long, in seconds."""
        return self.nanoseconds / NANOSECONDS

    @property
    def text(self) -> str:
        """The action as a script writes it, such as ``sleep(1.5)``."""
        return f"sleep({format_seconds(self.nanoseconds)})"


@final
@dataclass(frozen=True, slots=True, repr=False)
class Off(_Action):
    """Let the call through."""

    @property
    def text(self) -> str:
        """The action as a script writes it: ``off``."""
        return "off"


Action: TypeAlias = Raise | Return | Sleep | Off


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

    def __str__(self) -> str:
        return str(self.action) if self.count is None else f"{self.count}*{self.action}"

    __repr__ = __str__
