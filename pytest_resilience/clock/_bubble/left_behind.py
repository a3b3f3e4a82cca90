"""The monotonic clock of threads that a bubble has left behind: it goes before the real one, and must not go back."""

from __future__ import annotations

from _thread import get_ident
from collections.abc import Iterable

from pytest_resilience.clock._reach import real
from pytest_resilience.clock._reach.patches import Patch, install, restore


class LeftBehind:
    """Keeps the monotonic clock patched while a bubble is open, and until the last thread of it has ended.

    Attributes:
        ahead: By how many nanoseconds the clock of a thread goes before the real one, by identifier.
        mutex: Guards the patches: a thread that ends takes them away while another opens the next clock.
    """

    def __init__(self) -> None:
        self.ahead: dict[int, int] = {}
        self._is_open = False
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

    def _settle(self) -> None:
        with self.mutex:
            if not self.ahead and not self._is_open:
                restore(self._installed)


left_behind = LeftBehind()
