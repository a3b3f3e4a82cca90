"""Ends that no signal handler breaks off: what it raises, as for Ctrl-C or a time limit, comes when all is undone."""

from __future__ import annotations

import _signal  # type: ignore[import-not-found]  # `signal` makes an enum of each number, which takes longer than all else
import _thread
import sys
import threading
from collections.abc import Callable
from contextlib import ExitStack
from itertools import compress
from types import FrameType
from typing import Final, TypeAlias, final

Handler: TypeAlias = Callable[[int, FrameType | None], object]

_PATIENCE_S: Final = 5.0
"""So many real seconds at most a signal waits for an end, which may hang; most take milliseconds."""

_NUMBERS: Final = tuple(_signal.valid_signals())
_acquire: Final = _thread.LockType.acquire  # as it is in real time


@final
class Uninterrupted:
    """Have signals wait for the end of the ``with`` block, where their handlers are called, and may raise.

    One that comes again meanwhile is not held back, so that a second Ctrl-C ends what hangs. Only the main thread runs
    handlers; in others the block does nothing.
    """

    def __init__(self) -> None:
        self._handlers: dict[int, Handler] = {}
        self._came: dict[int, FrameType | None] = {}
        self._holds = False
        self._in_time = _thread.allocate_lock()

    def __enter__(self) -> None:
        if _thread.get_ident() != threading.main_thread().ident:
            return
        try:
            found = [*map(_signal.getsignal, _NUMBERS)]
            self._handlers = dict(compress(zip(_NUMBERS, found, strict=True), map(callable, found)))
            for number in self._handlers:
                _signal.signal(number, self._hold)
            self._holds = True
        except BaseException:  # a handler's
            self._give_back([*self._handlers])
            raise

    def __exit__(self, *_: object) -> None:
        try:
            self._give_back([*self._handlers])
        finally:
            self._holds = False
            with ExitStack() as handling:  # all of them, whatever one raises
                for number, frame in reversed(self._came.items()):
                    handling.callback(self._handlers[number], number, frame)
                if self._came:
                    self._in_time.release()

    def _give_back(self, numbers: list[int]) -> None:
        """Put the handlers back, the others as well where one of them raises at once."""
        try:
            while numbers:
                if _signal.getsignal(numbers[-1]) == self._hold:  # nobody has set another one meanwhile
                    _signal.signal(numbers[-1], self._handlers[numbers[-1]])
                numbers.pop()
        finally:
            if numbers:
                self._give_back(numbers)

    def _hold(self, number: int, frame: FrameType | None) -> None:
        if not self._holds or number in self._came:
            self._handlers[number](number, frame)
            return
        if not self._came:
            _acquire(self._in_time)
            threads = sys.modules.get("pytest_resilience.clock._reach.real", _thread)  # where a clock is open
            threads.start_new_thread(self._send_again, (number,))
        self._came[number] = frame

    def _send_again(self, number: int) -> None:
        if not _acquire(self._in_time, timeout=_PATIENCE_S) and self._holds:
            _signal.pthread_kill(threading.main_thread().ident, number)
