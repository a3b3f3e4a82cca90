"""Child processes: they live in real time, so time stands still for them as for all that is outside.

A thread that waits for a child gives it the clock's grace from its last sign of life: as long as it, or a child of its
own, uses the processor, time does not move.
"""

from __future__ import annotations

import contextlib
import math
import os
import posix
from collections.abc import Callable, Iterator
from functools import partial
from types import ModuleType
from typing import Any

from pytest_resilience.clock._bubble.outsider import ASKED, Outsider
from pytest_resilience.clock._bubble.per_clock import PerClock
from pytest_resilience.clock._bubble.waiting import Member, Waiter, current
from pytest_resilience.clock._outside.children import child_outsiders
from pytest_resilience.clock._outside.descriptors import is_older_pipe, note_pipe
from pytest_resilience.clock._outside.real_poll import READ, ready
from pytest_resilience.clock._outside.waits import wait_for_descriptor, wait_until
from pytest_resilience.clock._reach import real
from pytest_resilience.clock._reach.native import BuiltinPatch, TypePatch, builtin_patches, clone, original
from pytest_resilience.clock._reach.patches import Patch, function_patches, unpatched


def _wait(member: Member, check: Callable[[], Any], timeout: float | None, what: str, process: int = 0) -> bool:
    """Wait until ``check()`` is true, which any child may bring about, or a certain one; False after ``timeout``."""
    since = real.monotonic()
    over_at = math.inf if timeout is None else since + timeout
    outside = partial(child_outsiders, since, over_at, process)
    waiter = Waiter(member, member.deadline(timeout), what, check=check, outside=outside)
    return bool(check() or wait_until(waiter))


def _wait_for_end(member: Member, process: int, timeout: float | None) -> bool:
    return _wait(member, lambda: _has_ended(process), timeout, f"the end of process {process}", max(0, process))


_polled: PerClock[dict[int, tuple[float, int]]] = PerClock(dict)
"""When children were first asked whether they have ended, in real seconds and in nanoseconds of the clock."""


def _is_there_still(member: Member, process: int) -> bool:
    """Whether a child runs on, for a program that asks again and again and sleeps in between.

    Its sleeps take no time, so that it would have asked a hundred times before the child has begun to work. From the
    second time on the child gets the time first in which it may show that it has not hung.
    """
    scheduler = member.scheduler
    since, began = _polled.current.setdefault(process, (real.monotonic(), scheduler.now))
    if scheduler.now == began:
        return True

    def outside() -> list[Outsider]:
        return child_outsiders(since, since + (scheduler.now - began) / 1e9, process)

    def check() -> bool:
        return _has_ended(process) or scheduler.watcher.left(outside()) <= 0

    wait_until(Waiter(member, None, f"the end of process {process}", check=check, outside=outside))
    return not _has_ended(process)


def wait_for_children(check: Callable[[], bool], what: str) -> None:
    """Wait until ``check()`` is true, which child processes may bring about; outside of the bubble, not at all."""
    member = current()
    if member is not None:
        _wait(member, check, None, what)


def _has_ended(process: int) -> bool:
    kind, number = (os.P_PID, process) if process > 0 else (os.P_ALL, 0)
    try:
        return os.waitid(kind, number, os.WEXITED | os.WNOHANG | os.WNOWAIT) is not None
    except ChildProcessError:
        return True


_real_waitpid = clone(original(posix, "waitpid"))


def _waitpid(*arguments: Any) -> Any:
    """`os.waitpid`, which `subprocess`, `multiprocessing` and asyncio call."""
    member = current()
    process, options = arguments if len(arguments) == 2 else (0, None)
    if member is not None and options == 0:  # no WNOHANG: it waits
        _wait_for_end(member, process, None)
    ended = _real_waitpid(*arguments)
    if member is not None and ended == (0, 0) and process > 0 and not _is_there_still(member, process):
        ended = _real_waitpid(*arguments)
    return ended


_real_read = clone(original(posix, "read"))


def _read(*arguments: Any) -> Any:
    """`os.read`, by which pipes are read."""
    member = current()
    if member is not None and len(arguments) == 2 and isinstance(arguments[0], int) and arguments[0] >= 0:
        descriptor = arguments[0]
        if not ready([(descriptor, READ)]) and os.get_blocking(descriptor):
            wait_for_descriptor(member, descriptor, READ, None)
    return _real_read(*arguments)


def _write(*arguments: Any) -> int:
    """`os.write`, by which a thread outside may be woken that waits at the other end of a pipe."""
    member = current()
    if member is not None and arguments and isinstance(arguments[0], int) and is_older_pipe(arguments[0]):
        member.scheduler.strangers.wake()
    return real.write(*arguments)


def _making(make: Callable[..., tuple[int, int]]) -> Callable[..., tuple[int, int]]:
    """`os.pipe` and its like."""

    def pipe(*arguments: Any) -> tuple[int, int]:
        ends = make(*arguments)
        if current() is not None:
            note_pipe(ends[0])
        return ends

    return pipe


def patches() -> Iterator[Patch]:
    for make in (original(posix, "pipe"), original(posix, "pipe2")):
        yield BuiltinPatch(make, _making(clone(make)))
    yield from builtin_patches(posix, _waitpid, _read, _write)


def subprocess_patches(subprocess: ModuleType) -> Iterator[Patch]:
    """What to replace in `subprocess`, whose waiting with a timeout is a loop of short sleeps."""
    popen = unpatched(subprocess, "Popen")
    real_wait = unpatched(popen, "_wait")

    def wait(self: Any, timeout: float | None) -> Any:
        member = current()
        if member is not None and timeout is not None and self.returncode is None:
            if not _wait_for_end(member, self.pid, timeout):
                raise subprocess.TimeoutExpired(self.args, timeout)
            timeout = None
        return real_wait(self, timeout)

    yield from function_patches(popen, {"_wait": wait})


def multiprocessing_patches(_multiprocessing: ModuleType) -> Iterator[Patch]:
    """What to replace in `_multiprocessing`: the semaphore under its locks, events and queues."""
    real_acquire = _multiprocessing.SemLock.acquire

    def acquire(self: Any, block: bool = True, timeout: float | None = None) -> bool:
        member = current()
        if member is None or not block or (timeout is not None and timeout <= 0):
            (got,) = map(real_acquire, (self,), (block,), (timeout,))  # no handler can raise before it is returned
            return bool(got)
        deadline = member.deadline(timeout)
        while True:  # a look may be another thread's, which must not take the lock: that notes which thread has it
            (got,) = map(real_acquire, (self,), (False,))
            if got:
                return bool(got)
            if not _wait(member, lambda: not self._is_zero(), member.left(deadline), "a multiprocessing lock"):
                return False

    yield TypePatch(_multiprocessing.SemLock, {"acquire": acquire, "__enter__": acquire})


def _other_holders(file: Any, since: float) -> list[Outsider]:
    """The other processes that have locked a file, as the kernel lists them: number, kind, process, inode."""
    inode = os.fstat(file if isinstance(file, int) else file.fileno()).st_ino
    with open("/proc/locks", encoding="ascii") as locks:
        fields = [line.split() for line in locks if "->" not in line]  # those with an arrow wait as well
    holders = {each[4] for each in fields if each[5].endswith(f":{inode}")}
    if not holders:  # it has been let go since it was last tried
        return [Outsider(real.monotonic(), ASKED, "a file lock")]
    others = [int(process) for process in sorted(holders - {str(os.getpid())})]
    return [Outsider(since, ASKED, f"process {each}, which has locked a file", processes=[each]) for each in others]


def file_lock_patches(fcntl: ModuleType) -> Iterator[Patch]:
    """What to replace in `fcntl`: the locks of files, which a thread, a child or any other process may hold."""

    def waiting(name: str) -> Patch:
        real_lock = clone(original(fcntl, name))

        def lock(*arguments: Any) -> None:
            member = current()
            waits = len(arguments) > 1 and isinstance(arguments[1], int) and not arguments[1] & declines
            if member is None or not waits:
                return real_lock(*arguments)  # type: ignore[no-any-return]  # a clone is typed as any function
            file, operation, *rest = arguments

            def is_taken() -> bool:
                with contextlib.suppress(BlockingIOError, PermissionError):  # the errors that mean: another has it
                    real_lock(file, operation | fcntl.LOCK_NB, *rest)
                    return True
                return False

            since = real.monotonic()
            waiter = Waiter(member, None, "a file lock", check=is_taken, outside=lambda: _other_holders(file, since))
            if not is_taken() and not wait_until(waiter):
                real_lock(*arguments)  # the clock has closed

        return BuiltinPatch(original(fcntl, name), lock)

    declines = fcntl.LOCK_NB | fcntl.LOCK_UN
    yield waiting("flock")
    yield waiting("lockf")
