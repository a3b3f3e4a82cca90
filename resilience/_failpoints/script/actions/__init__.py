"""The actions, one file for each: its word and text, its builder, where it can be, and what it does.

Error texts list them in the order of these imports.
"""

from resilience._failpoints.script.actions.raise_error import Raise, fail
from resilience._failpoints.script.actions.return_value import Return, answer
from resilience._failpoints.script.actions.sleep import Sleep, delay

from resilience._failpoints.script.actions.off import Off, passthrough  # isort: skip  # the last one in every list

__all__ = ["Off", "Raise", "Return", "Sleep", "answer", "delay", "fail", "passthrough"]
