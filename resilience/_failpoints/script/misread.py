"""The error of a piece of a script that is not what it is read as."""

from __future__ import annotations


class MisreadError(ValueError):
    """A text is not what was expected: no name of an exception, or no value of its kind.

    Attributes:
        expected: What should stand there.
        offset: Where in the text the wrong part begins.
        found: What does; None for the word there.
    """

    def __init__(self, expected: str, offset: int = 0, found: str | None = None) -> None:
        super().__init__(expected, offset, found)
        self.expected, self.offset, self.found = expected, offset, found
