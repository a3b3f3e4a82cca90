"""What is said of the calls that a fault still held when the test was over."""

from __future__ import annotations

import warnings
from collections.abc import Sequence
from typing import final

from pytest_resilience._faults.injection import Injection
from resilience.redact import clean


@final
class LeftoverCallWarning(UserWarning):
    """Calls were still held by a ``pause`` or ``hang`` when the test was over; they were ended by a `BaseException`."""


def held_by(injections: Sequence[Injection]) -> list[str]:
    """The faults that hold calls, each with the names of the threads and tasks that wait.

    At a server it is the server that waits, and whether a client still does is the client's business.
    """
    return [
        f"{clean(each.name)}: {', '.join(clean(name) for name in waiting)}"
        for each in injections
        if (waiting := each.gate.waiting) and not any(place.kind == "http" for place in each.places)
    ]


def warn_of(held: Sequence[str]) -> None:
    """Name the calls that were held; nothing where there were none."""
    if not held:
        return
    lines = "\n".join(f"  {each}" for each in held)
    text = (
        f"calls were still held by a fault when the test was over, and were ended then:\n{lines}\n"
        "Let them go before: injection.resume() ends a pause, and injection.disarm() ends a hang."
    )
    warnings.warn(LeftoverCallWarning(text), stacklevel=3)
