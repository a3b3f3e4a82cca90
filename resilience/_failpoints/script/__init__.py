"""Fault scripts: which fault strikes at which call, in code and as text.

>>> str(fail(ConnectionError("refused")).times(3).then(passthrough()))
"3*raise(ConnectionError('refused'))->off"
"""

from resilience._failpoints.script.actions import Action, Off, Raise, Return, Sleep, Term
from resilience._failpoints.script.error import ScriptError
from resilience._failpoints.script.run import ScriptRun
from resilience._failpoints.script.script import Script, answer, as_script, delay, fail, passthrough

__all__ = [
    "Action",
    "Off",
    "Raise",
    "Return",
    "Script",
    "ScriptError",
    "ScriptRun",
    "Sleep",
    "Term",
    "answer",
    "as_script",
    "delay",
    "fail",
    "passthrough",
]
