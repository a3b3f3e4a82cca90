"""The table at the end of a run: what each test that used the fixtures did, and how long that really took."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from itertools import groupby
from typing import Final, TypeAlias, final

import pytest

from pytest_resilience._pytest.stash import EXPLORATION, TALLY
from resilience.testing import counted

Row: TypeAlias = tuple[str, ...]
Tally: TypeAlias = Mapping[str, float]

_COLUMNS: Final = ("faults", "attempts", "virtual_s", "alerts", "real_s")
_HEAD: Final = ("", "faults", "attempts", "virtual time", "alerts", "real time")
_SECOND: Final = 1000  # milliseconds
_MINUTE: Final = 60  # seconds, and in an hour so many of these
_MOST_TESTS: Final = 60  # rows that a screen shows; of more tests, each file has one
_LONGEST_NAME: Final = 72
"""The parameters of one test would otherwise make every row wider than the terminal."""


@final
class Summary:
    """Collects what the tests did, also those of other processes, and prints it by file, in the order of the files."""

    def __init__(self) -> None:
        self._real_s: dict[str, float] = {}
        self._failed: set[str] = set()
        self._tallies: dict[tuple[str, int, str], Tally] = {}
        self._explored: dict[tuple[str, int, str], str] = {}

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        self._real_s[report.nodeid] = self._real_s.get(report.nodeid, 0.0) + report.duration
        if report.failed:
            self._failed.add(report.nodeid)
        file, line, _ = report.location
        for name, value in report.user_properties:
            if name == TALLY and report.when == "teardown" and isinstance(value, dict):
                self._tallies[file, line or 0, report.nodeid] = value
            elif name == EXPLORATION:
                self._explored[file, line or 0, report.nodeid] = str(value)

    def pytest_terminal_summary(self, terminalreporter: pytest.TerminalReporter) -> None:
        if not self._tallies:
            return
        tests = [
            (file, self._name(nodeid), {**tally, "real_s": self._real_s[nodeid]})
            for (file, _, nodeid), tally in sorted(self._tallies.items())
        ]
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
        for (_, _, nodeid), headline in sorted(self._explored.items()):
            terminalreporter.line(f"{nodeid}: {headline}")

    def _name(self, nodeid: str) -> str:
        """Return the name of a test in its file."""
        name = nodeid.partition("::")[2] or nodeid
        if len(name) > _LONGEST_NAME:
            name = f"{name[: _LONGEST_NAME - 2]}…{name[-1]}"
        return f"  {name}  FAILED" if nodeid in self._failed else f"  {name}"


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
