"""Collects what the tests of a run did, also those of other processes, and writes it at the end."""

from __future__ import annotations

import json
import time
from collections import Counter
from pathlib import Path
from typing import Any, Final, final

import pytest

from pytest_resilience._pytest.stash import TALLY
from pytest_resilience._report.facts import EXPLORATION_FACTS, TIMELINE_FACTS

VERSION: Final = 1  # of what schema.json describes
_ORDER: Final = ("skipped", "passed", "failed", "error")  # the last that is met is the outcome of a test


@final
class Report:
    """The report of one run of pytest, which has a seed, in a file."""

    def __init__(self, path: Path, seed: int) -> None:
        self._path = path
        self._seed = seed
        self._began = time.perf_counter()
        self._tests: dict[str, dict[str, Any]] = {}

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        test = self._tests.setdefault(report.nodeid, _empty(report))
        test["seconds"] += report.duration
        outcome = "error" if report.failed and report.when != "call" else report.outcome
        if report.when == "call" or outcome != "passed":
            test["outcome"] = max(test["outcome"], outcome, key=_ORDER.index)
        for name, value in report.user_properties:
            if name == TALLY and report.when == "teardown" and isinstance(value, dict):
                test["counts"] = value
            elif name == TIMELINE_FACTS and report.when == "teardown":
                test["timeline"] = value
            elif name == EXPLORATION_FACTS:
                test["exploration"] = value

    def pytest_sessionfinish(self) -> None:
        tests = sorted(self._tests.values(), key=lambda test: (test["file"], test["line"], test["id"]))
        outcomes = Counter(test["outcome"] for test in tests)
        facts = {
            "version": VERSION,
            "seed": self._seed,
            "seconds": time.perf_counter() - self._began,
            "outcomes": {outcome: outcomes[outcome] for outcome in _ORDER},
            "tests": tests,
        }
        self._path.parent.mkdir(parents=True, exist_ok=True)
        self._path.write_text(json.dumps(facts, indent=1, ensure_ascii=False), encoding="utf-8")

    def pytest_terminal_summary(self, terminalreporter: Any) -> None:
        terminalreporter.line(f"resilience: the report is {self._path}")


def _empty(report: pytest.TestReport) -> dict[str, Any]:
    file, line, _ = report.location
    return {
        "id": report.nodeid,
        "file": file,
        "line": (line or 0) + 1,
        "outcome": "skipped",
        "seconds": 0.0,
        "counts": None,
        "timeline": [],
        "exploration": None,
    }
