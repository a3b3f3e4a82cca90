"""Proves that code which retries survives its faults, by scripted faults, virtual time and a stand-in for Discord.

The fixtures of the pytest plugin are the classes of this package. What is named here is imported when it is first used,
since pytest loads the plugin in every run, also in those that do not use it.
"""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, Any, Final

if TYPE_CHECKING:
    from pytest_resilience._explore.explorer import NotExplorableError as NotExplorableError
    from pytest_resilience._explore.findings import Exploration as Exploration
    from pytest_resilience._explore.findings import Finding as Finding
    from pytest_resilience._explore.surface import explore as explore
    from pytest_resilience._faults.faults import Faults as Faults
    from pytest_resilience._faults.injection import InjectedCall as InjectedCall
    from pytest_resilience._faults.injection import Injection as Injection
    from pytest_resilience._faults.leftovers import LeftoverWarning as LeftoverWarning
    from pytest_resilience._faults.scenario import ScenarioError as ScenarioError
    from pytest_resilience._servers.connection import Connection as Connection
    from pytest_resilience._servers.proxy import FaultProxy as FaultProxy
    from pytest_resilience._servers.routes import Request as Request
    from pytest_resilience._servers.routes import Route as Route
    from pytest_resilience._servers.server import FaultServer as FaultServer
    from pytest_resilience._timeline.calls import Attempt as Attempt
    from pytest_resilience._timeline.calls import Call as Call
    from pytest_resilience._timeline.log_lines import LogLine as LogLine
    from pytest_resilience._timeline.log_lines import Prefix as Prefix
    from pytest_resilience._timeline.logs import RetryLog as RetryLog
    from pytest_resilience._timeline.retries import Retries as Retries
    from pytest_resilience._timeline.timeline import Entry as Entry
    from pytest_resilience._timeline.timeline import Timeline as Timeline
    from pytest_resilience.clock import DeadlockError as DeadlockError
    from pytest_resilience.clock import GuessWarning as GuessWarning
    from pytest_resilience.clock import Jump as Jump
    from pytest_resilience.clock import LeftoverThreadWarning as LeftoverThreadWarning
    from pytest_resilience.clock import VirtualClock as VirtualClock
    from pytest_resilience.discord import Alert as Alert
    from pytest_resilience.discord import DiscordMock as DiscordMock
    from pytest_resilience.discord import WebhookRequest as WebhookRequest
    from pytest_resilience.discord import edge_ban as edge_ban
    from pytest_resilience.discord import lost_answer as lost_answer
    from pytest_resilience.discord import rate_limited as rate_limited
    from resilience.errors import Crash as Crash
    from resilience.testing import Script as Script
    from resilience.testing import ScriptError as ScriptError
    from resilience.testing import ScriptRun as ScriptRun
    from resilience.testing import answer as answer
    from resilience.testing import bandwidth as bandwidth
    from resilience.testing import call as call
    from resilience.testing import corrupt as corrupt
    from resilience.testing import crash as crash
    from resilience.testing import delay as delay
    from resilience.testing import fail as fail
    from resilience.testing import garbage as garbage
    from resilience.testing import hang as hang
    from resilience.testing import latency as latency
    from resilience.testing import limit as limit
    from resilience.testing import passthrough as passthrough
    from resilience.testing import pause as pause
    from resilience.testing import refuse as refuse
    from resilience.testing import reset as reset
    from resilience.testing import slices as slices
    from resilience.testing import slow_close as slow_close
    from resilience.testing import status as status
    from resilience.testing import truncate as truncate

_LATE: Final = {
    "pytest_resilience._explore.explorer": "NotExplorableError",
    "pytest_resilience._explore.findings": "Exploration Finding",
    "pytest_resilience._explore.surface": "explore",
    "pytest_resilience._faults.faults": "Faults",
    "pytest_resilience._faults.injection": "InjectedCall Injection",
    "pytest_resilience._faults.leftovers": "LeftoverWarning",
    "pytest_resilience._faults.scenario": "ScenarioError",
    "pytest_resilience._servers.connection": "Connection",
    "pytest_resilience._servers.proxy": "FaultProxy",
    "pytest_resilience._servers.routes": "Request Route",
    "pytest_resilience._servers.server": "FaultServer",
    "pytest_resilience._timeline.calls": "Attempt Call",
    "pytest_resilience._timeline.log_lines": "LogLine Prefix",
    "pytest_resilience._timeline.logs": "RetryLog",
    "pytest_resilience._timeline.retries": "Retries",
    "pytest_resilience._timeline.timeline": "Entry Timeline",
    "pytest_resilience.clock": "DeadlockError GuessWarning Jump LeftoverThreadWarning VirtualClock",
    "pytest_resilience.discord": "Alert DiscordMock WebhookRequest edge_ban lost_answer rate_limited",
    "resilience.errors": "Crash",
    "resilience.testing": (
        "Script ScriptError ScriptRun answer bandwidth call corrupt crash delay fail garbage hang latency "
        "limit passthrough pause refuse reset slices slow_close status truncate"
    ),
}
_NAMES: Final = sorted(" ".join(_LATE.values()).split())
if not TYPE_CHECKING:  # type checkers read the imports above
    __all__ = [*_NAMES]


def __dir__() -> list[str]:
    """List the names for `help` and completion, but not for freezegun: it gets all that it finds in any module."""
    asks = str(sys._getframe(1).f_globals.get("__name__"))  # noqa: SLF001  # `inspect` would be loaded by every run
    return sorted({*globals(), *([] if asks.partition(".")[0] == "freezegun" else _NAMES)})


def __getattr__(name: str) -> Any:
    from resilience.testing import exported  # not before a name is used: pytest imports this package in every run

    try:
        return exported(__name__, _LATE, name)
    except ModuleNotFoundError as missing:
        if missing.name not in {"pytest", "respx", "freezegun"}:
            raise
        from resilience import MissingExtraError

        raise MissingExtraError(f"{__name__}.{name}", extra="pytest") from None
