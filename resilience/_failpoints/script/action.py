"""What all actions have in common: each is one thing that is done to a call, and has a file of its own in `actions`."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING, ClassVar, Final, Self, TypeVar, final

if TYPE_CHECKING:
    from resilience._failpoints.script.source import Source


class Place(StrEnum):
    """A kind of place where a script can strike, as messages call it."""

    FUNCTION = "a function"
    DISCORD = "Discord"


@final
@dataclass(frozen=True, slots=True)
class Effect:
    """What an action makes of a call: it waits, and then raises, answers, or lets the call through.

    Attributes:
        wait_s: For how many seconds.
        error: What is raised in place of the call; None where nothing is.
        answers: Whether ``value`` is returned in place of the call.
        value: That value.
    """

    wait_s: float = 0.0
    error: BaseException | None = None
    answers: bool = False
    value: object = None


class Action:
    """One thing that a script does to a call. Immutable.

    Attributes:
        word: The name of the action in a script.
        form: How an error text lists it.
        example: A script in which it is right, for error texts.
        places: Where it can be.
        is_fault: Whether it does anything to a call.
    """

    __slots__ = ()

    word: ClassVar[str]
    form: ClassVar[str]
    example: ClassVar[str]
    places: ClassVar[frozenset[Place]]
    is_fault: ClassVar[bool] = True

    @classmethod
    def read(cls, source: Source) -> Self:
        """Return the action whose word was just read; what is in its parentheses, if anything, comes next."""
        raise NotImplementedError

    @property
    def text(self) -> str:
        """The action as a script writes it: its replay id."""
        raise NotImplementedError

    def effect(self) -> Effect:
        """Return what it makes of one call, which shares nothing that the call may change with any other."""
        raise NotImplementedError

    def __str__(self) -> str:
        return self.text

    __repr__ = __str__


_A = TypeVar("_A", bound=type[Action])

ACTIONS: Final[dict[str, type[Action]]] = {}
"""Every action by its word, in the order in which error texts list them."""


def known(action: _A) -> _A:
    """Let scripts have an action; the decorator of its class."""
    ACTIONS[action.word] = action
    return action


def listed(place: Place | None = None) -> str:
    """Return the forms of the actions that a place can do, or of all: ``raise(...), return(...) or off``."""
    *others, last = [each.form for each in ACTIONS.values() if place is None or place in each.places]
    return f"{', '.join(others)} or {last}"
