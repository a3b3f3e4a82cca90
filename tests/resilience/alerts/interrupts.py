"""A signal whose handler raises, at every instruction at which it may arrive, one after the other.

A real signal meets each of these moments by chance and some of them once in a million times; this meets each one once.
When the handler runs is CPython's own affair: as a function begins, after a call, and as a loop goes round.
"""

from __future__ import annotations

import _thread
import contextlib
import logging
import signal
import sys


class Interrupt(BaseException):
    """What the signal handler raises."""


class Signal(int):
    """A signal that arrives as its attribute is read: that is no call, after which the handler would run at once."""

    arrives = property(_thread.interrupt_main)


SIGNAL = Signal(signal.SIGUSR1)
CRASHES = sys.version_info[:2] == (3, 12)
"""Whether the interpreter may call a trace function that the handler has just taken away, which ends the process."""


def interruptions(work, leave_out=lambda _frame: False):
    """Call ``work`` again and again, interrupted a moment later each time; end when it comes to its own end.

    Where ``leave_out`` says of a frame that it is none of the caller's, the signal comes again when that has ended.
    """
    moment, count = 1, 0
    while (struck := _interrupt(work, moment, leave_out)) is not None:
        count += 1
        yield count
        moment = struck + 1  # had it arrived between the two, the handler would have run at the same one


def _interrupt(work, moment, leave_out):
    """Return before which instruction the handler has raised; None if ``work`` has ended before."""
    moments, struck, handling = 0, None, False

    def handle(_number, frame):
        nonlocal moment, struck, handling
        handling = True
        # Logging keeps its lock where it is struck, and nobody can help that.
        if frame.f_code is trace.__code__ or frame.f_globals is vars(logging) or leave_out(frame):
            moment = moments + 1  # where it arrives again
            handling = False
            return
        sys.settrace(previous)
        struck = moments
        raise Interrupt

    def trace(frame, event, _argument):
        nonlocal moments
        if handling or frame.f_code is handle.__code__:
            return None
        if leave_out(frame):  # none of its instructions counts, so that the moments are the same each time
            return None
        frame.f_trace_opcodes = True
        if event in {"call", "opcode"}:
            moments += 1
            if moments == moment:
                SIGNAL.arrives  # noqa: B018  # see there
        return trace

    sys._getframe().f_trace_opcodes = True  # without which Python 3.12 leaves instructions out
    previous, before = sys.gettrace(), signal.signal(SIGNAL, handle)
    try:
        with contextlib.suppress(Interrupt):
            sys.settrace(trace)
            try:
                work()
            finally:
                sys.settrace(previous)
    finally:
        signal.signal(SIGNAL, before)
    return struck
