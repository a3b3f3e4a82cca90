"""The error of a text that is no script."""

from __future__ import annotations

from typing import final
from unicodedata import combining, east_asian_width

from resilience._failpoints.script.values import printable

_BEFORE, _AFTER = 60, 60  # how much of a long script is shown around the place


@final
class ScriptError(ValueError):
    """A text is no script.

    Its text says where, what was found and what was expected, and shows the place and an example::

        can't read the fault script at column 3: found 'back'
            3*back(500)->off
              ^
        Expected raise(...), return(...), sleep(...) or off.
        Example: 3*raise(ConnectionError('refused'))->off

    Attributes:
        script: The whole text.
        column: Where in it the wrong part begins; the first is 1.
        found: What stands there.
        expected: What should.
        example: A script that is right there.
    """

    __module__ = "resilience.testing"  # also before it has been asked for there

    def __init__(self, script: str, column: int, found: str, expected: str, example: str) -> None:
        super().__init__(script, column, found, expected, example)  # all of them, so that it can be pickled
        self.script = script
        self.column = column
        self.found = found
        self.expected = expected
        self.example = example

    def __str__(self) -> str:
        position = self.column - 1
        before = printable(self.script[max(0, position - _BEFORE) : position])
        after = printable(self.script[position : position + _AFTER])
        before = f"...{before}" if position > _BEFORE else before
        after = f"{after}..." if len(self.script) > position + _AFTER else after
        return (
            f"can't read the fault script at column {self.column}: found {printable(self.found)}\n"
            f"    {before}{after}\n"
            f"    {' ' * _width(before)}^\n"
            f"Expected {self.expected}.\n"
            f"Example: {self.example}"
        )


def _width(text: str) -> int:
    """Return how many columns a terminal gives a text."""
    return sum(0 if combining(each) else 2 if east_asian_width(each) in "WF" else 1 for each in text)
