"""What is explored: something that can be run again and again, each time from its beginning."""

from __future__ import annotations

import weakref
from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass
from typing import Any, Protocol, final

from pytest_resilience._timeline.timeline import Timeline
from pytest_resilience.discord import Alert

Around = Callable[[], AbstractContextManager[object]]


@final
@dataclass(slots=True)
class Ending:
    """How one run ended.

    Attributes:
        errors: What came out of the test, and of the end of its fixtures; empty where it passed.
        beyond: Which limit of the run was reached; None where none was.
        timeline: What happened; None where the test did not begin.
        alerts: What the stand-ins for Discord have taken.
        held_locks: The locks that were held at the end of the test.
    """

    errors: Sequence[BaseException] = ()
    beyond: str | None = None
    timeline: Timeline | None = None
    alerts: Sequence[Alert] = ()
    held_locks: Sequence[weakref.ref[Any]] = ()


class Subject(Protocol):
    """A test, or a function.

    Attributes:
        seed: From which its random numbers are drawn.
        test: The function that is run, whose thread and task are the test's own.
    """

    seed: int
    test: Callable[..., Any]

    def run(self, around: Around) -> Ending:
        """Run the test once, in virtual time, its random numbers from their beginning; ``around`` its body alone."""

    def forget(self) -> None:
        """Drop everything of the last run, so that its objects end."""
