"""What all actions have in common: a word, the places that can do it, and what stands in its parentheses."""

from __future__ import annotations

import random
from dataclasses import MISSING, dataclass, field, fields
from typing import Any, ClassVar, Final, Literal, Self, TypeAlias, TypeVar, dataclass_transform

from resilience._failpoints.script.quantities import Kind, checked
from resilience._failpoints.script.values import stand_in

PlaceKind: TypeAlias = Literal["function", "class", "httpx", "http", "tcp", "discord"]
"""Functions and failpoints; classes; requests of httpx; to a server; TCP connections; the mock of Discord."""

EVERYWHERE: Final[frozenset[PlaceKind]] = frozenset({"function", "class", "httpx", "http", "tcp"})
DISCORD: Final[frozenset[PlaceKind]] = frozenset({"discord"})
HTTP: Final[frozenset[PlaceKind]] = frozenset({"httpx", "http"})
FUNCTIONS: Final[frozenset[PlaceKind]] = frozenset({"function"})
CLASSES: Final[frozenset[PlaceKind]] = frozenset({"class"})
TCP: Final[frozenset[PlaceKind]] = frozenset({"tcp"})


@dataclass(frozen=True, slots=True)
class Parameter:
    """One value in the parentheses of an action, which is a field of its class.

    Attributes:
        name: Its name, in text and in code.
        kind: What it may be.
        is_required: Whether it must be given.
        is_named: Whether it is given by its name only.
        excludes: The name of another one, which can't be given as well.
    """

    name: str
    kind: Kind
    is_required: bool
    is_named: bool
    excludes: str


class Action:
    """What happens to a call. An action is a frozen dataclass whose fields are its parameters.

    What these mean is said where it is built, in `builders`; durations are nanoseconds here, sizes bytes.

    Attributes:
        word: What it is called in text.
        places: The kinds of places that can do it.
        example: A script with it, for error messages.
        parameters: What stands in its parentheses, in order.
    """

    __slots__ = ()

    word: ClassVar[str]
    places: ClassVar[frozenset[PlaceKind]]
    example: ClassVar[str]
    parameters: ClassVar[tuple[Parameter, ...]] = ()

    @classmethod
    def of(cls, **given: object) -> Self:
        """Make the action of values given in code, by the names of its parameters; None where one is not given.

        Raises:
            TypeError, ValueError: A value that is not of its kind; the text names it.
        """
        values: dict[str, Any] = {}
        for parameter in cls.parameters:
            value = given[parameter.name]
            if value is None and not parameter.is_required:
                continue
            values[parameter.name] = checked(f"{cls.word}, {parameter.name}", parameter.kind.check, value)
            if parameter.excludes in values:
                raise ValueError(f"{cls.word} takes {parameter.excludes} or {parameter.name}, and here are both")
        return cls(**values)

    @property
    def text(self) -> str:
        """The action as a script writes it: its replay id."""
        pieces = []
        for parameter in self.parameters:
            value = getattr(self, parameter.name)
            if value is None:
                continue
            written = parameter.kind.write(value)
            shown = stand_in(value) if written is None else written
            pieces.append(f"{parameter.name}={shown}" if parameter.is_named else shown)
        return f"{self.word}({', '.join(pieces)})" if pieces else self.word

    @property
    def replayable(self) -> bool:
        """Whether `Script.parse` makes this action of its text."""
        values = [(each.kind, getattr(self, each.name)) for each in self.parameters]
        return all(value is None or kind.write(value) is not None for kind, value in values)

    def fresh(self, chance: random.Random) -> Action:  # noqa: ARG002  # what is drawn, an action may draw here
        """Return the action for one call, which shares nothing that a call may change with any other."""
        return self

    def _key(self) -> object:
        """What two equal actions have in common."""
        return self.text if self.replayable else tuple(getattr(self, each.name) for each in self.parameters)

    def __eq__(self, other: object) -> bool:
        return self._key() == other._key() if isinstance(other, type(self)) else NotImplemented

    def __hash__(self) -> int:
        return hash(self.text)

    def __str__(self) -> str:
        return self.text

    __repr__ = __str__


_A = TypeVar("_A", bound=Action)


def parameter(kind: Kind, *, default: Any = MISSING, is_named: bool = False, excludes: str = "") -> Any:
    """Declare a field of an action that stands in its parentheses; see `Parameter`."""
    return field(default=default, metadata={Parameter: (kind, default is MISSING, is_named, excludes)})


@dataclass_transform(frozen_default=True, eq_default=False, field_specifiers=(field, parameter))
def action(cls: type[_A]) -> type[_A]:
    """Make a class an action: its annotated names are its fields; `Action` has the comparison and the text."""
    made: Any = dataclass(frozen=True, slots=True, repr=False, eq=False)(cls)
    values = ((each.name, each.metadata.get(Parameter)) for each in fields(made))
    made.parameters = tuple(Parameter(name, *value) for name, value in values if value is not None)
    return made  # type: ignore[no-any-return]  # a class made of the one that was given
