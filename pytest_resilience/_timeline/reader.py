"""The base of all that read a timeline: that of the test, or one of their own."""

from __future__ import annotations

import contextlib
from typing import Self

from pytest_resilience._objections import Objections
from pytest_resilience._openings import note_closed, note_open
from pytest_resilience._timeline.timeline import Timeline, opened
from pytest_resilience._uninterrupted import Uninterrupted


class TimelineReader:
    """Reads a timeline for the length of a ``with`` block.

    Args:
        timeline: That of the test; without it, the reader opens one for its block, and judges the block at its end.
        objections: Those of the test.
    """

    def __init__(self, timeline: Timeline | None = None, objections: Objections | None = None) -> None:
        self._given = timeline
        self._objections = objections or Objections()
        self._timeline = timeline or Timeline()
        self._open = contextlib.ExitStack()
        self._was_opened = False

    def __enter__(self) -> Self:
        self._timeline = self._open.enter_context(opened(self._given))
        self._was_opened = True
        note_open(self)
        return self

    def __exit__(self, kind: type[BaseException] | None, *_: object) -> None:
        with Uninterrupted():
            note_closed(self)
            self._open.close()
        if kind is None and self._given is None:
            self._objections.settle()

    def __repr__(self) -> str:
        return f"<{type(self).__name__}>"

    def _check_opened(self, name: str) -> None:
        """Object to questions before there was anything to record: whatever was asked for, nothing would be found."""
        if not self._was_opened:
            kind = type(self).__name__
            self._objections.object(
                f"this {kind} has recorded nothing, since it was never opened: write `with {kind}() as {name}:` around "
                "what it is to record"
            )
