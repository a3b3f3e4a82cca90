"""What a report says of one test, in the form that travels between processes and is described by ``schema.json``."""

from __future__ import annotations

import re
from typing import Any, Final

from pytest_resilience._explore.findings import Exploration, Finding
from pytest_resilience._explore.texts import headline
from pytest_resilience._timeline.timeline import Timeline

EXPLORATION_FACTS: Final = "resilience-exploration"
"""The property of a report of pytest that holds what exploring its test came to."""

TIMELINE_FACTS: Final = "resilience-timeline"
"""The property that holds the timeline of a test."""


def facts_of_timeline(timeline: Timeline) -> list[dict[str, Any]]:
    """Return the events of a test, each with its time."""
    return [{"at": at, "text": text} for at, text in timeline.lines()]


def facts_of_exploration(exploration: Exploration, again: str | None) -> dict[str, Any]:
    """Return what exploring a test came to."""
    return {
        "summary": headline(exploration),
        "runs": exploration.runs,
        "known": exploration.known,
        "exhausted": exploration.exhausted,
        "unreached": exploration.unreached,
        "stopped": exploration.stopped,
        "seconds": exploration.seconds,
        "matrix": [
            {"point": point, "call": call, "fate": fate, "plans": plans}
            for (point, call, fate), plans in sorted(exploration.fates.items())
        ],
        "findings": [_facts_of_finding(finding, again) for finding in exploration.findings],
    }


def _facts_of_finding(finding: Finding, again: str | None) -> dict[str, Any]:
    options = f"--resilience --resilience-replay={finding.token}"
    return {
        "kind": finding.kind,
        "text": finding.text,
        "where": finding.where,
        "plan": [*finding.plan],
        "scripts": [*finding.scripts],
        "token": finding.token,
        "again": "" if again is None else re.sub("^pytest", f"pytest {options}", again),
        "timeline": finding.timeline,
    }
