"""What a test opens by hand and has to close: clocks, `Faults`, servers and whatever else has a ``with`` block.

pytest loads this module in every run, so it imports nothing. Each tool says when it opens and closes; the plugin asks
at the end of a test what is still open that no fixture of a wider scope has opened.
"""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from contextlib import AbstractContextManager
from typing import Final, TypeAlias

Tools: TypeAlias = tuple[AbstractContextManager[object], ...]
_open: Final[list[AbstractContextManager[object]]] = []
_lives_longer = True


def note_open(tool: AbstractContextManager[object]) -> None:
    """Note that a tool has been opened; not where that is done outside of a test, or for several tests."""
    if not _lives_longer:
        _open.append(tool)


def note_closed(tool: AbstractContextManager[object]) -> None:
    _open[:] = [each for each in _open if each is not tool]


@contextlib.contextmanager
def opening(*, for_one_test: bool) -> Iterator[None]:
    """Say whether what is opened in the ``with`` block is for one test only, or lives longer."""
    global _lives_longer  # noqa: PLW0603  # pytest sets up one fixture at a time
    before, _lives_longer = _lives_longer, not for_one_test
    try:
        yield
    finally:
        _lives_longer = before


def open_now() -> Tools:
    """Return the tools that are open: those of a test that runs pytest in pytest, or of who explores."""
    return tuple(_open)


def close_what_is_left(before: Tools) -> list[str]:
    """Close the tools that a test has left open, the newest first, and return what they are."""
    names = []
    while left := [each for each in _open if not any(each is other for other in before)]:
        tool = left[-1]
        names.append(repr(tool))
        try:
            tool.__exit__(GeneratorExit, None, None)  # as at the end of a block that did not come to its end
        finally:
            note_closed(tool)
    return names
