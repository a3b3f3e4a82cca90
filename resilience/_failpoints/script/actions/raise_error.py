"""``raise(...)``: an exception in place of the call."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, final

from resilience._failpoints.script.action import Action, Effect, Place, known
from resilience._failpoints.script.arguments import read_exception
from resilience._failpoints.script.exception_copy import fresh_copy, identity
from resilience._failpoints.script.script import Script, script_of
from resilience._failpoints.script.values import described, exception_text, stand_in

if TYPE_CHECKING:
    from resilience._failpoints.script.source import Source

__tracebackhide__ = True  # a mistake in a script is shown where the script is written


@known
@final
@dataclass(frozen=True, slots=True, eq=False, repr=False)
class Raise(Action):
    """Raise ``error`` in place of the call.

    Two are equal when the type, ``args``, attributes and cause of their exceptions are.

    Attributes:
        error: The template of the exceptions that are raised.
        text: Such as ``raise(ConnectionError('refused'))``, or ``raise(<...>)`` for an exception that has no text form.
            Worked out if not given.
    """

    word = "raise"
    form = "raise(...)"
    example = "3*raise(ConnectionError('refused'))->off"
    places = frozenset({Place.FUNCTION, Place.DISCORD})

    error: BaseException
    text: str = ""

    def __post_init__(self) -> None:
        if not self.text:
            object.__setattr__(self, "text", f"raise({exception_text(self.error) or stand_in(self.error)})")

    @classmethod
    def read(cls, source: Source) -> Raise:
        if not source.opens():
            raise source.error_here("'(' and an exception, such as raise(ConnectionError('refused'))")
        error, text = read_exception(source, *source.inside())
        return cls(error, f"raise({text})" if text else "")

    def effect(self) -> Effect:
        """Return the raising of a copy that nobody has raised yet."""
        return Effect(error=fresh_copy(self.error))

    def __eq__(self, other: object) -> bool:
        return identity(self.error) == identity(other.error) if isinstance(other, Raise) else NotImplemented

    def __hash__(self) -> int:
        return hash(type(self.error))  # attributes of exceptions may have no hash


def fail(error: BaseException | type[BaseException]) -> Script:
    """Return a script that raises ``error`` in place of every call; `Script.times` says of how many.

    Each call gets a copy of its own: same type, ``args``, attributes and cause, but no traceback. Any exception will
    do, ``asyncio.CancelledError`` and ``KeyboardInterrupt`` too. A class stands for what calling it without arguments
    makes. To find the text form, the class may be called again, with what the exception holds.

    >>> fail(ConnectionError("refused")).times(2)
    <Script 2*raise(ConnectionError('refused'))>

    Raises:
        TypeError: Not an exception, or a class that can't be called without arguments.
    """
    if isinstance(error, type) and issubclass(error, BaseException):
        try:
            return script_of(Raise(error()))
        except Exception as problem:
            raise TypeError(
                f"{error.__qualname__} can't be made without arguments ({type(problem).__qualname__}: {problem}): "
                f"write fail({error.__qualname__}(...))"
            ) from problem
    if not isinstance(error, BaseException):
        raise TypeError(
            f"fail() takes an exception or its class, such as ConnectionError('refused'); got {described(error)}"
        )
    return script_of(Raise(fresh_copy(error)))
