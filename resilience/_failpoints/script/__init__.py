"""Fault scripts: which fault strikes at which call, in code and as text.

>>> str(fail(ConnectionError("refused")).times(3).then(passthrough()))
"3*raise(ConnectionError('refused'))->off"

To add an action: write its class in `actions`, and its builder in `builders`.
"""

from resilience._failpoints.script.actions.action import Action
from resilience._failpoints.script.actions.functions import Call, CrashHere, Hang, Off, Pause, Raise, Return, Sleep
from resilience._failpoints.script.builders import (
    answer,
    bandwidth,
    call,
    corrupt,
    crash,
    delay,
    fail,
    garbage,
    hang,
    latency,
    limit,
    passthrough,
    pause,
    refuse,
    reset,
    slices,
    slow_close,
    status,
    truncate,
)
from resilience._failpoints.script.error import ScriptError
from resilience._failpoints.script.run import Decision, ScriptRun
from resilience._failpoints.script.script import Script, as_script
from resilience._failpoints.script.term import Term

__all__ = [
    "Action",
    "Call",
    "CrashHere",
    "Decision",
    "Hang",
    "Off",
    "Pause",
    "Raise",
    "Return",
    "Script",
    "ScriptError",
    "ScriptRun",
    "Sleep",
    "Term",
    "answer",
    "as_script",
    "bandwidth",
    "call",
    "corrupt",
    "crash",
    "delay",
    "fail",
    "garbage",
    "hang",
    "latency",
    "limit",
    "passthrough",
    "pause",
    "refuse",
    "reset",
    "slices",
    "slow_close",
    "status",
    "truncate",
]
