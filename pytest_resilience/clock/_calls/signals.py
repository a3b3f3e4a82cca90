"""Signals that the program sends to itself, and those for which a thread waits instead of having a handler called.

Of its own accord the kernel takes real time to interrupt a thread, in which others of the bubble would go on.
"""

from __future__ import annotations

import _signal  # type: ignore[import-not-found]  # typeshed has no stub for it
import os
import posix
import signal
import threading
from _thread import get_ident
from collections.abc import Callable, Iterator
from typing import Any

from pytest_resilience.clock._bubble.waiting import Turns, Waiter, current, members
from pytest_resilience.clock._outside.children import child_outsiders
from pytest_resilience.clock._outside.vitals import pending_signals
from pytest_resilience.clock._outside.waits import wait_until
from pytest_resilience.clock._reach import real
from pytest_resilience.clock._reach.native import BuiltinPatch, clone, original
from pytest_resilience.clock._reach.patches import Patch


def interrupts_main(scheduler: Turns, number: int) -> bool:
    """Have the main thread, where Python runs all handlers, get a signal next; False if that does not wait."""
    waiting = members.get(threading.main_thread().ident or 0)
    return waiting is not None and scheduler.interrupt(waiting, lambda: signal.raise_signal(number))


_real_kill = clone(original(posix, "kill"))
real_pthread_kill = clone(original(_signal, "pthread_kill"))


def _sending(real_send: Callable[..., Any], own: Callable[[], int | None]) -> Callable[..., Any]:
    """A function that sends a signal to the process or thread that ``own`` returns, or to any other."""

    def send(*arguments: Any) -> Any:
        member = current()
        if member is None or len(arguments) != 2 or arguments[0] != own() or not _is_handled(arguments[1]):
            return real_send(*arguments)
        return None if interrupts_main(member.scheduler, arguments[1]) else real_send(*arguments)

    return send


def _is_handled(number: Any) -> bool:
    """Whether a handler in Python is called for a signal, and no thread is spared it, as those are that wait for it."""
    try:
        return callable(signal.getsignal(number)) and number not in signal.pthread_sigmask(signal.SIG_BLOCK, ())
    except (TypeError, ValueError):
        return False


def _awaiting(name: str, *, limited: bool) -> Callable[..., Any]:
    """A function that waits for signals, for a time if ``limited``; the C function says what is wrong."""
    real_wait = clone(original(_signal, name))

    def wait(*arguments: Any) -> Any:
        member = current()
        if member is None or len(arguments) != 1 + limited or not _are_signals(arguments[0]):
            return real_wait(*arguments)
        wanted, timeout = arguments[0], arguments[1] if limited else None
        if timeout is not None and not (isinstance(timeout, (int, float)) and timeout > 0):
            return real_wait(*arguments)
        thread, since = member.native_id, real.monotonic()
        waiter = Waiter(
            member,
            member.deadline(timeout),
            "a signal",
            check=lambda: not pending_signals(thread).isdisjoint(wanted),
            outside=lambda: child_outsiders(since),
        )
        if not waiter.has_come_true():
            wait_until(waiter)
        return real_wait(wanted, *([0] if limited else ()))

    return wait


def _are_signals(wanted: Any) -> bool:
    return isinstance(wanted, (set, frozenset, list, tuple)) and signal.valid_signals().issuperset(wanted)


def patches() -> Iterator[Patch]:
    yield BuiltinPatch(original(posix, "kill"), _sending(_real_kill, os.getpid))
    main = threading.main_thread
    yield BuiltinPatch(
        original(_signal, "pthread_kill"),
        _sending(real_pthread_kill, lambda: None if main().ident == get_ident() else main().ident),
    )
    for name in ("sigwait", "sigwaitinfo", "sigtimedwait"):
        yield BuiltinPatch(original(_signal, name), _awaiting(name, limited=name == "sigtimedwait"))
