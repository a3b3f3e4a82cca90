"""What a test opens by hand and has to close: clocks, `Faults`, servers and whatever else has a ``with`` block.

pytest loads this module in every run, so it imports nothing. Each tool says when it opens and closes; the plugin asks
at the end of a test what is still open that no fixture of a wider scope has opened.
"""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from contextlib import AbstractContextManager
from typing import Final

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


def close_what_is_left() -> list[str]:
    """Close the tools of a test that is over, the newest first; return what they are."""
    names = []
    while _open:
        tool = _open.pop()
        names.append(repr(tool))
        tool.__exit__(GeneratorExit, None, None)  # as at the end of a block that did not come to its end
    return names
