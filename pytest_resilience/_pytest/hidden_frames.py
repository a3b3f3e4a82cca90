"""Which functions of the kit the traceback of a failing test leaves out: those that only pass an error on.

pytest asks each frame for ``__tracebackhide__``, among its own variables and those of its module. `pytest --full-trace`
shows them all.
"""

from __future__ import annotations

import sys
from types import FrameType, TracebackType
from typing import Final

import pytest

_PASSING_ON: Final = ("resilience._engine", "resilience._failpoints.functions", "pytest_resilience.clock")
_RAISING_WHAT_A_SCRIPT_SAYS: Final = "resilience._failpoints.functions.place"
_MISTAKES: Final = (ArithmeticError, AssertionError, AttributeError, ImportError, LookupError, NameError, TypeError)
"""What no function of these raises on purpose."""


def hide_frames() -> None:
    """Have pytest leave them out, in all modules that have been loaded by now."""
    for name, module in list(sys.modules.items()):
        if name.startswith(_PASSING_ON):
            vars(module).setdefault("__tracebackhide__", _is_passed_on)


def end_where_the_test_does(raised: pytest.ExceptionInfo[BaseException]) -> None:
    """Let a debugger begin in the last function that is shown: of a frame it asks for its own variables alone."""
    shown: TracebackType | None = None
    traceback: TracebackType | None = raised.tb
    while traceback is not None:
        if not _module_of(traceback.tb_frame).startswith(_PASSING_ON):
            shown = traceback
        traceback = traceback.tb_next
    if shown is not None and _is_passed_on(raised):
        shown.tb_next = None


def _is_passed_on(raised: pytest.ExceptionInfo[BaseException]) -> bool:
    """Whether an error is not a mistake in the kit itself, which has to be seen."""
    if not isinstance(raised.value, _MISTAKES):
        return True
    traceback = raised.tb
    while traceback.tb_next is not None:
        traceback = traceback.tb_next
    origin = _module_of(traceback.tb_frame)
    return origin == _RAISING_WHAT_A_SCRIPT_SAYS or not origin.startswith(_PASSING_ON)


def _module_of(frame: FrameType) -> str:
    return str(frame.f_globals.get("__name__"))
