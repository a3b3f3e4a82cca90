"""What a signal handler does that raises: an exception at every instruction at which one may run, one after the other.

CPython runs signal handlers as a function begins, after a call, and as a loop goes round. A real signal meets each of
these moments by chance and some of them once in a million times; this meets each one once.
"""

from __future__ import annotations

import contextlib
import dis
import functools
import logging
import sys


class Interrupt(BaseException):
    """What the signal handler raises."""


def interruptions(work, leave_out=lambda _frame, _event: False):
    """Call ``work`` again and again, interrupted a moment later each time; end when it comes to its own end.

    ``leave_out`` tells, by frame and event, which moments are none of the caller's.
    """
    moment = 1
    while _is_interrupted(work, moment, leave_out):
        yield moment
        moment += 1


def _is_interrupted(work, moment, leave_out):
    moments = 0
    before = {}

    def trace(frame, event, _argument):
        nonlocal moments
        if frame.f_globals is vars(logging):  # which keeps its lock where it is struck, and nobody can help it
            return None
        frame.f_trace_opcodes = True
        if event == "call" or (event == "opcode" and _runs_handlers(frame.f_code, before.get(frame), frame.f_lasti)):
            moments += not leave_out(frame, event)
            if moments == moment and not leave_out(frame, event):
                raise Interrupt
        if event == "opcode":
            before[frame] = frame.f_lasti
        elif event == "return":
            before.pop(frame, None)
        return trace

    previous = sys.gettrace()
    with contextlib.suppress(Interrupt):
        sys.settrace(trace)
        try:
            work()
        finally:
            sys.settrace(previous)
    return moments >= moment  # CPython ignores what is raised in a callback of a weak reference


@functools.cache
def _runs_handlers(code, before, now):
    """Whether signal handlers run between two instructions, and what they raise belongs to both.

    CPython runs them as part of the first; here the exception is raised at the second. Where a ``with`` block ends
    between the two that makes a difference.
    """
    if before is None:
        return False
    is_call = dis.opname[code.co_code[before]].startswith(("CALL", "JUMP_BACKWARD"))
    return is_call and _handler(code, before) == _handler(code, now)


def _handler(code, offset):
    entries = dis.Bytecode(code).exception_entries
    return next((entry.target for entry in entries if entry.start <= offset < entry.end), None)
