"""What a test kit may use of this package: the `pytest_resilience` that comes with it, or one of your own.

- Faults: `arming` puts an `Interceptor` at a failpoint, `arming_all` at every one; `known_names` lists the failpoints
  there are. An interceptor that follows a script asks a `ScriptRun` for the `Decision` about each call, of which the
  `Action` is one of the classes here; `fail`, `status`, `latency` and the other builders make scripts, `Script.parse`
  reads them. The `FunctionPlace` that is `place_at` what `target_of` finds does all that for any function, as the
  `ScriptedFault` says that it is armed with. Calls within `own_calls` are struck by nobody. A `RemoteFault` is one
  that another process decides, and `join_test` arms those of a test, whose socket `FAULTS_VARIABLE` has and which
  takes messages of `LONGEST_MESSAGE` bytes.
- Functions: `exact_trampoline` is code for one that calls another, which `put_code` gives it and `take_code` takes away
  again, in any order with the faults at that function; `twin_of` does what the function does with its `own_code`.
- Surroundings: `configured` changes settings, `isolated` begins with no alert sent so far, `retries_off` lets every
  call make one attempt only, each for the length of a ``with`` block. With an `Outlet`, alerts go there in the place of
  all destinations. `flush` waits until none is on its way. Events are listened to by `resilience.subscribe`.
- Besides: `wait_bounds` tells how long a call may wait between two attempts, `sleep_async` sleeps in asyncio and trio,
  `parse_duration` reads ``1h30m``, `described` shows a value that was refused, `counted` puts a number before its noun,
  `closest` finds the names that may have been meant and `suggestion` says so, `exported` and `publish` make fronts such
  as this one, `every_object` and `referrers` find also what is hidden from the garbage collector.

What is named here is loaded when it is first used.
"""

from __future__ import annotations

import functools
from typing import TYPE_CHECKING, Final

from resilience._support.lazy import exported as _exported

if TYPE_CHECKING:
    from resilience._alerts.delivery.destinations import Outlet as Outlet
    from resilience._alerts.system import flush as flush
    from resilience._alerts.system import isolated as isolated
    from resilience._config import configured as configured
    from resilience._engine.stop import sleep_async as sleep_async
    from resilience._engine.stopping import retries_off as retries_off
    from resilience._engine.strategies import wait_bounds as wait_bounds
    from resilience._failpoints.functions.place import FunctionPlace as FunctionPlace
    from resilience._failpoints.functions.place import place_at as place_at
    from resilience._failpoints.functions.seats import UnknownPlaceError as UnknownPlaceError
    from resilience._failpoints.functions.seats import UnknownTargetError as UnknownTargetError
    from resilience._failpoints.functions.targets import Target as Target
    from resilience._failpoints.functions.targets import target_of as target_of
    from resilience._failpoints.functions.trampolines import STAND_IN_FILE as STAND_IN_FILE
    from resilience._failpoints.functions.trampolines import exact_trampoline as exact_trampoline
    from resilience._failpoints.functions.trampolines import is_twin as is_twin
    from resilience._failpoints.functions.trampolines import own_code as own_code
    from resilience._failpoints.functions.trampolines import put_code as put_code
    from resilience._failpoints.functions.trampolines import take_code as take_code
    from resilience._failpoints.functions.trampolines import twin_of as twin_of
    from resilience._failpoints.gate import ReleasedError as ReleasedError
    from resilience._failpoints.own_calls import is_own_call as is_own_call
    from resilience._failpoints.own_calls import own_calls as own_calls
    from resilience._failpoints.processes.remote import FAULTS_VARIABLE as FAULTS_VARIABLE
    from resilience._failpoints.processes.remote import LONGEST_MESSAGE as LONGEST_MESSAGE
    from resilience._failpoints.processes.remote import RemoteFault as RemoteFault
    from resilience._failpoints.processes.remote import join_test as join_test
    from resilience._failpoints.script.actions import ACTIONS as ACTIONS
    from resilience._failpoints.script.actions.action import Action as Action
    from resilience._failpoints.script.actions.action import PlaceKind as PlaceKind
    from resilience._failpoints.script.actions.functions import Call as Call
    from resilience._failpoints.script.actions.functions import CrashHere as CrashHere
    from resilience._failpoints.script.actions.functions import Hang as Hang
    from resilience._failpoints.script.actions.functions import Off as Off
    from resilience._failpoints.script.actions.functions import Pause as Pause
    from resilience._failpoints.script.actions.functions import Raise as Raise
    from resilience._failpoints.script.actions.functions import Return as Return
    from resilience._failpoints.script.actions.functions import Sleep as Sleep
    from resilience._failpoints.script.actions.http import Garbage as Garbage
    from resilience._failpoints.script.actions.http import Reset as Reset
    from resilience._failpoints.script.actions.http import Status as Status
    from resilience._failpoints.script.actions.http import Truncate as Truncate
    from resilience._failpoints.script.actions.tcp import Bandwidth as Bandwidth
    from resilience._failpoints.script.actions.tcp import Corrupt as Corrupt
    from resilience._failpoints.script.actions.tcp import Latency as Latency
    from resilience._failpoints.script.actions.tcp import Limit as Limit
    from resilience._failpoints.script.actions.tcp import Refuse as Refuse
    from resilience._failpoints.script.actions.tcp import Slices as Slices
    from resilience._failpoints.script.actions.tcp import SlowClose as SlowClose
    from resilience._failpoints.script.builders import answer as answer
    from resilience._failpoints.script.builders import bandwidth as bandwidth
    from resilience._failpoints.script.builders import call as call
    from resilience._failpoints.script.builders import corrupt as corrupt
    from resilience._failpoints.script.builders import crash as crash
    from resilience._failpoints.script.builders import delay as delay
    from resilience._failpoints.script.builders import fail as fail
    from resilience._failpoints.script.builders import garbage as garbage
    from resilience._failpoints.script.builders import hang as hang
    from resilience._failpoints.script.builders import latency as latency
    from resilience._failpoints.script.builders import limit as limit
    from resilience._failpoints.script.builders import passthrough as passthrough
    from resilience._failpoints.script.builders import pause as pause
    from resilience._failpoints.script.builders import refuse as refuse
    from resilience._failpoints.script.builders import reset as reset
    from resilience._failpoints.script.builders import slices as slices
    from resilience._failpoints.script.builders import slow_close as slow_close
    from resilience._failpoints.script.builders import status as status
    from resilience._failpoints.script.builders import truncate as truncate
    from resilience._failpoints.script.duration import parse_duration as parse_duration
    from resilience._failpoints.script.error import ScriptError as ScriptError
    from resilience._failpoints.script.quantities import Share as Share
    from resilience._failpoints.script.run import Decision as Decision
    from resilience._failpoints.script.run import ScriptRun as ScriptRun
    from resilience._failpoints.script.script import Script as Script
    from resilience._failpoints.script.script import as_script as as_script
    from resilience._failpoints.script.term import Term as Term
    from resilience._failpoints.script.text import parse_plan as parse_plan
    from resilience._failpoints.script.values import described as described
    from resilience._failpoints.scripted_fault import ScriptedFault as ScriptedFault
    from resilience._failpoints.scripted_fault import shown as shown
    from resilience._failpoints.table import Interceptor as Interceptor
    from resilience._failpoints.table import arming as arming
    from resilience._failpoints.table import arming_all as arming_all
    from resilience._failpoints.table import known_names as known_names
    from resilience._support.heap import every_object as every_object
    from resilience._support.heap import referrers as referrers
    from resilience._support.lazy import exported as exported
    from resilience._support.lazy import publish as publish
    from resilience._support.wording import closest as closest
    from resilience._support.wording import counted as counted
    from resilience._support.wording import suggestion as suggestion

_LATE: Final = {
    "resilience._alerts.delivery.destinations": "Outlet",
    "resilience._alerts.system": "flush isolated",
    "resilience._config": "configured",
    "resilience._engine.stop": "sleep_async",
    "resilience._engine.stopping": "retries_off",
    "resilience._engine.strategies": "wait_bounds",
    "resilience._failpoints.functions.place": "FunctionPlace place_at",
    "resilience._failpoints.functions.seats": "UnknownPlaceError UnknownTargetError",
    "resilience._failpoints.functions.targets": "Target target_of",
    "resilience._failpoints.functions.trampolines": (
        "STAND_IN_FILE exact_trampoline is_twin own_code put_code take_code twin_of"
    ),
    "resilience._failpoints.gate": "ReleasedError",
    "resilience._failpoints.own_calls": "is_own_call own_calls",
    "resilience._failpoints.processes.remote": "FAULTS_VARIABLE LONGEST_MESSAGE RemoteFault join_test",
    "resilience._failpoints.script.actions": "ACTIONS",
    "resilience._failpoints.script.actions.action": "Action PlaceKind",
    "resilience._failpoints.script.actions.functions": "Call CrashHere Hang Off Pause Raise Return Sleep",
    "resilience._failpoints.script.actions.http": "Garbage Reset Status Truncate",
    "resilience._failpoints.script.actions.tcp": "Bandwidth Corrupt Latency Limit Refuse Slices SlowClose",
    "resilience._failpoints.script.builders": (
        "answer bandwidth call corrupt crash delay fail garbage hang latency limit passthrough pause refuse "
        "reset slices slow_close status truncate"
    ),
    "resilience._failpoints.script.duration": "parse_duration",
    "resilience._failpoints.script.error": "ScriptError",
    "resilience._failpoints.script.quantities": "Share",
    "resilience._failpoints.script.run": "Decision ScriptRun",
    "resilience._failpoints.script.script": "Script as_script",
    "resilience._failpoints.script.term": "Term",
    "resilience._failpoints.script.text": "parse_plan",
    "resilience._failpoints.script.values": "described",
    "resilience._failpoints.scripted_fault": "ScriptedFault shown",
    "resilience._failpoints.table": "Interceptor arming arming_all known_names",
    "resilience._support.heap": "every_object referrers",
    "resilience._support.lazy": "exported publish",
    "resilience._support.wording": "closest counted suggestion",
}
if not TYPE_CHECKING:  # type checkers read the imports above
    __all__ = [*sorted(" ".join(_LATE.values()).split())]

__getattr__ = functools.partial(_exported, __name__, _LATE)
