"""freezegun beside the clock: it sets the wall clock of the bubble, and virtual time moves on from there.

A frozen clock does not stand still while the program sleeps, since all clocks agree; without sleeps it is as frozen as
ever. ``tick`` lets virtual time pass, and so does each look at a clock under ``auto_tick_seconds``: sleepers wake on
the way. ``move_to`` sets the wall clock; forward, time jumps there, and those that have slept long enough wake there,
as when a machine has been suspended.
"""

from __future__ import annotations

import gc
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import datetime, timedelta
from types import FrameType, ModuleType
from typing import Any

from pytest_resilience.clock._bubble.units import EPOCH, nanoseconds, nanoseconds_since_epoch
from pytest_resilience.clock._bubble.waiting import Member, current
from pytest_resilience.clock._calls.clocks import Epoch, monotonic, monotonic_ns
from pytest_resilience.clock._calls.refusals import check_no_task_is_late
from pytest_resilience.clock._reach.patches import BlockPatch, Patch, function_patches, unpatched


class _Walls:
    """The wall clock of the bubble, which the latest freezer sets that is active."""

    def __init__(self, api: ModuleType) -> None:
        self._api = api
        self._unfrozen = 0
        self._by_factory: dict[Any, int] = {}  # where the wall clock stood when the clock was opened, in nanoseconds

    @contextmanager
    def setting(self) -> Iterator[None]:
        """Begin with what was frozen before the clock was opened."""
        self._unfrozen = Epoch.wall
        for factory in self._api.freeze_factories:
            ran = self._unfrozen - nanoseconds_since_epoch(factory.start) if hasattr(factory, "start") else 0
            self._by_factory[factory] = nanoseconds_since_epoch(factory.time_to_freeze) + ran
        self.show()
        yield
        self._by_factory.clear()

    def show(self) -> None:
        active = self._api.freeze_factories
        Epoch.wall = self._by_factory.get(active[-1], Epoch.wall) if active else self._unfrozen

    def set(self, factory: Any, moment: datetime, now: int) -> None:
        """Set the wall clock of one freezer to a moment, which is now."""
        self._by_factory[factory] = nanoseconds_since_epoch(moment) - now
        self.show()

    def at(self, factory: Any, now: int) -> datetime:
        """What the wall clock of one freezer shows now."""
        wall = self._by_factory.get(factory, Epoch.wall)
        return (EPOCH + timedelta(microseconds=(wall + now) // 1000)).replace(tzinfo=None)


def patches(api: ModuleType) -> Iterator[Patch]:
    walls = _Walls(api)
    yield BlockPatch(walls.setting)
    freezer = api._freeze_time
    showing = {name: _and_then(unpatched(freezer, name), walls.show) for name in ("start", "stop")}
    yield from function_patches(freezer, showing)
    for factory in (api.FrozenDateTimeFactory, api.TickingDateTimeFactory, api.StepTickTimeFactory):
        own = _Methods(api, factory, walls)
        replaced: dict[str, Any] = {
            "__init__": own.init,
            "__call__": own.call,
            "tick": own.tick,
            "move_to": own.move_to,
        }
        yield from function_patches(factory, replaced)
    readings = {"_get_fake_monotonic": monotonic, "_get_fake_monotonic_ns": monotonic_ns}
    yield from function_patches(api, {name: _looking(api, name, reading) for name, reading in readings.items()})


def _looking(api: ModuleType, name: str, reading: Callable[[], float]) -> Callable[[], Any]:
    """A monotonic clock, in freezegun's place for threads of the bubble."""
    real_reading = unpatched(api, name)

    def look() -> Any:
        if current() is None:
            return real_reading()
        before = reading()
        api.get_current_time()  # which lets time pass where each look does
        return before

    return look


def _and_then(method: Callable[..., Any], do: Callable[[], None]) -> Callable[..., Any]:
    def call(self: Any) -> Any:
        try:
            return method(self)
        finally:
            if current() is not None:
                do()

    return call


class _Methods:
    """The methods of a factory, by which freezegun makes each moment that it shows; ``frozen`` is the factory."""

    def __init__(self, api: ModuleType, kind: Any, walls: _Walls) -> None:
        self._api, self._walls = api, walls
        self._is_stepping = kind is api.StepTickTimeFactory
        self._real_init, self._real_call, self._real_tick, self._real_move_to = (
            unpatched(kind, name) for name in ("__init__", "__call__", "tick", "move_to")
        )

    def init(self, frozen: Any, time_to_freeze: datetime, *more: Any) -> None:
        self._real_init(frozen, time_to_freeze, *more)
        member = current()
        if member is not None:
            self._walls.set(frozen, time_to_freeze, member.scheduler.now)

    def call(self, frozen: Any) -> Any:
        member = current()
        if member is None:
            return self._real_call(frozen)
        moment = self._walls.at(frozen, member.scheduler.now)
        if self._is_stepping and not _is_collecting():
            _pass(member, timedelta(seconds=frozen.step_width))
        return moment

    def tick(self, frozen: Any, delta: Any = None) -> Any:
        member = current()
        if member is None:
            return self._real_tick(frozen) if delta is None else self._real_tick(frozen, delta)
        if delta is None or (self._is_stepping and not delta):
            delta = frozen.step_width if self._is_stepping else 1
        passed = delta if isinstance(delta, timedelta) else timedelta(seconds=float(delta))
        if passed > timedelta(0):
            check_no_task_is_late(member.scheduler.now + _length(passed), "tick()")
            _pass(member, passed)
        else:
            moment = self._walls.at(frozen, member.scheduler.now) + passed
            self._walls.set(frozen, moment, member.scheduler.now)
        return self._walls.at(frozen, member.scheduler.now)

    def move_to(self, frozen: Any, target_datetime: Any) -> None:
        member = current()
        if member is None:
            self._real_move_to(frozen, target_datetime)
            return
        scheduler = member.scheduler
        frozen.time_to_freeze = self._api._parse_time_to_freeze(target_datetime)
        ahead = frozen.time_to_freeze - self._walls.at(frozen, scheduler.now)
        if ahead > timedelta(0):
            scheduler.jump(member, _length(ahead), "a move of freezegun")
        self._walls.set(frozen, frozen.time_to_freeze, scheduler.now)


def _is_collecting() -> bool:
    """Whether it is a callback of the garbage collector that looks, as hypothesis has one.

    It is called at some instruction or other of the program, so the course of a test would depend on it.
    """
    callbacks = {getattr(callback, "__code__", None) for callback in gc.callbacks}
    frame: FrameType | None = sys._getframe()
    while frame is not None and frame.f_code not in callbacks:
        frame = frame.f_back
    return frame is not None


def _length(passed: timedelta) -> int:
    return nanoseconds(passed.total_seconds())


def _pass(member: Member, passed: timedelta) -> None:
    member.scheduler.sleep(member, _length(passed), "a tick of freezegun")
