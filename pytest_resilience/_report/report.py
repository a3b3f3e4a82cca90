"""What a report says of one test, in the form that travels between processes, and the file about all of them."""

from __future__ import annotations

import dataclasses
import json
import time
from collections import Counter
from pathlib import Path
from typing import Any, Final, final

from pytest_resilience._explore.findings import Exploration
from pytest_resilience._explore.texts import headline, replay_command
from pytest_resilience._pytest.summary import OUTCOMES, Tests
from pytest_resilience._timeline.timeline import Timeline

VERSION: Final = 1  # of what schema.json describes
_AS_THEY_ARE: Final = ("runs", "known", "exhausted", "unreached", "stopped", "seconds")


@final
class Report:
    """The report of one run of pytest, which has a seed, in a file."""

    def __init__(self, path: Path, seed: int, tests: Tests) -> None:
        self._path = path
        self._seed = seed
        self._tests = tests
        self._began = time.perf_counter()

    def pytest_sessionfinish(self) -> None:
        tests = self._tests.facts
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


def facts_of_timeline(timeline: Timeline) -> list[dict[str, Any]]:
    """Return the events of a test, each with its time."""
    return [{"at": at, "text": text} for at, text in timeline.lines()]


def facts_of_exploration(exploration: Exploration, again: str | None) -> dict[str, Any]:
    """Return what exploring a test came to."""
    return {
        "summary": headline(exploration),
        **{name: getattr(exploration, name) for name in _AS_THEY_ARE},
        "matrix": [
            {"point": point, "call": call, "fate": fate, "plans": plans}
            for (point, call, fate), plans in sorted(exploration.fates.items())
        ],
        "findings": [
            {**dataclasses.asdict(each), "again": "" if again is None else replay_command(each, again)}
            for each in exploration.findings
        ],
    }
