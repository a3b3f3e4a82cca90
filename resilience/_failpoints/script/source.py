"""The text of a script while it is read."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from typing import TypeVar, final

from resilience._failpoints.script.error import ScriptError
from resilience._failpoints.script.misread import MisreadError

_T = TypeVar("_T")
_LONGEST_FOUND = 40  # characters of a word that is no part of a script: enough to know it by

_SPACE = re.compile(r"\s*")
_STRING = re.compile(r"'(?:[^'\\\n]|\\.)*'|\"(?:[^\"\\\n]|\\.)*\"", re.DOTALL)
_TOKEN = re.compile(rf"{_STRING.pattern}|->|\w+|\S", re.DOTALL)


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
        depth = 0
        for position, each in self._outside_quotes(opening):
            depth += (each == "(") - (each == ")")
            if depth == 0:
                return position
        raise self.error(opening, "')' where what is inside ends", found="'(' without its end")

    def pieces(self, start: int, end: int) -> Iterator[tuple[int, int]]:
        """Yield where each of the values between two positions begins and ends; commas separate them.

        Commas inside quotes and brackets separate nothing here.
        """
        first, depth = self.skip(start), 0
        for position, each in self._outside_quotes(first):
            if position >= end:
                break
            depth += (each in "([{") - (each in ")]}")
            if each == "," and depth == 0:
                yield first, position
                first = self.skip(position + 1)
        if first < end:
            yield first, end

    def _outside_quotes(self, position: int) -> Iterator[tuple[int, str]]:
        """Yield the characters from a position on that are in no quotes, and where each stands."""
        while position < len(self.text):
            each = self.text[position]
            if each not in "'\"":
                yield position, each
                position += 1
                continue
            string = _STRING.match(self.text, position)
            if string is None:
                raise self.error(position, "the same quote where the text ends", found="a quote without its end")
            position = string.end()

    def read(self, position: int, read: Callable[[str], _T], text: str) -> _T:
        """Return what is read of a piece that begins at ``position``; what is wrong in it is an error of the whole."""
        try:
            return read(text)
        except MisreadError as error:
            raise self.error(position + error.offset, error.expected, found=error.found) from error.__cause__

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
