"""What each test of a run did, and the table at its end of those that used the fixtures."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from itertools import groupby
from typing import Any, Final, TypeAlias, final

import pytest

from pytest_resilience._pytest.stash import EXPLORATION, EXPLORATION_FACTS, TALLY, TIMELINE_FACTS
from resilience.testing import counted

Row: TypeAlias = tuple[str, ...]
Tally: TypeAlias = Mapping[str, float]

OUTCOMES: Final = ("skipped", "passed", "failed", "error")
"""Of a test; the last that is met is its own."""

_COLUMNS: Final = ("faults", "attempts", "virtual_s", "alerts", "real_s")
_HEAD: Final = ("", "faults", "attempts", "virtual time", "alerts", "real time")
_SECOND: Final = 1000  # milliseconds
_MINUTE: Final = 60  # seconds, and in an hour so many of these
_MOST_TESTS: Final = 60  # rows that a screen shows; of more tests, each file has one
_LONGEST_NAME: Final = 72
"""The parameters of one test would otherwise make every row wider than the terminal."""


@final
class Tests:
    """Collects what the tests did, also those of other processes.

    Attributes:
        explored: What exploring a test came to, in one line, by its name.
    """

    def __init__(self) -> None:
        self._facts: dict[str, dict[str, Any]] = {}
        self.explored: dict[str, str] = {}

    @property
    def facts(self) -> list[dict[str, Any]]:
        """What is known of each test, in the form that is described by ``schema.json`` of the report."""
        return sorted(self._facts.values(), key=lambda test: (test["file"], test["line"], test["id"]))

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        test = self._facts.setdefault(report.nodeid, _empty(report))
        test["seconds"] += report.duration
        outcome: str = "error" if report.failed and report.when != "call" else report.outcome
        if outcome in OUTCOMES and (report.when == "call" or outcome != "passed"):
            test["outcome"] = max(test["outcome"], outcome, key=OUTCOMES.index)
        for name, value in report.user_properties:
            if name == TALLY and report.when == "teardown" and isinstance(value, dict):
                test["counts"] = value
            elif name == TIMELINE_FACTS and report.when == "teardown":
                test["timeline"] = value
            elif name == EXPLORATION_FACTS:
                test["exploration"] = value
            elif name == EXPLORATION:
                self.explored[report.nodeid] = str(value)


@final
class Summary:
    """Prints what the tests did by file, in the order of the files."""

    def __init__(self, tests: Tests) -> None:
        self._tests = tests

    def pytest_terminal_summary(self, terminalreporter: pytest.TerminalReporter) -> None:
        tests = [
            (test["file"], _name(test), {**test["counts"], "real_s": test["seconds"]})
            for test in self._tests.facts
            if test["counts"] is not None
        ]
        if not tests:
            return
        total = _sum(tally for *_, tally in tests)
        passed = f"{duration(total['virtual_s'])} of virtual time in {duration(total['real_s'])}"
        terminalreporter.section(f"resilience: {counted(len(tests), 'test')}, {passed}")
        rows: list[Row] = []
        for file, group in groupby(tests, key=lambda test: test[0]):
            of_file = [*group]
            if len(tests) > _MOST_TESTS:
                rows.append(_row(f"{file} ({len(of_file)})", _sum(tally for *_, tally in of_file)))
            else:
                rows += [(file,), *(_row(name, tally) for _, name, tally in of_file)]
        for line in _table([_HEAD, *rows, _row("in all", total)]):
            terminalreporter.line(line)
        for test in self._tests.facts:
            if (headline := self._tests.explored.get(test["id"])) is not None:
                terminalreporter.line(f"{test['id']}: {headline}")


def _empty(report: pytest.TestReport) -> dict[str, Any]:
    file, line, _ = report.location
    return {
        "id": report.nodeid,
        "file": file,
        "line": (line or 0) + 1,
        "outcome": OUTCOMES[0],
        "seconds": 0.0,
        "counts": None,
        "timeline": [],
        "exploration": None,
    }


def _name(test: dict[str, Any]) -> str:
    """Return the name of a test in its file."""
    name = test["id"].partition("::")[2] or test["id"]
    if len(name) > _LONGEST_NAME:
        name = f"{name[: _LONGEST_NAME - 2]}…{name[-1]}"
    return f"  {name}  FAILED" if test["outcome"] in {"failed", "error"} else f"  {name}"


def _sum(tallies: Iterable[Tally]) -> Tally:
    kept = [*tallies]
    return {column: sum(each[column] for each in kept) for column in _COLUMNS}


def _row(name: str, tally: Tally) -> Row:
    faults, attempts, virtual_s, alerts, real_s = (tally[column] for column in _COLUMNS)
    return (name, str(faults), str(attempts), duration(virtual_s), str(alerts), duration(real_s))


def _table(rows: Sequence[Row]) -> Iterator[str]:
    """Yield aligned lines; a row of one cell is a line of its own."""
    widths = [max(map(len, column)) for column in zip(*(row for row in rows if len(row) > 1), strict=True)]
    for name, *cells in rows:
        aligned = [cell.rjust(width) for cell, width in zip(cells, widths[1:], strict=False)]
        yield "  ".join([name.ljust(widths[0]), *aligned]) if cells else name


def duration(seconds: float) -> str:
    """Return a duration for people: ``0 s``, ``12 ms``, ``12.5 s``, ``5 min 02 s``, ``1 h 02 min``."""
    milliseconds = round(seconds * 1000)
    if milliseconds < _SECOND:
        return f"{milliseconds} ms" if seconds else "0 s"
    tenths = round(seconds, 1)
    if tenths < _MINUTE:
        return f"{tenths:.1f} s"
    minutes, rest = divmod(round(seconds), _MINUTE)
    hours, minutes = divmod(minutes, _MINUTE)
    return f"{hours} h {minutes:02d} min" if hours else f"{minutes} min {rest:02d} s"
