"""trio, and anyio on trio: its clock, the order of its tasks, a note of each sleep, and its cached threads."""

from __future__ import annotations

import contextlib
import itertools
import random
import weakref
from _thread import get_ident
from collections.abc import Awaitable, Iterator
from functools import partial
from types import ModuleType
from typing import Any, NoReturn
from weakref import WeakKeyDictionary, WeakSet

from pytest_resilience.clock._bubble.deadlock import DeadlockError, OverdueError, silence
from pytest_resilience.clock._bubble.left_behind import left_behind
from pytest_resilience.clock._bubble.per_clock import PerClock
from pytest_resilience.clock._bubble.units import LONGEST, nanoseconds_of_difference
from pytest_resilience.clock._bubble.waiting import Member, current, members
from pytest_resilience.clock._calls.clocks import monotonic, monotonic_of
from pytest_resilience.clock._calls.order_of_sets import class_patches
from pytest_resilience.clock._outside.real_poll import READ, WRITE, Interest
from pytest_resilience.clock._outside.waits import wait_for_input
from pytest_resilience.clock._reach.patches import AttributePatch, BlockPatch, Patch, function_patches, unpatched

_LONGEST_WAIT = 86_400
"""The seconds for which trio waits at most: it wakes each day without having anything to do."""

_NO_TIMER = (-1, 0.0)  # at no instant


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
    now = monotonic_of(member) / 1_000_000_000  # whichever thread asks
    for deadline, _, scope in runner.deadlines._heap if runner is not None else ():
        if now < deadline == scope._registered_deadline and deadline - now <= LONGEST:
            yield member.scheduler.now + nanoseconds_of_difference(deadline - now)


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


def _raise(error: BaseException) -> NoReturn:
    raise error


class _Runs:
    """The runs of trio in the bubble: how late it is for each, what they wait for, and in which order they go on.

    A clock that is older than the bubble, or outlives it, goes on from where it stands.
    """

    def __init__(self, trio: ModuleType) -> None:
        self._run = trio._core._run
        self._real_current_time = unpatched(self._run.SystemClock, "current_time")
        self._real_get_events = unpatched(self._run.TheIOManager, "get_events")
        self._real_sleep_until = trio._timeouts.sleep_until
        self._arrivals = itertools.count()
        # By how many seconds each is ahead of the monotonic clock, by `id`: those of the bubble are all equal.
        self._ahead: dict[int, tuple[Any, float]] = {}
        # The timer of each thread that runs trio: when it rings, as the scheduler counts, and the deadline it is for.
        self._timers: PerClock[dict[Member, tuple[int, float]]] = PerClock(dict)
        self._members: PerClock[WeakKeyDictionary[Any, Member]] = PerClock(WeakKeyDictionary, _end_with_process)
        # The descriptors of the runs that wait for no time at all.
        self._endless: PerClock[WeakSet[Any]] = PerClock(WeakSet)

    def start_clock(self, clock: Any) -> None:
        if current() is not None:
            self._ahead[id(clock)] = clock, 0.0

    def current_time(self, clock: Any) -> float:
        member = current()
        if member is None:
            return float(self._real_current_time(clock))
        instant, deadline = self._timers.current.get(member, _NO_TIMER)
        # As floats, the deadline and the instant computed from it may differ in the last digit.
        return deadline if instant == member.scheduler.now else self._time_in_bubble(clock)

    def deadline_to_sleep_time(self, clock: Any, deadline: float) -> float:
        member = current()
        if member is None:
            return float(deadline - self._real_current_time(clock))
        left = deadline - self.current_time(clock)
        is_timer = 0 < left < _LONGEST_WAIT
        # In guest mode another thread waits for the run. A wait for a day may be one without end, which must not look
        # like a timer: it may be a deadlock.
        runner = self._run.GLOBAL_RUN_CONTEXT.runner
        self._members.current[runner] = member
        (self._endless.current.add if left > LONGEST else self._endless.current.discard)(runner.io_manager)
        rings_at = member.scheduler.now + nanoseconds_of_difference(left) if is_timer else -1
        self._timers.current[member] = (rings_at, deadline)
        return left

    def get_events(self, manager: Any, timeout: float) -> Any:
        member = current()
        if member is None or timeout <= 0:
            return self._real_get_events(manager, timeout)
        # In guest mode, which is how anyio's pytest plugin runs trio, a thread without a run of its own waits.
        runner = getattr(self._run.GLOBAL_RUN_CONTEXT, "runner", None)
        try:
            return (
                wait_for_input(
                    member,
                    lambda: self._real_get_events(manager, 0),
                    lambda: _interests(manager),
                    None if manager in self._endless.current else timeout,
                    watch=manager._epoll.fileno(),
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
            task._attempt_abort(partial(_raise, error))
            return []

    def arrival(self, item: object) -> int:
        """`id`, by which equal deadlines are told apart: it would be different in each run."""
        return next(self._arrivals) if isinstance(item, self._run.CancelScope) else id(item)

    def sleep_until(self, deadline: float) -> Awaitable[None]:
        # Only `trio.sleep` calls the function by this name. It has added the seconds that it was given to the time: the
        # difference of the two floats is exact to the nanosecond, and no more.
        member = current()
        if member is not None:
            member.scheduler.record_sleep(round(deadline - self._run.current_time(), 9))
        return self._real_sleep_until(deadline)  # type: ignore[no-any-return]  # trio comes as a module object

    @contextlib.contextmanager
    def going_on(self) -> Iterator[None]:
        """Have the clocks go on, once the block is over, from where they stand."""
        yield
        for clock, _ in list(self._ahead.values()):
            ahead = self._time_in_bubble(clock) - self._real_current_time(clock)
            object.__setattr__(clock, "offset", clock.offset + ahead)  # trio means it to stay as it is
        self._ahead.clear()

    def _time_in_bubble(self, clock: Any) -> float:
        now = monotonic()
        if id(clock) not in self._ahead:
            self._ahead[id(clock)] = clock, self._real_current_time(clock) - now
        return now + self._ahead[id(clock)][1]


def patches(trio: ModuleType) -> Iterator[Patch]:
    """What to replace in `trio`."""
    run, runs = trio._core._run, _Runs(trio)
    clock_methods = (runs.start_clock, runs.current_time, runs.deadline_to_sleep_time)
    yield from function_patches(run.SystemClock, {each.__name__: each for each in clock_methods})
    yield BlockPatch(runs.going_on)
    yield from function_patches(run.TheIOManager, {"get_events": runs.get_events})
    # Deterministic scheduling is a shuffle, where Hypothesis is.
    yield AttributePatch(run, {"_ALLOW_DETERMINISTIC_SCHEDULING": False, "_r": _InOrder(), "id": runs.arrival})
    yield AttributePatch(trio._timeouts, {"sleep_until": runs.sleep_until})
    yield BlockPatch(partial(_without_idle_threads, trio._core._thread_cache.THREAD_CACHE))
    yield from class_patches(run.CancelStatus)
    yield from class_patches(run.Task, run, trio._core)
