"""The words in which an exploration is told."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from typing import Final

from pytest_resilience._explore.findings import Exploration, Finding
from resilience.testing import counted

_WIDTH: Final = 76  # of the heads of findings, behind which the places stand in one column
_FATES: Final = ("BUG", "failed loudly", "survived", "unreached")
_MARGIN: Final = "   "


def told(exploration: Exploration, again: str | None, *, matrix: bool = False) -> str:
    """Return what is shown where something was found.

    Args:
        exploration: What was found.
        again: The command that replays a plan; None where there is none.
        matrix: Whether to show what became of the calls of each point.
    """
    lines = [f"explore: {headline(exploration)}", ""]
    if matrix:
        lines += [*matrix_of(exploration), ""]
    for number, finding in enumerate(exploration.findings, start=1):
        lines += [*_lines_of(finding, number, again), ""]
    return "\n".join(lines[:-1])


def headline(exploration: Exploration) -> str:
    """Return the one line about all of it: ``2 findings in 143 runs (3.1 s), explored all plans ...``."""
    found = counted(len(exploration.findings), "finding") if exploration.findings else "no finding"
    runs = f"{found} in {counted(exploration.runs, 'run')} ({exploration.seconds:.1f} s)"
    unreached = f", {counted(exploration.unreached, 'fault')} unreached" if exploration.unreached else ""
    stopped = f"; stopped: {exploration.stopped}" if exploration.stopped else ""
    return f"{runs}, {exploration.extent}{unreached}{stopped}"


def matrix_of(exploration: Exploration) -> Iterator[str]:
    """Yield a table: for each call of each point, what became of the faults there."""
    by_call: dict[tuple[str, int], Counter[str]] = {}
    for (point, call, fate), number in exploration.fates.items():
        by_call.setdefault((point, call), Counter())[fate] += number
    width = max((len(point) for point, _ in by_call), default=0)
    for (point, call), fates in sorted(by_call.items()):
        said = ", ".join(f"{fates[fate]} {fate}" for fate in _FATES if fates[fate])
        yield f"{_MARGIN}{point:<{width}}  call {call}: {said}"


def replay_command(finding: Finding, again: str) -> str:
    """Return the command that runs a test as a finding says, given the one that runs it alone."""
    program, _, target = again.partition(" ")
    return f"{program} --resilience --resilience-replay={finding.token} {target}"


def _lines_of(finding: Finding, number: int, again: str | None) -> Iterator[str]:
    head = f"{number}  {finding}"
    yield f"{head:<{_WIDTH}} {finding.where}".rstrip()
    yield from (f"{_MARGIN}{each}" for each in finding.plan)
    for index, script in enumerate(finding.scripts):
        yield f"{_MARGIN}{'as a script:' if not index else '':<14} {script}"
    if again is not None:
        yield f"{_MARGIN}{'again:':<14} {replay_command(finding, again)}"
    if finding.timeline:
        yield from (f"{_MARGIN}{line}" for line in finding.timeline.splitlines())
