"""The table at the end of a run: what each test that used the fixtures did, and how long that really took."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from itertools import groupby
from typing import Any, Final, Self, final

import pytest

from pytest_resilience._pytest.stash import EXPLORATION
from resilience.testing import counted

_HEAD: Final = ("", "faults", "attempts", "virtual time", "alerts", "real time")
_SECOND: Final = 1000
_MINUTE: Final = 60
_MOST_TESTS: Final = 60
_LONGEST_NAME: Final = 72
"""The parameters of one test would otherwise make every row wider than the terminal."""


@final
@dataclass(frozen=True, slots=True, kw_only=True)
class _Row:
    """What one test did, or several together."""

    name: str
    faults: int = 0
    attempts: int = 0
    virtual_s: float = 0.0
    alerts: int = 0
    real_s: float = 0.0

    @classmethod
    def of_all(cls, name: str, rows: Sequence[Self]) -> Self:
        columns = ("faults", "attempts", "virtual_s", "alerts", "real_s")
        return cls(name=name, **{column: sum(getattr(row, column) for row in rows) for column in columns})

    @property
    def cells(self) -> tuple[str, ...]:
        counts = (str(self.faults), str(self.attempts), duration(self.virtual_s), str(self.alerts))
        return (self.name, *counts, duration(self.real_s))


@final
class Summary:
    """Collects what the tests did, also those of other processes, and prints it by file, in the order of the files."""

    def __init__(self) -> None:
        self._real_s: dict[str, float] = {}
        self._failed: set[str] = set()
        self._tallies: dict[tuple[str, int, str], dict[str, Any]] = {}
        self._explored: dict[tuple[str, int, str], str] = {}

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        self._real_s[report.nodeid] = self._real_s.get(report.nodeid, 0.0) + report.duration
        if report.failed:
            self._failed.add(report.nodeid)
        file, line, _ = report.location
        for name, value in report.user_properties:
            if name == "resilience" and report.when == "teardown" and isinstance(value, dict):
                self._tallies[file, line or 0, report.nodeid] = value
            elif name == EXPLORATION:
                self._explored[file, line or 0, report.nodeid] = str(value)

    def pytest_terminal_summary(self, terminalreporter: pytest.TerminalReporter) -> None:
        if not self._tallies:
            return
        tests = [
            (file, _Row(name=self._name(nodeid), real_s=self._real_s[nodeid], **tally))
            for (file, _, nodeid), tally in sorted(self._tallies.items())
        ]
        total = _Row.of_all("in all", [row for _, row in tests])
        passed = f"{duration(total.virtual_s)} of virtual time in {duration(total.real_s)}"
        terminalreporter.section(f"resilience: {counted(len(tests), 'test')}, {passed}")
        rows: list[_Row | str] = []
        for file, group in groupby(tests, key=lambda test: test[0]):
            of_file = [row for _, row in group]
            if len(tests) > _MOST_TESTS:
                rows.append(_Row.of_all(f"{file} ({len(of_file)})", of_file))
            else:
                rows += [file, *of_file]
        for line in _table([*rows, total]):
            terminalreporter.line(line)
        for (_, _, nodeid), headline in sorted(self._explored.items()):
            terminalreporter.line(f"{nodeid}: {headline}")

    def _name(self, nodeid: str) -> str:
        """Return the name of a test in its file."""
        name = nodeid.partition("::")[2] or nodeid
        if len(name) > _LONGEST_NAME:
            name = f"{name[: _LONGEST_NAME - 2]}…{name[-1]}"
        return f"  {name}  FAILED" if nodeid in self._failed else f"  {name}"


def _table(rows: Iterable[_Row | str]) -> list[str]:
    """Return aligned lines; a text is a line of its own."""
    lines = [_HEAD, *((row,) if isinstance(row, str) else row.cells for row in rows)]
    widths = [max(len(line[column]) for line in lines if len(line) > 1) for column in range(len(_HEAD))]
    return [
        line[0]
        if len(line) == 1
        else "  ".join(
            [line[0].ljust(widths[0]), *(cell.rjust(width) for cell, width in zip(line[1:], widths[1:], strict=True))]
        )
        for line in lines
    ]


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
