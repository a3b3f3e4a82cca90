"""Proves that code which retries survives its faults, by scripted faults, virtual time and a stand-in for Discord.

The fixtures of the pytest plugin are the classes of this package. What is named here is imported when it is first used,
since pytest loads the plugin in every run, also in those that do not use it.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any, Final

if TYPE_CHECKING:
    from pytest_resilience.clock import DeadlockError, VirtualClock
    from pytest_resilience.discord import DiscordMock, DiscordServer, edge_ban, lost_answer, rate_limited
    from pytest_resilience.faults import Faults, Injection
    from pytest_resilience.logs import RetryLog
    from pytest_resilience.retries import Retries
    from pytest_resilience.script import Script, ScriptError, answer, delay, fail, passthrough
    from pytest_resilience.timeline import Timeline

_HOMES: Final = {
    "DeadlockError": "clock",
    "DiscordMock": "discord",
    "DiscordServer": "discord",
    "Faults": "faults",
    "Injection": "faults",
    "Retries": "retries",
    "RetryLog": "logs",
    "Script": "script",
    "ScriptError": "script",
    "Timeline": "timeline",
    "VirtualClock": "clock",
    "answer": "script",
    "delay": "script",
    "edge_ban": "discord",
    "fail": "script",
    "lost_answer": "discord",
    "passthrough": "script",
    "rate_limited": "discord",
}

__all__ = [
    "DeadlockError",
    "DiscordMock",
    "DiscordServer",
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
        found = getattr(import_module(f"{__name__}.{_HOMES[name]}"), name)
    except ModuleNotFoundError as missing:
        if missing.name not in {"pytest", "respx", "freezegun"}:
            raise
        from resilience import MissingExtraError

        raise MissingExtraError(f"{__name__}.{name}", extra="pytest") from None
    globals()[name] = found
    return found


def __dir__() -> list[str]:
    return sorted({*globals(), *_HOMES})
