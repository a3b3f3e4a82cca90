"""Threads that a bubble has left behind, what their clock shows, and what they wait for in real time.

Their monotonic clock goes before the real one, and must not go back. Their waits may have hours left; the process ends
without them.
"""

from __future__ import annotations

import contextlib
import threading
from _thread import get_ident
from collections.abc import Callable, Iterable, Iterator

from pytest_resilience.clock._reach import real
from pytest_resilience.clock._reach.patches import Patch, install, restore

_PART = 0.2
"""So many real seconds at most of a wait go by before its thread sees that the process ends, which nobody notices."""


class LeftBehind:
    """Keeps the monotonic clock patched while a bubble is open, and until the last thread of it has ended.

    Attributes:
        ahead: By how many nanoseconds the clock of a thread goes before the real one, by identifier.
        endings: What ends event loops of theirs as the process ends.
        mutex: Guards the patches: a thread that ends takes them away while another opens the next clock.
    """

    def __init__(self) -> None:
        self.ahead: dict[int, int] = {}
        self.endings: list[Callable[[], object]] = []
        self._is_open = self._is_over = False
        self._installed: list[Patch] = []
        self.mutex = real.Mutex()

    def open(self, patches: Iterable[Patch]) -> None:
        """Patch the monotonic clock for a bubble, unless threads of an earlier one still need it so."""
        with self.mutex:
            self._is_open = True
            if not self._installed:
                self._installed = install(patches)

    def add(self, ident: int, ahead: int) -> None:
        """Leave a thread behind; one from an earlier bubble has its time already."""
        self.ahead.setdefault(ident, ahead)

    def end_with_process(self) -> None:
        """Have waits of `parts` broken off before the interpreter waits for the threads that are no daemons."""
        with contextlib.suppress(RuntimeError):  # it has begun to
            # What was registered last is called first: before the module of executors, which waits for their workers.
            threading._register_atexit(self._end)  # type: ignore[attr-defined]  # missing from typeshed

    def parts(self, seconds: float) -> Iterator[float]:
        """Divide a wait in real time, in seconds; the thread ends by `SystemExit` where the process does meanwhile."""
        until = real.monotonic() + seconds
        while (left := until - real.monotonic()) > 0:
            self.check()
            yield min(left, _PART)

    def check(self) -> None:
        """End the calling thread, which waits, if the process ends."""
        if self._is_over:
            raise SystemExit

    def close(self) -> None:
        """End what `open` has begun, once the threads that are left behind have been added."""
        self._is_open = False
        self._settle()

    def forget(self, ident: int) -> None:
        """Note that a thread ends; the identifier may be another one's next."""
        if self.ahead.pop(ident, None) is not None:
            self._settle()

    def keep_own(self) -> None:
        """Forget all threads but the calling one: in a process that has been forked no other one is there."""
        own = get_ident()
        self.ahead = {ident: ahead for ident, ahead in self.ahead.items() if ident == own}
        self._settle()

    def _end(self) -> None:
        self._is_over = True
        for end in self.endings:
            end()

    def _settle(self) -> None:
        with self.mutex:
            if not self.ahead and not self._is_open:
                restore(self._installed)


left_behind = LeftBehind()
