"""What all that read a timeline have in common: it is that of the test, or one of their own."""

from __future__ import annotations

import contextlib
from types import TracebackType
from typing import Self

from pytest_resilience._objections import Objections
from pytest_resilience._timeline.timeline import Timeline, opened


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

    def __enter__(self) -> Self:
        self._timeline = self._open.enter_context(opened(self._given))
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        __tracebackhide__ = True
        self._open.close()
        if kind is None and self._given is None:
            self._objections.settle()
