"""Fault scripts: which fault strikes at which call, in code and as text.

>>> str(fail(ConnectionError("refused")).times(3).then(passthrough()))
"3*raise(ConnectionError('refused'))->off"
"""

from resilience._failpoints.script.actions import fail, passthrough  # with this, scripts know all actions

__all__ = ["fail", "passthrough"]
