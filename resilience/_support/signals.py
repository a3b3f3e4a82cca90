"""Whose fault an exception is: that of the code in which it was raised, or of a signal that came there by chance."""

from __future__ import annotations

import sys
import threading
from traceback import walk_tb
from types import CodeType

from resilience._support.kinds import without_partials


def raised_by_signal_handler(error: BaseException) -> bool:
    """Tell whether a signal handler raised an exception, such as that of a soft time limit."""
    signal = sys.modules.get("signal")
    if signal is None or threading.current_thread() is not threading.main_thread():
        return False
    handlers = {_code_of(signal.getsignal(number)) for number in signal.valid_signals()} - {None}
    return any(frame.f_code in handlers for frame, _ in walk_tb(error.__traceback__))


def _code_of(handler: object) -> CodeType | None:
    handler = without_partials(handler)
    code = getattr(handler, "__code__", None) or getattr(getattr(type(handler), "__call__", None), "__code__", None)  # noqa: B004  # the method is wanted, not an answer
    return code if isinstance(code, CodeType) else None
