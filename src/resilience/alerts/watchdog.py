"""An end for what may otherwise go on as long as somebody else likes."""

from __future__ import annotations

import contextlib
import threading
from collections.abc import Callable, Iterator


@contextlib.contextmanager
def cut_off_after(seconds: float, cut: Callable[[], object]) -> Iterator[Callable[[], bool]]:
    """Call ``cut``, from another thread, if the ``with`` block is not over after so many seconds, and each second then.

    Time-outs of single reads do not bound an answer that comes byte by byte. Yields whether it had to be cut.
    Where no thread can be started, nothing is cut.
    """
    over, cuts = threading.Event(), 0

    def watch() -> None:
        nonlocal cuts
        wait_s = seconds
        while not over.wait(wait_s):
            cuts += 1
            cut()
            wait_s = 1.0

    watching = threading.Thread(target=watch, name="resilience-watchdog", daemon=True)
    with contextlib.suppress(RuntimeError):
        watching.start()
    try:
        yield lambda: cuts > 0
    finally:
        over.set()
        if watching.ident is not None:
            watching.join()
