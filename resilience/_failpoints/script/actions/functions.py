"""What can be done to the call of a function: most of it to other calls as well."""

from __future__ import annotations

import copy
import random
from collections.abc import Callable
from dataclasses import field
from typing import Any, Final

from resilience._failpoints.script.actions.action import (
    CLASSES,
    DISCORD,
    EVERYWHERE,
    FUNCTIONS,
    HTTP,
    Action,
    PlaceKind,
    action,
    parameter,
)
from resilience._failpoints.script.duration import NANOSECONDS
from resilience._failpoints.script.exception_copy import fresh_copy, identity
from resilience._failpoints.script.quantities import SPAN, Span
from resilience._failpoints.script.values import exception_text, literal_text, stand_in

CALLS_AND_HTTP: Final[frozenset[PlaceKind]] = FUNCTIONS | CLASSES | HTTP


@action
class Off(Action):
    """Let the call through."""

    word = "off"
    places = EVERYWHERE | DISCORD
    example = "2*off->1*raise(TimeoutError)"


def _write(made: Action, text: str | None, value: object) -> None:
    """Give an action its text, in which a stand-in is shown for a value that has none."""
    object.__setattr__(made, "replayable", text is not None)
    object.__setattr__(made, "text", f"{made.word}({stand_in(value) if text is None else text})")


@action
class Raise(Action):
    """Raise ``error`` in place of the call.

    Two are equal when their texts are; where an exception has no text form, when its type, ``args``, attributes and
    cause are.

    Attributes:
        error: From a run, an exception of this strike's own; in a script, the template of those.
        text: ``raise(...)`` as it was written; worked out if not given.
        replayable: False for an exception without a text form, shown as ``raise(<...>)``.
    """

    word = "raise"
    places = FUNCTIONS | CLASSES | DISCORD | frozenset({"httpx"})
    example = "3*raise(ConnectionError('refused'))->off"

    error: BaseException
    text: str = ""
    replayable: bool = field(default=True, kw_only=True)

    def __post_init__(self) -> None:
        if not self.text:
            _write(self, exception_text(self.error), self.error)

    def fresh(self, chance: random.Random) -> Raise:  # noqa: ARG002  # nothing is drawn
        """Return the action with a copy of the exception that nobody has raised yet."""
        return Raise(fresh_copy(self.error), self.text, replayable=self.replayable)

    def _key(self) -> object:
        return self.text if self.replayable else identity(self.error)


@action
class Return(Action):
    """Return ``value`` in place of the call.

    Attributes:
        value: What the call returns. A list, dict or set made of literals is new for each call, as a real answer
            would be; any other object is the very one that the script was given.
    """

    word = "return"
    places = FUNCTIONS | DISCORD
    example = "2*return({'ok': False})->off"

    value: object
    text: str = ""
    replayable: bool = field(default=True, kw_only=True)

    def __post_init__(self) -> None:
        if not self.text:
            _write(self, literal_text(self.value), self.value)

    def fresh(self, chance: random.Random | None = None) -> Return:  # noqa: ARG002  # nothing is drawn
        """Return the action with a value that no earlier call can have changed."""
        value = copy.deepcopy(self.value) if self.replayable else self.value
        return Return(value, self.text, replayable=self.replayable)

    def _key(self) -> object:
        return type(self.value), self.value


@action
class Sleep(Action):
    """Wait, then let the call through.

    Attributes:
        span: How long, from and to; each call draws its own.
    """

    word = "sleep"
    places = CALLS_AND_HTTP | DISCORD
    example = "1*sleep(250ms)->off"

    span: Span = parameter(SPAN)

    @property
    def seconds(self) -> float:
        """How long, in seconds, once it is drawn."""
        return self.span.shortest / NANOSECONDS

    def fresh(self, chance: random.Random) -> Sleep:
        """Draw how long this call waits, uniformly."""
        shortest, longest = self.span.shortest, self.span.longest
        if shortest == longest:
            return self
        drawn = chance.randint(shortest, longest)
        return Sleep(Span(drawn, drawn))


@action
class Hang(Action):
    """Never answer: until the call is cancelled or times out, the fault is disarmed, or the test ends."""

    word = "hang"
    places = EVERYWHERE
    example = "1*hang->off"


@action
class Pause(Action):
    """Wait until the test says ``injection.resume()``, then let the call through."""

    word = "pause"
    places = CALLS_AND_HTTP
    example = "1*pause->off"


@action
class CrashHere(Action):
    """The program dies here: a `BaseException` in the process of the test, SIGKILL in a child."""

    word = "crash"
    places = FUNCTIONS | CLASSES
    example = "1*crash->off"


@action
class Call(Action):
    """Let a function of the test answer the call. There is no text for it."""

    word = "call"
    places = FUNCTIONS
    example = "1*off"

    function: Callable[..., Any]

    def _key(self) -> object:
        return self.function

    @property
    def text(self) -> str:
        return f"call({stand_in(self.function)})"

    @property
    def replayable(self) -> bool:
        return False
