"""The text of a script while it is read: what lies where in it, and the error for what can't be read."""

from __future__ import annotations

import re
from typing import final

from resilience._failpoints.script.error import ScriptError

_LONGEST_FOUND = 40

_SPACE = re.compile(r"\s*")
_STRING = re.compile(r"'(?:[^'\\\n]|\\.)*'|\"(?:[^\"\\\n]|\\.)*\"", re.DOTALL)
_TOKEN = re.compile(rf"{_STRING.pattern}|->|\w+|\S", re.DOTALL)

__tracebackhide__ = True  # a mistake in a script is shown where the script is written


@final
class Source:
    """The text of a script while it is read: what lies where in it, and the error for what can't be read.

    Attributes:
        text: The whole text.
        example: What an error shows as right, fitting to what is being read.
        position: How far it has been read; never at a space.
    """

    def __init__(self, text: str, example: str) -> None:
        self.text = text
        self.example = example
        self.position = self.skip(0)

    def take(self, pattern: re.Pattern[str]) -> re.Match[str] | None:
        """Return what stands here, if it is such, and move past it."""
        found = pattern.match(self.text, self.position)
        if found is not None:
            self.position = self.skip(found.end())
        return found

    def opens(self) -> bool:
        """Tell whether a parenthesis opens here."""
        return self.text.startswith("(", self.position)

    def inside(self) -> tuple[int, int]:
        """Return where what stands in the parentheses that open here begins and ends, and move past them."""
        opening = self.position
        start = self.skip(opening + 1)
        if self.text.startswith("<", start):
            made = "a value: <...> stands for an object that was made in code and has no text form"
            raise self.error(start, made)
        end = self.closing(opening)
        self.position = self.skip(end + 1)
        return start, end

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

    def error_here(self, expected: str, *, found: str | None = None) -> ScriptError:
        """Return the error for what comes next."""
        return self.error(self.position, expected, found=found)

    def error(
        self, position: int, expected: str, *, found: str | None = None, example: str | None = None
    ) -> ScriptError:
        """Return the error for what stands at ``position``: the word there, unless ``found`` says it better."""
        if found is None:
            token = _TOKEN.match(self.text, position)
            found = _quoted(token[0][:_LONGEST_FOUND]) if token else "the end of the script"
        return ScriptError(self.text, position + 1, found, expected, example or self.example)


def _quoted(token: str) -> str:
    return token if token[0] in "'\"" else f"'{token}'"
