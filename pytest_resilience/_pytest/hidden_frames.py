"""The traceback of a failing test leaves out the functions of the kit, unless it is the kit that has made a mistake.

pytest asks each frame for ``__tracebackhide__``, among its own variables and those of its module. `pytest --full-trace`
shows them all.
"""

from __future__ import annotations

import dis
import sys
from types import FrameType, TracebackType
from typing import Final

import pytest

_KIT: Final = {"resilience", "pytest_resilience"}
_RUNNER: Final = {"_pytest", "pluggy"}
_MISTAKES: Final = (ArithmeticError, AssertionError, AttributeError, ImportError, LookupError, NameError, TypeError)
_NO_MISTAKE: Final = {
    "RAISE_VARARGS",  # raised on purpose
    "RERAISE",
    "CALL_FUNCTION_EX",  # f(*args, **kwargs): another's function, with another's arguments
}
"""What the kit does where it raises an error of these types for its user."""


def hide_frames() -> None:
    """Have pytest leave them out, in all modules that have been loaded by now."""
    for name, module in list(sys.modules.items()):
        if name.partition(".")[0] in _KIT:
            vars(module).setdefault("__tracebackhide__", _is_passed_on)


def report_without_the_kit(collector: pytest.Collector, report: pytest.CollectReport) -> None:
    """Describe anew why a module can't be collected: what it imports has been loaded only after the hooks before."""
    call: pytest.CallInfo[object] | None = getattr(report, "call", None)  # there until the hook has returned
    if call is not None and call.excinfo is not None:
        hide_frames()
        text = collector.repr_failure(call.excinfo)
        report.longrepr = report.longrepr if isinstance(text, str) else text


def end_where_the_test_does(raised: pytest.ExceptionInfo[BaseException]) -> None:
    """Let a debugger begin in the last function that is shown: of a frame it asks for its own variables alone."""
    shown: TracebackType | None = None
    traceback: TracebackType | None = raised.tb
    while traceback is not None:
        if not _is_of_the_kit(traceback.tb_frame):
            shown = traceback
        traceback = traceback.tb_next
    if shown is not None and _is_passed_on(raised):
        shown.tb_next = None


def _is_passed_on(raised: pytest.ExceptionInfo[BaseException]) -> bool:
    """Whether an error is not a mistake in the kit itself, which has to be seen, and has been anywhere else."""
    packages = (_package_of(each.frame.raw) for each in raised.traceback)
    if next(packages, None) in _RUNNER and all(each in _KIT | _RUNNER for each in packages):
        return False
    if not isinstance(raised.value, _MISTAKES):
        return True
    traceback = raised.tb
    while traceback.tb_next is not None:
        traceback = traceback.tb_next
    instruction = traceback.tb_frame.f_code.co_code[traceback.tb_lasti]
    return dis.opname[instruction] in _NO_MISTAKE or not _is_of_the_kit(traceback.tb_frame)


def _is_of_the_kit(frame: FrameType) -> bool:
    return _package_of(frame) in _KIT


def _package_of(frame: FrameType) -> str:
    return str(frame.f_globals.get("__name__")).partition(".")[0]
