"""Proves that code which retries survives its faults, by scripted faults, virtual time and a stand-in for Discord.

The fixtures of the pytest plugin are the classes of this package. What is named here is imported when it is first used,
since pytest loads the plugin in every run, also in those that do not use it.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any, Final

if TYPE_CHECKING:
    from pytest_resilience._faults.injection import Faults, Injection
    from pytest_resilience._timeline.logs import RetryLog
    from pytest_resilience._timeline.retries import Retries
    from pytest_resilience._timeline.timeline import Timeline
    from pytest_resilience.clock import DeadlockError, VirtualClock
    from pytest_resilience.discord import DiscordMock, edge_ban, lost_answer, rate_limited
    from resilience._failpoints.script import Script, ScriptError, answer, delay, fail, passthrough

_HOMES: Final = {
    "DeadlockError": "pytest_resilience.clock",
    "DiscordMock": "pytest_resilience.discord",
    "Faults": "pytest_resilience._faults.injection",
    "Injection": "pytest_resilience._faults.injection",
    "Retries": "pytest_resilience._timeline.retries",
    "RetryLog": "pytest_resilience._timeline.logs",
    "Script": "resilience._failpoints.script",
    "ScriptError": "resilience._failpoints.script",
    "Timeline": "pytest_resilience._timeline.timeline",
    "VirtualClock": "pytest_resilience.clock",
    "answer": "resilience._failpoints.script",
    "delay": "resilience._failpoints.script",
    "edge_ban": "pytest_resilience.discord",
    "fail": "resilience._failpoints.script",
    "lost_answer": "pytest_resilience.discord",
    "passthrough": "resilience._failpoints.script",
    "rate_limited": "pytest_resilience.discord",
}

__all__ = [
    "DeadlockError",
    "DiscordMock",
    "Faults",
    "Injection",
    "Retries",
    "RetryLog",
    "Script",
    "ScriptError",
    "Timeline",
    "VirtualClock",
    "answer",
    "delay",
    "edge_ban",
    "fail",
    "lost_answer",
    "passthrough",
    "rate_limited",
]


def __getattr__(name: str) -> Any:
    if name not in _HOMES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    try:
        found = getattr(import_module(_HOMES[name]), name)
    except ModuleNotFoundError as missing:
        if missing.name not in {"pytest", "respx", "freezegun"}:
            raise
        from resilience import MissingExtraError

        raise MissingExtraError(f"{__name__}.{name}", extra="pytest") from None
    globals()[name] = found
    return found


def __dir__() -> list[str]:
    return sorted({*globals(), *_HOMES})
