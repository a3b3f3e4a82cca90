"""Threads that start, end and are waited for."""

from __future__ import annotations

import _thread
import sys
import threading
import weakref
from collections import deque
from collections.abc import Callable, Iterator
from functools import partial
from itertools import starmap
from typing import Any

from pytest_resilience.clock._bubble.frames import thread_at
from pytest_resilience.clock._bubble.outsider import ASKED, Outsider
from pytest_resilience.clock._bubble.per_clock import PerClock
from pytest_resilience.clock._bubble.spinning import NOT_YET
from pytest_resilience.clock._bubble.units import is_in_range, nanoseconds
from pytest_resilience.clock._bubble.waiting import Member, Outcome, Turns, Waiter, current
from pytest_resilience.clock._outside.strangers import is_watchdog
from pytest_resilience.clock._outside.vitals import GONE_WITHIN, wait_until_gone
from pytest_resilience.clock._outside.waits import wait_until
from pytest_resilience.clock._reach import real
from pytest_resilience.clock._reach.native import BuiltinPatch, clone, original
from pytest_resilience.clock._reach.patches import Patch, function_patches, unpatched

_start_joinable: Any = getattr(_thread, "start_joinable_thread", None)
"""By what `threading` starts its threads from Python 3.13 on."""


def _end_outside(members: weakref.WeakKeyDictionary[threading.Thread, Member]) -> None:
    for thread in members:
        vars(thread).pop("_delete", None)


_by_thread: PerClock[weakref.WeakKeyDictionary[threading.Thread, Member]] = PerClock(
    weakref.WeakKeyDictionary, _end_outside
)
"""The threads of the bubble. Those that were there before it leave it, where that is still to come, in real time."""


def _starting(real_start: Callable[..., Any]) -> Callable[..., Any]:
    """What starts a thread: the new one belongs to the bubble of the one that starts it."""

    def start(function: Callable[..., object], *arguments: Any, **keywords: Any) -> Any:
        parent = current()
        if parent is None or is_watchdog(getattr(function, "__self__", None)) or not callable(function):
            started = real_start(function, *arguments, **keywords)
            if parent is not None:
                _await_start(function)
            return started
        member, body = _membership(parent, function)
        try:
            # Unpacked: no signal handler can raise then, and have a thread that has started dismissed.
            (started,) = starmap(partial(real_start, body, *arguments, **keywords), ((),))
            return started
        except BaseException:
            dismiss(member)
            raise

    return start


def _await_start(function: Any) -> None:
    """Wait, for a moment of real time, until a thread outside says that it has started, which its starter waits for."""
    started = getattr(getattr(function, "__self__", None), "_started", None)
    while started is not None and not started.is_set():
        real.sleep(0.0005)  # some times as long as a thread takes to start, which needs the processor for it


def _membership(parent: Member, function: Callable[..., object]) -> tuple[Member, Callable[..., None]]:
    """A new member of the bubble, and ``function`` as what its thread has to run."""
    scheduler = parent.scheduler
    thread = getattr(function, "__self__", None)
    if isinstance(thread, threading.Thread) and getattr(function, "__name__", "") == "_bootstrap":
        member = admit(scheduler, thread)
    else:
        member = _prepared(Member(scheduler, getattr(function, "__qualname__", "thread")))

    def body(*arguments: Any, **keywords: Any) -> None:
        scheduler.begin(member)
        try:
            function(*arguments, **keywords)
        except SystemExit:
            pass
        except BaseException as error:  # noqa: BLE001  # as the interpreter does
            _report(function, error)
        finally:
            _ending.current.append(member.native_id)
            scheduler.end(member)

    return member, body


_ending: PerClock[deque[int]] = PerClock(lambda: deque(maxlen=100))
"""The threads that have left the bubble last, and which the interpreter may count for another moment of real time."""

_HookArgs: Any = next(kind for kind in tuple.__subclasses__() if kind.__qualname__ == "UnraisableHookArgs")
"""What the hook is given: a class without a public name."""


def _report(function: Callable[..., object], error: BaseException) -> None:
    """Tell `sys.unraisablehook` which function of the program's a thread was started by, not which of the clock's."""
    traceback = error.__traceback__ and error.__traceback__.tb_next
    words, names = "Exception ignored in thread started by", sys.version_info >= (3, 13)
    told = (f"{words} {function!r}", None) if names else (words, function)
    sys.unraisablehook(_HookArgs((type(error), error, traceback, *told)))


def admit(scheduler: Turns, thread: threading.Thread) -> Member:
    """Make a thread, which is about to start or to `arrive`, a member of the bubble."""
    return _prepared(Member(scheduler, thread.name, thread))


def _prepared(member: Member) -> Member:
    """Have a new member wait for its first turn; none is left of it where a signal handler raises meanwhile."""
    scheduler = member.scheduler
    try:
        with real.uncollected(), scheduler.mutex:
            if member.thread is not None and not scheduler.closed:  # a worker may come too late
                _by_thread.current[member.thread] = member
            scheduler.prepare(member)
    except BaseException:
        dismiss(member)
        raise
    return member


def dismiss(member: Member) -> None:
    """Forget a member that cannot come."""
    if member.thread is not None:
        _by_thread.current.pop(member.thread, None)
    member.scheduler.cancel(member)


def arrive(member: Member) -> None:
    """Wait for the first turn, in a thread of the member's own that runs already; it leaves the bubble when it ends."""
    thread: Any = member.thread
    member.is_older = True
    delete = thread._delete  # the last thing that a thread calls

    def leave() -> None:
        thread._delete = delete
        member.scheduler.end(member)
        delete()

    with real.uncollected(), member.scheduler.mutex:
        if not member.scheduler.closed:
            thread._delete = leave
    member.scheduler.begin(member)


def are_members(threads: set[threading.Thread]) -> bool:
    """Whether all of them have joined the bubble."""
    return threads <= set(_by_thread.current)


_real_join = unpatched(threading.Thread, "join")
_real_is_alive: Callable[..., bool] = unpatched(threading.Thread, "is_alive")


def _join(self: threading.Thread, timeout: float | None = None) -> None:
    """`threading.Thread.join`, in virtual time."""
    member = current()
    target = _by_thread.current.get(self)
    if member is None or self.ident in {None, member.ident} or not is_in_range(timeout):
        _real_join(self, timeout)
        return
    polls = timeout is not None and timeout <= 0
    if polls:
        member.wait_no_time()
    if target is not None and not target.ended:
        if polls:
            return
        deadline = None if timeout is None else member.scheduler.now + nanoseconds(timeout)
        waiter = Waiter(member, deadline, f"the end of thread {self.name!r}")
        target.joiners.append(waiter)
        outcome = member.scheduler.block(waiter)
        if outcome is Outcome.TIMED_OUT:
            return
        if outcome is Outcome.CLOSED:
            for part in waiter.parts_left():
                _real_join(self, part)
            _real_join(self, None if deadline is None else 0)
            return
    if target is not None:
        _wait_until_gone(self)
        return
    if polls:
        _real_join(self, 0)
        return
    since = real.monotonic()
    waiter = Waiter(
        member,
        member.deadline(timeout),
        f"the end of thread {self.name!r}, which runs outside",
        check=lambda: not _real_is_alive(self),
        outside=lambda: [Outsider(since, ASKED, thread_at(self.name, self.ident or 0))],
    )
    wait_until(waiter)
    if not _real_is_alive(self):
        _real_join(self)


def _wait_until_gone(thread: Any) -> None:
    """Wait, for moments of real time, until a thread that has left the bubble is gone.

    Up to Python 3.12 the interpreter tells so by a lock, which it releases without the method that is patched.
    """
    lock = getattr(thread, "_tstate_lock", None)
    if lock is not None:
        if not real.lock_acquire(lock, True, GONE_WITHIN):
            return
        real.lock_release(lock)
    _real_join(thread)


def _is_alive(self: threading.Thread) -> bool:
    """`threading.Thread.is_alive`: False as soon as the thread has left the bubble."""
    target = _by_thread.current.get(self)
    if target is not None and target.ended and self is not threading.current_thread():
        _wait_until_gone(self)
    alive = _real_is_alive(self)
    if alive and (member := current()) is not None:
        member.note_question(NOT_YET)
    return alive


_real_count: Callable[[], int] = clone(original(_thread, "_count"))


def _count() -> int:
    """`_thread._count`, by which test suites look whether a thread is left, without the clock's own."""
    member, ending = current(), _ending.current
    while member is not None and ending:
        wait_until_gone(ending.popleft())
    return _real_count() - (member is not None and member.scheduler.watcher.has_thread)


def patches() -> Iterator[Patch]:
    yield BuiltinPatch(original(_thread, "start_new_thread"), _starting(real.start_new_thread))
    if _start_joinable is not None:
        yield BuiltinPatch(_start_joinable, _starting(clone(_start_joinable)))
    yield BuiltinPatch(original(_thread, "_count"), _count)
    yield from function_patches(threading.Thread, {"join": _join, "is_alive": _is_alive})
