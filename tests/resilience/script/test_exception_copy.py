"""Copies of exceptions, whatever their constructors look like."""

from __future__ import annotations

import asyncio
import json
import subprocess
from contextlib import suppress
from dataclasses import dataclass

import httpx
import pytest
import trio

from resilience._failpoints.script.exception_copy import fresh_copy, identity


class KeywordError(Exception):
    def __init__(self, message, *, code):
        super().__init__(message)
        self.code = code


class RephrasedError(Exception):
    def __init__(self, host):
        super().__init__(f"{host} is down")
        self.host = host


class SlottedError(Exception):
    __slots__ = ("code", "unset")

    def __init__(self, code):
        self.code = code


class NoCallError(OSError):
    def __new__(cls, *args):
        raise AssertionError("a copy must not run this")

    def __init__(self, *args):
        raise AssertionError("a copy must not run this")

    def __reduce__(self):
        raise AssertionError("a copy must not run this")

    __copy__ = __reduce__


@dataclass(frozen=True)
class FrozenError(Exception):
    code: int


def _http_status_error():
    request = httpx.Request("GET", "http://example.org")
    return httpx.HTTPStatusError("bad", request=request, response=httpx.Response(500, request=request))


def _no_call():
    error = OSError.__new__(NoCallError, 2, "gone")
    error.host = "db"
    return error


def _cancelled_by_trio():
    caught = []

    async def main():
        with trio.CancelScope() as scope:
            scope.cancel()
            try:
                await trio.lowlevel.checkpoint()
            except trio.Cancelled as error:
                caught.append(error)
                raise

    trio.run(main)
    return caught[0]


ODD = {
    "plain": ConnectionError("refused"),
    "no arguments": TimeoutError(),
    "request and response": _http_status_error(),
    "five arguments": UnicodeDecodeError("utf-8", b"\xff", 0, 1, "invalid start byte"),
    "file name": FileNotFoundError(2, "gone", "/data"),
    "two file names": OSError(18, "cross-device", "a", None, "b"),
    "errno alone": OSError("one"),
    "bytes written": BlockingIOError(11, "full", 5),
    "module name": ImportError("no", name="numpy", path="/x"),
    "own reduce": json.JSONDecodeError("bad", "{", 1),
    "five attributes": subprocess.CalledProcessError(1, ["ls"], "out", "err"),
    "exit code": SystemExit(3),
    "returned value": StopIteration(7),
    "keyword": KeywordError("x", code=3),
    "rephrased": RephrasedError("db"),
    "slots": SlottedError(4),
    "frozen": FrozenError(5),
    "no call": _no_call(),
    "asyncio": asyncio.CancelledError("stop"),
    "trio": _cancelled_by_trio(),
    "group": ExceptionGroup("many", [ValueError(1), ExceptionGroup("inner", [OSError(2, "gone", "/data")])]),
    "base group": BaseExceptionGroup("many", [KeyboardInterrupt()]),
}


@pytest.mark.parametrize("error", ODD.values(), ids=ODD.keys())
def test_copy_is_the_same_fault_in_another_object(error):
    """A copy has the type, args, attributes and text of the original, and is a new object."""
    copied = fresh_copy(error)

    assert copied is not error
    assert identity(copied) == identity(error)
    assert (type(copied), str(copied), repr(copied)) == (type(error), str(error), repr(error))
    assert vars(copied) == vars(error)


@pytest.mark.parametrize("error", ODD.values(), ids=ODD.keys())
def test_raising_a_copy_leaves_the_original_alone(error):
    """What raising adds to a copy (traceback, context, notes) shows neither in the original nor in the next copy."""
    before = error.__traceback__, error.__context__, getattr(error, "__notes__", None)
    copied = fresh_copy(error)
    with pytest.raises(BaseException) as caught:  # noqa: PT011 - it is the copy, as the next line says
        try:
            raise LookupError("earlier")
        finally:
            raise copied
    assert caught.value is copied
    with suppress(AttributeError):  # a frozen dataclass takes no notes
        copied.add_note("gave up")
    following = fresh_copy(error)

    assert (error.__traceback__, error.__context__, getattr(error, "__notes__", None)) == before
    assert (following.__traceback__, following.__context__, vars(following)) == (None, None, vars(error))


def test_copied_error_keeps_its_attributes_by_reference():
    """Attributes are the very objects of the original, so that a request can still be told by identity."""
    error = _http_status_error()
    copied = fresh_copy(error)

    assert isinstance(copied, httpx.HTTPStatusError)
    assert copied.request is error.request
    assert copied.response is error.response


def test_notes_of_the_original_are_kept_and_not_shared():
    """A copy starts with the notes of the original, and a note added to it stays its own."""
    error = ValueError("x")
    error.add_note("from the template")
    copied = fresh_copy(error)
    copied.add_note("from the strike")

    assert copied.__notes__ == ["from the template", "from the strike"]
    assert error.__notes__ == ["from the template"]


def test_cause_is_kept_and_context_is_not():
    """The cause that was given to an exception belongs to it; the context it was once raised in doesn't."""
    error = ValueError("x")
    error.__context__ = LookupError("earlier")
    error.__cause__ = cause = KeyError("root")
    copied = fresh_copy(error)

    assert copied.__cause__ is cause
    assert copied.__suppress_context__
    assert copied.__context__ is None


def test_members_of_a_group_are_copied_too():
    """No exception inside a copied group is an object of the original group, at any depth."""
    inner = ValueError(1)
    group = ExceptionGroup("outer", [ExceptionGroup("inner", [inner])])
    copied = fresh_copy(group)

    assert isinstance(copied, ExceptionGroup)
    nested = copied.exceptions[0]
    assert isinstance(nested, ExceptionGroup)
    assert identity(nested.exceptions[0]) == identity(inner)
    assert nested.exceptions[0] is not inner


def test_error_that_cannot_be_copied_is_returned_itself_and_cleared():
    """Where no copy can be made the original comes back, without the traceback and context of its last raise."""
    error = OSError()
    error.args = (2, "gone")  # OSError(2, ...) makes a FileNotFoundError, so no OSError with these can be made
    error.__context__ = LookupError("earlier")
    try:
        raise error
    except OSError:
        copied = fresh_copy(error)

    assert copied is error
    assert [copied.__traceback__, copied.__context__] == [None, None]


@pytest.mark.parametrize(
    ("one", "other"),
    [
        (ValueError("x"), ValueError("y")),
        (ValueError("x"), TypeError("x")),
        (ValueError(1), ValueError(True)),
        (OSError(2, "gone", "/a"), OSError(2, "gone", "/b")),
        (KeywordError("x", code=1), KeywordError("x", code=2)),
        (ExceptionGroup("g", [ValueError(1)]), ExceptionGroup("g", [ValueError(2)])),
    ],
)
def test_identity_tells_faults_apart(one, other):
    """A difference in type, args, their types, attributes or members makes another fault."""
    assert identity(one) != identity(other)
