"""``sleep(...)``: a pause before the call."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, final

from resilience._failpoints.script.action import Action, Effect, Place, known
from resilience._failpoints.script.duration import (
    NANOSECONDS,
    DurationError,
    format_seconds,
    from_seconds,
    parse_duration,
)
from resilience._failpoints.script.script import Script, is_number, script_of
from resilience._failpoints.script.values import described

if TYPE_CHECKING:
    from resilience._failpoints.script.source import Source

__tracebackhide__ = True  # a mistake in a script is shown where the script is written


@known
@final
@dataclass(frozen=True, slots=True, repr=False)
class Sleep(Action):
    """Sleep for a number of nanoseconds, then let the call through."""

    word = "sleep"
    form = "sleep(...)"
    example = "1*sleep(250ms)->off"
    places = frozenset({Place.FUNCTION, Place.DISCORD})

    nanoseconds: int

    @classmethod
    def read(cls, source: Source) -> Sleep:
        if not source.opens():
            raise source.error_here("'(' and how long, such as sleep(1.5), sleep(250ms) or sleep(1h30m)")
        start, end = source.inside()
        try:
            return cls(parse_duration(source.text[start:end].rstrip()))
        except DurationError as error:
            raise source.error(start + error.offset, error.expected, found=error.found) from None

    @property
    def seconds(self) -> float:
        """How long, in seconds."""
        return self.nanoseconds / NANOSECONDS

    @property
    def text(self) -> str:
        """The action as a script writes it, such as ``sleep(1.5)``."""
        return f"sleep({format_seconds(self.nanoseconds)})"

    def effect(self) -> Effect:
        return Effect(wait_s=self.seconds)


def delay(seconds: float | str) -> Script:
    """Return a script that sleeps before it lets a call through; `Script.times` says how many.

    ``seconds`` is a number, or a duration such as ``"250ms"`` or ``"1h30m"``.

    >>> delay(1.5).times(1).then(delay("250ms"))
    <Script 1*sleep(1.5)->sleep(0.25)>

    Raises:
        TypeError: Neither a number nor a text.
        ValueError: Negative, NaN, longer than 292 years, or not a duration.
    """
    if isinstance(seconds, str):
        return script_of(Sleep(parse_duration(seconds)))
    if not is_number(seconds, int, float):
        raise TypeError(f"delay() takes seconds, such as 1.5, or a duration, such as '250ms'; got {described(seconds)}")
    return script_of(Sleep(from_seconds(seconds)))
