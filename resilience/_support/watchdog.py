"""An end for what may otherwise go on for as long as the other side sends."""

from __future__ import annotations

import contextlib
import threading
from collections.abc import Callable, Iterator


@contextlib.contextmanager
def cut_off_after(seconds: float, cut: Callable[[], object]) -> Iterator[None]:
    """Call ``cut``, from another thread, if the ``with`` block is not over after so many seconds, and each second then.

    Time-outs of single reads do not bound an answer that comes byte by byte. Where no thread can be started, nothing
    is cut.

    Raises:
        TimeoutError: It was cut, and has failed.
    """
    over, was_cut = threading.Event(), threading.Event()

    def watch() -> None:
        wait_s = seconds
        while not over.wait(wait_s):
            was_cut.set()
            cut()
            wait_s = 1.0

    watching = threading.Thread(target=watch, name="resilience-watchdog", daemon=True)
    with contextlib.suppress(RuntimeError):
        watching.start()
    try:
        yield
    except Exception:
        if was_cut.is_set():
            raise TimeoutError(f"no whole answer within {seconds:g} s") from None
        raise
    finally:
        over.set()
        if watching.ident is not None:
            watching.join()
