"""Writes at the end of a run what its tests did, also those of other processes."""

from __future__ import annotations

import json
import time
from collections import Counter
from pathlib import Path
from typing import Any, Final, final

from pytest_resilience._pytest.summary import OUTCOMES, Summary

VERSION: Final = 1  # of what schema.json describes


@final
class Report:
    """The report of one run of pytest, which has a seed, in a file."""

    def __init__(self, path: Path, seed: int, summary: Summary) -> None:
        self._path = path
        self._seed = seed
        self._summary = summary
        self._began = time.perf_counter()

    def pytest_sessionfinish(self) -> None:
        tests = self._summary.tests
        outcomes = Counter(test["outcome"] for test in tests)
        facts = {
            "version": VERSION,
            "seed": self._seed,
            "seconds": time.perf_counter() - self._began,
            "outcomes": {outcome: outcomes[outcome] for outcome in OUTCOMES},
            "tests": tests,
        }
        self._path.parent.mkdir(parents=True, exist_ok=True)
        self._path.write_text(json.dumps(facts, indent=1, ensure_ascii=False), encoding="utf-8")

    def pytest_terminal_summary(self, terminalreporter: Any) -> None:
        terminalreporter.line(f"resilience: the report is {self._path}")
