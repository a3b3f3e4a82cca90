"""The error of an unparsable script, and the text being read, which makes it."""

from __future__ import annotations

import re
from typing import final
from unicodedata import combining, east_asian_width

from resilience._failpoints.script.values import printable

_BEFORE, _AFTER = 60, 60  # how much of a long script is shown around the place
_LONGEST_FOUND = 40

_SPACE = re.compile(r"\s*")
_STRING = re.compile(r"'(?:[^'\\\n]|\\.)*'|\"(?:[^\"\\\n]|\\.)*\"", re.DOTALL)
_TOKEN = re.compile(rf"{_STRING.pattern}|->|\w+|\S", re.DOTALL)


__tracebackhide__ = True  # a mistake in a script is shown where the script is written


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


def _quoted(token: str) -> str:
    return token if token[0] in "'\"" else f"'{token}'"


def _width(text: str) -> int:
    """Return how many columns a terminal gives a text."""
    return sum(0 if combining(each) else 2 if east_asian_width(each) in "WF" else 1 for each in text)


@final
class Source:
    """The text of a script while it is read: what lies where in it, and the error for what can't be read.

    Attributes:
        text: The whole text.
        example: What an error shows as right, fitting to what is being read.
    """

    def __init__(self, text: str, example: str) -> None:
        self.text = text
        self.example = example

    def skip(self, position: int) -> int:
        """Return where the next thing after spaces and line breaks begins."""
        found = _SPACE.match(self.text, position)
        return found.end() if found else position

    def closing(self, opening: int) -> int:
        """Return where the parenthesis that opens at ``opening`` is closed; those inside quotes don't count."""
        depth, position = 0, opening
        while position < len(self.text):
            each = self.text[position]
            if each in "'\"":
                string = _STRING.match(self.text, position)
                if string is None:
                    raise self.error(position, "the same quote where the text ends", found="a quote without its end")
                position = string.end()
                continue
            depth += (each == "(") - (each == ")")
            if depth == 0:
                return position
            position += 1
        raise self.error(opening, "')' where what is inside ends", found="'(' without its end")

    def error(
        self, position: int, expected: str, *, found: str | None = None, example: str | None = None
    ) -> ScriptError:
        """Return the error for what stands at ``position``: the word there, unless ``found`` says it better."""
        if found is None:
            token = _TOKEN.match(self.text, position)
            found = _quoted(token[0][:_LONGEST_FOUND]) if token else "the end of the script"
        return ScriptError(self.text, position + 1, found, expected, example or self.example)
