"""Worker threads that are older than the clock: those of an executor join the bubble when it gives them work.

The executor of a test session, or that of its event loop, has workers from before the clock. One joins the bubble when
it comes to the queue for its next work. Idle ones wait there in C, in real time: they are given work that does nothing.
The thread of a `multiprocessing` queue stays outside: time stands still until it has written what it was given.
"""

from __future__ import annotations

import sys
import threading
import weakref
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import partial
from types import CodeType, ModuleType
from typing import Any

from pytest_resilience.clock._bubble.frames import frames_of_others, is_ours
from pytest_resilience.clock._bubble.per_clock import PerClock
from pytest_resilience.clock._bubble.waiting import Member, Turns, current
from pytest_resilience.clock._calls.order_of_sets import class_patches
from pytest_resilience.clock._calls.queues import outside_readers
from pytest_resilience.clock._calls.threads import admit, are_members, arrive, dismiss
from pytest_resilience.clock._reach import real
from pytest_resilience.clock._reach.patches import BlockPatch, Patch, function_patches, unpatched

_PATIENCE = 1.0
"""The real seconds that an idle worker has to come, which takes it some microseconds.

So long that it is not missed on a machine with other things to do; one that never comes cannot stop the test.
"""

_invited: PerClock[dict[threading.Thread, Member]] = PerClock(dict)
"""The workers that have been woken and have not come yet."""


def _arriving(scheduler: Turns, executor: weakref.ref[Any]) -> Callable[[], None]:
    """What a worker of the executor calls to join the bubble, and to wait for its turn there."""

    def arrive_now() -> None:
        thread = threading.current_thread()
        invited = _invited.current.pop(thread, None)
        if invited is None and not are_members({thread}) and thread in getattr(executor(), "_threads", ()):
            invited = admit(scheduler, thread)
        if invited is not None:
            arrive(invited)

    return arrive_now


def _invite(executor: Any, member: Member, real_submit: Callable[..., Any], worker_code: CodeType) -> None:
    """Wake the workers of ``executor`` that wait for work, so that they come for it again, and into the bubble."""
    scheduler, invited = member.scheduler, _invited.current
    outside_readers.current[executor._work_queue] = _arriving(scheduler, weakref.ref(executor))
    frames = frames_of_others()
    try:
        for thread in executor._threads:
            frame = frames.get(thread.ident)
            while frame is not None and is_ours(frame):
                frame = frame.f_back
            if frame is not None and frame.f_code is worker_code and not are_members({thread}):
                invited[thread] = admit(scheduler, thread)
        for _ in list(invited):
            real_submit(executor, _do_nothing)
        until = real.monotonic() + _PATIENCE
        while invited and real.monotonic() < until:
            real.sleep(0.0001)  # they need the processor to come
    finally:
        for thread in list(invited):
            missing = invited.pop(thread, None)
            if missing is not None:
                dismiss(missing)
    scheduler.yield_now(member)  # until they are idle again, or the executor would believe that it needs more of them


def _do_nothing() -> None:
    """The work by which a worker is woken."""


class _Workers(set[threading.Thread]):
    """The workers of an executor, which joins them one by one: in the order in which they came, and not by address."""

    def __iter__(self) -> Iterator[threading.Thread]:
        return iter(sorted(super().__iter__(), key=lambda thread: (len(thread.name), thread.name)))


def executor_patches(module: ModuleType) -> Iterator[Patch]:
    executor_class, worker_code = module.ThreadPoolExecutor, module._worker.__code__
    real_submit = unpatched(executor_class, "submit")

    def submit(self: Any, fn: Callable[..., Any], /, *args: Any, **kwargs: Any) -> Any:
        member = current()
        if member is not None and not isinstance(self._threads, _Workers):
            vars(self)["_threads"] = _Workers(self._threads)
        if member is not None and self._work_queue not in outside_readers.current:
            _invite(self, member, real_submit, worker_code)
        if member is not None and not are_members(self._threads):
            member.scheduler.strangers.await_work(self._threads)
        return real_submit(self, fn, *args, **kwargs)

    yield from function_patches(executor_class, {"submit": submit})


def queue_patches(queues: ModuleType) -> Iterator[Patch]:
    """What to replace in `multiprocessing.queues`, each of which has a thread that writes to its pipe."""

    def feeding(real_put: Callable[..., None]) -> Callable[..., None]:
        def put(self: Any, obj: object, block: bool = True, timeout: float | None = None) -> None:
            member, feeder = current(), self._thread
            if member is not None and feeder is not None and not are_members({feeder}):
                member.scheduler.strangers.await_work([feeder])
            real_put(self, obj, block, timeout)

        return put

    for queue_class in (queues.Queue, queues.JoinableQueue):
        yield from function_patches(queue_class, {"put": feeding(unpatched(queue_class, "put"))})


@contextmanager
def _without_idle_workers(variables: Any, idle: object) -> Iterator[None]:
    """Hide the idle workers of anyio's event loops, which are many small pools; those of the bubble end with it."""

    def pools() -> list[Any]:
        return [found for values in list(variables.values()) if (found := values.get(idle))]

    older = [(pool, list(pool)) for pool in pools()]
    for pool, _ in older:
        pool.clear()
    try:
        yield
    finally:
        for worker in [worker for pool in pools() for worker in pool if are_members({worker})]:
            worker.stop()
        for pool, workers in older:
            pool.extend(workers)


def anyio_patches(backend: ModuleType) -> Iterator[Patch]:
    yield from class_patches(backend.CancelScope)
    variables = sys.modules["anyio.lowlevel"]._run_vars
    yield BlockPatch(partial(_without_idle_workers, variables, backend._threadpool_idle_workers))
