"""What is said of all that a test has left behind."""

from __future__ import annotations

import warnings
from collections.abc import Collection, Iterable, Mapping, Sequence
from typing import final

from pytest_resilience._faults.injection import Injection
from resilience.redact import clean
from resilience.testing import counted


@final
class LeftoverWarning(UserWarning):
    """Something of a test was still there when it was over: calls that a fault held, connections, processes, servers.

    The text names it, says what became of it, and how to end it in the test.
    """

    __module__ = "pytest_resilience"  # also before it has been asked for there


def held_calls(injections: Sequence[Injection]) -> str | None:
    """Name the faults that hold calls, each with the threads and tasks that wait.

    At a server it is the server that waits, and whether a client still does is seen by its connection.
    """
    return listed(
        "calls were still held by a fault when the test was over, and were ended then:",
        [
            f"{clean(each.name)}: {', '.join(clean(name) for name in waiting)}"
            for each in injections
            if (waiting := each.gate.waiting) and not any(place.kind == "http" for place in each.places)
        ],
        "Let them go before: injection.resume() ends a pause, and injection.disarm() ends a hang.",
    )


def open_connections(numbers: Mapping[str, int]) -> str | None:
    """Name the servers and proxies to which clients still have connections, each with how many."""
    return listed(
        "connections were still open when the test was over, and were ended then:",
        [f"{clean(name)}: {counted(number, 'connection')}" for name, number in numbers.items() if number],
        "Close the client before: in the test, or in a fixture that asks for `faults`.",
    )


def processes(numbers: Collection[int], *, ended: bool) -> str | None:
    """Name the processes of the test that still ran: those that were ended, or those that go on."""
    fate = ", and were ended then" if ended else "; no fault strikes in them any more"
    return listed(
        f"processes that the test had started were still there when it was over{fate}:",
        [f"process {number}" for number in sorted(numbers)],
        "End them, or wait for them, before: in the test, or in a fixture that asks for `faults`.",
    )


def unclosed_tools(names: Sequence[str]) -> str | None:
    """Name the tools of the kit that the test has opened by hand."""
    return listed(
        "tools that the test had opened were still open when it was over, and were closed then:",
        [clean(name) for name in names],
        "Open them in a `with` block, or use the fixtures, which close themselves.",
    )


def warn_of(texts: Iterable[str | None], stacklevel: int) -> None:
    """Warn of what is left over; of nothing where there is none."""
    for text in filter(None, texts):
        warnings.warn(LeftoverWarning(text), stacklevel=stacklevel + 1)


def listed(what: str, names: Sequence[str], cure: str) -> str | None:
    lines = "\n".join(f"  {name}" for name in names)
    return f"{what}\n{lines}\n{cure}" if names else None
