"""What a test kit may use of this package: the `pytest_resilience` that comes with it, or one of your own.

- Faults: `arming` puts an `Interceptor` at a failpoint; `known_names` lists the failpoints there are. An interceptor
  that follows a script asks a `ScriptRun` for the `Action` of each call; `fail`, `answer`, `delay` and `passthrough`
  make scripts, `Script.parse` reads them.
- Surroundings: `configured` changes settings, `isolated` begins with no alert sent so far, each for the length of a
  ``with`` block. With an `Outlet`, alerts go there in the place of all destinations. `flush` waits until none is on its
  way. Events are listened to by `resilience.subscribe`.
- Besides: `wait_bounds` tells how long a call may wait between two attempts, `sleep_async` sleeps in asyncio and trio,
  `described` shows a value that was refused,
  `closest` finds the names that may have been meant, `exported` and `publish` make fronts such as this one.

What is named here is loaded when it is first used.
"""

from __future__ import annotations

import functools
from typing import TYPE_CHECKING, Final

from resilience._support.lazy import exported as _exported

if TYPE_CHECKING:
    from resilience._alerts.delivery.outlet import Outlet as Outlet
    from resilience._alerts.system import flush as flush
    from resilience._alerts.system import isolated as isolated
    from resilience._config import configured as configured
    from resilience._engine.stop import sleep_async as sleep_async
    from resilience._engine.wait_bounds import wait_bounds as wait_bounds
    from resilience._failpoints.script.action import Action as Action
    from resilience._failpoints.script.action import Effect as Effect
    from resilience._failpoints.script.action import Place as Place
    from resilience._failpoints.script.actions import Off as Off
    from resilience._failpoints.script.actions import Raise as Raise
    from resilience._failpoints.script.actions import Return as Return
    from resilience._failpoints.script.actions import Sleep as Sleep
    from resilience._failpoints.script.actions import answer as answer
    from resilience._failpoints.script.actions import delay as delay
    from resilience._failpoints.script.actions import fail as fail
    from resilience._failpoints.script.actions import passthrough as passthrough
    from resilience._failpoints.script.error import ScriptError as ScriptError
    from resilience._failpoints.script.run import ScriptRun as ScriptRun
    from resilience._failpoints.script.script import Script as Script
    from resilience._failpoints.script.script import as_script as as_script
    from resilience._failpoints.script.term import Term as Term
    from resilience._failpoints.script.values import described as described
    from resilience._failpoints.table import Interceptor as Interceptor
    from resilience._failpoints.table import arming as arming
    from resilience._failpoints.table import known_names as known_names
    from resilience._support.lazy import exported as exported
    from resilience._support.lazy import publish as publish
    from resilience._support.wording import closest as closest

_LATE: Final = {
    "resilience._alerts.delivery.outlet": ("Outlet",),
    "resilience._alerts.system": ("flush", "isolated"),
    "resilience._config": ("configured",),
    "resilience._engine.stop": ("sleep_async",),
    "resilience._engine.wait_bounds": ("wait_bounds",),
    "resilience._failpoints.script.action": ("Action", "Effect", "Place"),
    "resilience._failpoints.script.actions": (
        *("Off", "Raise", "Return", "Sleep"),
        *("answer", "delay", "fail", "passthrough"),
    ),
    "resilience._failpoints.script.error": ("ScriptError",),
    "resilience._failpoints.script.run": ("ScriptRun",),
    "resilience._failpoints.script.script": ("Script", "as_script"),
    "resilience._failpoints.script.term": ("Term",),
    "resilience._failpoints.script.values": ("described",),
    "resilience._failpoints.table": ("Interceptor", "arming", "known_names"),
    "resilience._support.lazy": ("exported", "publish"),
    "resilience._support.wording": ("closest",),
}
if not TYPE_CHECKING:  # type checkers read the imports above
    __all__ = [*sorted(name for names in _LATE.values() for name in names)]

__getattr__ = functools.partial(_exported, __name__, _LATE)
