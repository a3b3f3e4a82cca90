"""What a report says of one test, in the form that travels between processes and is described by ``schema.json``."""

from __future__ import annotations

import dataclasses
from typing import Any, Final

from pytest_resilience._explore.findings import Exploration
from pytest_resilience._explore.texts import headline, replay_command
from pytest_resilience._timeline.timeline import Timeline

_AS_THEY_ARE: Final = ("runs", "known", "exhausted", "unreached", "stopped", "seconds")


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
