"""What a client makes of a fault at an HTTP or TCP place: there is no injected error to tell it by."""

from __future__ import annotations

import dis
import errno
from typing import Final

import pytest

from pytest_resilience._explore.oracle.suspicion import innermost, is_users

_OF_FILES: Final = (
    *(FileExistsError, FileNotFoundError, IsADirectoryError, NotADirectoryError),
    *(ChildProcessError, ProcessLookupError),
)
_MISTAKES: Final = (
    *(ArithmeticError, AssertionError, AttributeError, LookupError, NameError, TypeError, ValueError),
    *(StopIteration, StopAsyncIteration, pytest.fail.Exception.__mro__[1]),
)


def is_a_timeout(error: BaseException) -> bool:
    """Tell whether an error says that a deadline of the program is over, which a fault makes it miss."""
    return isinstance(error, TimeoutError) or type(error).__qualname__ == "TooSlowError"  # trio's


def is_of_a_client(error: BaseException) -> bool:
    """Tell whether an error says that a peer is ill: of the system, or of a library's own class and raised by it.

    What says that data can't be read is none: a program that reads an error page as its data has not looked.
    """
    if isinstance(error, _MISTAKES):
        return False
    if isinstance(error, OSError):
        return not isinstance(error, _OF_FILES) and error.errno != errno.EBADF  # a socket that is closed already
    if isinstance(error, EOFError):
        return True
    frame = innermost(error)
    is_librarys = frame is not None and not is_users(frame[0].f_code.co_filename)
    return is_librarys and type(error).__module__ != "builtins"


def is_raised_by_the_program(error: BaseException) -> bool:
    """Tell whether a statement ``raise`` of the program made it, as what looks at a status does."""
    if isinstance(error, (AssertionError, pytest.fail.Exception.__mro__[1])):
        return False
    found = innermost(error)
    if found is None or not is_users(found[0].f_code.co_filename):
        return False
    frame, offset = found
    return dis.opname[frame.f_code.co_code[offset]] == "RAISE_VARARGS"
