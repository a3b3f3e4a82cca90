"""Whose a call is: the code under test's, which faults are for, or that of pytest, of its plugins or of the kit.

pytest opens files and reads clocks as well, and so does the kit while it delivers an alert. A fault on such functions
is for the test: it strikes in functions of tests and fixtures, in what these call, and in the threads that these start.
"""

from __future__ import annotations

import sys
from types import CodeType, FrameType, FunctionType
from typing import Final

from resilience.testing import STAND_IN_FILE

_RUNNER: Final = {"_pytest", "pluggy", "xdist", "execnet"}
_BEGINNINGS: Final = {
    "pytest_pyfunc_call",  # a test
    "call_fixture_func",
    "_teardown_yield_fixture",
    "finish",  # finalizers of fixtures
    "teardown_exact",
    "runtest",  # of unittest and doctest
    "pytest_runtest_call",  # items of other kinds
    "_call_with_optional_argument",  # setup_module and the like
    "raises",  # of a function that it is given
    "warns",
    "deprecated_call",
}
"""Functions of pytest that call what a test is made of; a test of the kit runs a suite with each of them."""

_HANDING_ON: Final = (
    "resilience._engine.wrappers",
    "resilience._engine.deferred",
    "resilience._failpoints",
    "pytest_resilience._faults",
    "pytest_resilience._explore.points",
    "pytest_resilience.clock._calls.threads",
)
"""Modules of the kit that call the code under test, so that what they call may be its own."""

_ALONE: Final = ("resilience._alerts", "resilience.alerts", "pytest_resilience.discord", "pytest_resilience.plugin")
"""Modules of the kit that deliver alerts, and set up and end its fixtures, with libraries of others."""

_ANYBODYS: Final = sys.stdlib_module_names | {"tenacity"}
"""What both the kit and the code under test call."""

_KIT: Final = {"resilience", "pytest_resilience"}
_NEVER_STRUCK: Final = _RUNNER | _KIT
# As `inspect` does it, without reading the source; and in a tuple, where no fault on it is put.
_FRAMES: Final = (sys._getframe,)  # noqa: SLF001


def is_of_the_code_under_test() -> bool:
    """Whether the call that a stand-in is asked about is made by the code under test."""
    frame: FrameType | None = _FRAMES[0](1)
    is_theirs = False  # whether a function that is neither the kit's nor anybody's has been met
    inner = ""  # the module of the function that the frame calls
    called: CodeType | None = None  # that of the stand-in, where the frame is its caller's
    while frame is not None:
        module = str(frame.f_globals.get("__name__"))
        package = module.partition(".")[0]
        if frame.f_code.co_filename == STAND_IN_FILE:
            called = frame.f_code
        else:
            if called is not None and package in _NEVER_STRUCK and _names(frame, called):
                return False
            called = None
            if package in _RUNNER:
                return _is_beginning(frame, package)
            if package not in _KIT:
                is_theirs = is_theirs or package not in _ANYBODYS
            elif module.startswith(_ALONE) or not (is_theirs or _hands_on(module, inner)):
                return False
            inner = module
        frame = frame.f_back
    return True


def _hands_on(module: str, inner: str) -> bool:
    """Whether a module of the kit calls the code under test there, and does not open a `with` block of its own."""
    return module.startswith(_HANDING_ON) and inner != "contextlib"


def _names(frame: FrameType, called: CodeType) -> bool:
    """Whether a function calls another one by a name of its module, or of Python, and not because it was given it."""
    name = called.co_name
    if name not in frame.f_code.co_names:
        return False
    found = frame.f_globals.get(name, frame.f_builtins.get(name))
    return type(found) is FunctionType and found.__code__ is called  # read without a function that may be struck


def _is_beginning(frame: FrameType, package: str) -> bool:
    if package == "pluggy":  # a plugin may run the test in its hook, as anyio's does
        return frame.f_locals.get("hook_name") == "pytest_pyfunc_call"
    name = frame.f_code.co_name
    return name in _BEGINNINGS or name.startswith("xunit_")
