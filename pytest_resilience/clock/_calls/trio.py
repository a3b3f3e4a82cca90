"""trio, and anyio on trio: its clock, the order of its tasks, a note of each sleep, and its cached threads."""

from __future__ import annotations

import contextlib
import itertools
import random
import weakref
from _thread import get_ident
from collections.abc import Awaitable, Callable, Iterator
from functools import partial
from types import ModuleType
from typing import Any, NoReturn
from weakref import WeakKeyDictionary, WeakSet

from pytest_resilience.clock._bubble.deadlock import DeadlockError, OverdueError, silence
from pytest_resilience.clock._bubble.left_behind import left_behind
from pytest_resilience.clock._bubble.per_clock import PerClock
from pytest_resilience.clock._bubble.units import LONGEST, nanoseconds_of_difference
from pytest_resilience.clock._bubble.waiting import Member, current, members
from pytest_resilience.clock._calls.clocks import Epoch, monotonic
from pytest_resilience.clock._calls.order_of_sets import class_patches
from pytest_resilience.clock._outside.real_poll import READ, WRITE, Interest
from pytest_resilience.clock._outside.waits import wait_for_input
from pytest_resilience.clock._reach.patches import AttributePatch, BlockPatch, Patch, function_patches, unpatched

_LONGEST_WAIT = 86_400
"""The seconds for which trio waits at most: it wakes each day without having anything to do."""


class _InOrder(random.Random):  # noqa: S311  # it is trio that wants one
    """Chance for trio's scheduler that always falls on "reverse the batch", from whose end it then takes tasks."""

    def random(self) -> float:
        return 0.0


class _IdleWorkers(dict[Any, None]):
    """Trio's idle threads of the bubble; a thread outside has those outside, and no other one is given its work."""

    def __init__(self, outside: dict[Any, None]) -> None:
        self._outside = outside

    def __setitem__(self, worker: Any, value: None) -> None:
        super().__setitem__(worker, value) if get_ident() in members else self._outside.__setitem__(worker, value)

    def __delitem__(self, worker: Any) -> None:
        super().__delitem__(worker) if get_ident() in members else self._outside.__delitem__(worker)

    def popitem(self) -> tuple[Any, None]:
        return super().popitem() if get_ident() in members else self._outside.popitem()


@contextlib.contextmanager
def _without_idle_threads(cache: Any) -> Iterator[None]:
    """Hide trio's idle threads: those from before live in real time, and those of the bubble end with it."""
    older = cache._idle_workers
    cache._idle_workers = _IdleWorkers(older)
    try:
        yield
    finally:  # the bubble's stay known, as their wait ends now and they look themselves up
        older.update(cache._idle_workers)
        cache._idle_workers = older


def _interests(manager: Any) -> list[Interest]:
    """The descriptors that a run of trio waits for, without the one by which other threads wake it."""
    return [
        (descriptor, READ | WRITE)
        for descriptor, waiters in manager._registered.items()
        if getattr(waiters.read_task, "name", "") != "<TrioToken.run_sync_soon task>"
    ]


def _timers(runner: Any, member: Member) -> Iterator[int]:
    """Yield when the deadlines of a run of trio come, in nanoseconds of virtual time."""
    scheduler = member.scheduler
    now = (Epoch.monotonic + scheduler.now + scheduler.ahead) / 1_000_000_000  # whichever thread asks
    for deadline, _, scope in runner.deadlines._heap if runner is not None else ():
        if now < deadline == scope._registered_deadline and deadline - now <= LONGEST:
            yield scheduler.now + nanoseconds_of_difference(deadline - now)


def _end_with_process(runs: WeakKeyDictionary[Any, Member]) -> None:
    """Have the runs of threads that a clock leaves behind cancelled as the process ends, which waits for them."""
    for runner, member in runs.items():
        if member.ident != get_ident() and member.thread and not runner.is_guest:
            left_behind.endings.append(partial(_cancel, weakref.ref(runner), weakref.ref(member.thread)))


def _cancel(run: weakref.ref[Any], of_thread: weakref.ref[Any]) -> None:
    runner = run()
    if runner is not None and runner.main_task is not None:
        silence(of_thread())  # else `trio.Cancelled`, in which its thread ends, is reported
        with contextlib.suppress(RuntimeError):  # the run has ended meanwhile
            runner.current_trio_token().run_sync_soon(runner.main_task.parent_nursery.cancel_scope.cancel)


def _raiser(error: BaseException) -> Callable[[], NoReturn]:
    def raise_error() -> NoReturn:
        raise error

    return raise_error


class _Clocks:
    """The clocks of runs in the bubble; one that is older than it, or outlives it, goes on from where it stands."""

    def __init__(self, real_current_time: Callable[[Any], float]) -> None:
        self._real_current_time = real_current_time
        # By how many seconds each is ahead of the monotonic clock, by `id`: those of the bubble are all equal.
        self._ahead: dict[int, tuple[Any, float]] = {}

    def start(self, clock: Any) -> None:
        if current() is not None:
            self._ahead[id(clock)] = clock, 0.0

    def of_bubble(self, clock: Any) -> float:
        now = monotonic()
        if id(clock) not in self._ahead:
            self._ahead[id(clock)] = clock, self._real_current_time(clock) - now
        return now + self._ahead[id(clock)][1]

    @contextlib.contextmanager
    def going_on(self) -> Iterator[None]:
        yield
        for clock, _ in list(self._ahead.values()):
            ahead = self.of_bubble(clock) - self._real_current_time(clock)
            object.__setattr__(clock, "offset", clock.offset + ahead)  # trio means it to stay as it is
        self._ahead.clear()


def patches(trio: ModuleType) -> Iterator[Patch]:
    """What to replace in `trio`."""
    run, timeouts = trio._core._run, trio._timeouts
    real_current_time = unpatched(run.SystemClock, "current_time")
    real_get_events = unpatched(run.TheIOManager, "get_events")
    arrivals, clocks = itertools.count(), _Clocks(real_current_time)
    # The timer of each thread that runs trio: when it rings, as the scheduler counts, and the deadline that trio gave.
    timers: PerClock[dict[Member, tuple[int, float]]] = PerClock(dict)
    no_timer = (-1, 0.0)
    runs: PerClock[WeakKeyDictionary[Any, Member]] = PerClock(WeakKeyDictionary, _end_with_process)
    endless: PerClock[WeakSet[Any]] = PerClock(WeakSet)  # the descriptors of the runs that wait for no time at all
    real_sleep_until = timeouts.sleep_until

    def current_time(self: Any) -> float:
        member = current()
        if member is None:
            return float(real_current_time(self))
        instant, deadline = timers.current.get(member, no_timer)
        # As floats, the deadline and the instant computed from it may differ in the last digit.
        return deadline if instant == member.scheduler.now else clocks.of_bubble(self)

    def deadline_to_sleep_time(self: Any, deadline: float) -> float:
        member = current()
        if member is None:
            return float(deadline - real_current_time(self))
        left = deadline - current_time(self)
        is_timer = 0 < left < _LONGEST_WAIT
        # In guest mode another thread waits for the run. A wait for a day may be one without end, which must not look
        # like a timer: it may be a deadlock.
        runner = run.GLOBAL_RUN_CONTEXT.runner
        runs.current[runner] = member
        (endless.current.add if left > LONGEST else endless.current.discard)(runner.io_manager)
        rings_at = member.scheduler.now + nanoseconds_of_difference(left) if is_timer else -1
        timers.current[member] = (rings_at, deadline)
        return left

    def get_events(self: Any, timeout: float) -> Any:
        member = current()
        if member is None:
            return real_get_events(self, timeout)
        # In guest mode, which is how anyio's pytest plugin runs trio, a thread without a run of its own waits.
        runner = getattr(run.GLOBAL_RUN_CONTEXT, "runner", None)
        if timeout <= 0:
            return real_get_events(self, timeout)
        try:
            return (
                wait_for_input(
                    member,
                    lambda: real_get_events(self, 0),
                    lambda: _interests(self),
                    None if self in endless.current else timeout,
                    watch=self._epoll.fileno(),
                    loop=runner,
                    timers=lambda: _timers(runner, member),
                )
                or []
            )
        except (DeadlockError, OverdueError) as error:
            # An error in the loop itself would leave trio broken: it is raised in the main task instead.
            task = None if runner is None else runner.main_task
            if task is None or task._abort_func is None:
                raise
            task._attempt_abort(_raiser(error))
            return []

    def arrival(item: object) -> int:
        # Equal deadlines are told apart by `id`, which is different in each run.
        return next(arrivals) if isinstance(item, run.CancelScope) else id(item)

    def sleep_until(deadline: float) -> Awaitable[None]:
        # Only `trio.sleep` calls the function by this name. It has added the seconds that it was given to the time: the
        # difference of the two floats is exact to the nanosecond, and no more.
        member = current()
        if member is not None:
            member.scheduler.record_sleep(round(deadline - run.current_time(), 9))
        return real_sleep_until(deadline)  # type: ignore[no-any-return]  # trio comes as a module object

    clock_methods: dict[str, Callable[..., Any]] = {
        "start_clock": clocks.start,
        "current_time": current_time,
        "deadline_to_sleep_time": deadline_to_sleep_time,
    }
    yield from function_patches(run.SystemClock, clock_methods)
    yield BlockPatch(clocks.going_on)
    yield from function_patches(run.TheIOManager, {"get_events": get_events})
    # Deterministic scheduling is a shuffle, where Hypothesis is.
    yield AttributePatch(run, {"_ALLOW_DETERMINISTIC_SCHEDULING": False, "_r": _InOrder(), "id": arrival})
    yield AttributePatch(timeouts, {"sleep_until": sleep_until})
    yield BlockPatch(partial(_without_idle_threads, trio._core._thread_cache.THREAD_CACHE))
    yield from class_patches(run.CancelStatus)
    yield from class_patches(run.Task, run, trio._core)
