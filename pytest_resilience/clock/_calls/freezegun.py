"""freezegun beside the clock: it sets the wall clock, and virtual time moves on from there.

A frozen clock does not stand still while the program sleeps, since all clocks agree; without sleeps it is as frozen as
ever. ``tick`` lets virtual time pass. ``move_to`` sets the wall clock; moving forward takes the monotonic clock along
and wakes nobody, as when a machine has been suspended.
"""

from __future__ import annotations

import sys
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from types import ModuleType
from typing import Any

from pytest_resilience.clock._bubble.units import nanoseconds
from pytest_resilience.clock._bubble.waiting import current
from pytest_resilience.clock._calls.clocks import Epoch, monotonic
from pytest_resilience.clock._calls.refusals import check_no_task_is_late
from pytest_resilience.clock._reach.patches import Patch, function_patches, unpatched


def frozen_now() -> datetime | None:
    """The instant that freezegun shows, or None if it shows none."""
    api = sys.modules.get("freezegun.api")
    if api is None or not api.freeze_factories:
        return None
    moment: datetime = api.get_current_time().replace(tzinfo=UTC)
    return moment


def patches(api: ModuleType) -> Iterator[Patch]:
    """What to replace in `freezegun.api`."""
    factory = api.FrozenDateTimeFactory
    real_init, real_call, real_tick, real_move_to = (
        unpatched(factory, name) for name in ("__init__", "__call__", "tick", "move_to")
    )
    real_monotonic, real_monotonic_ns = (
        unpatched(api, name) for name in ("_get_fake_monotonic", "_get_fake_monotonic_ns")
    )

    def init(self: Any, time_to_freeze: datetime) -> None:
        real_init(self, time_to_freeze)
        member = current()
        self.frozen_at = 0 if member is None else member.scheduler.now

    def call(self: Any) -> Any:
        member = current()
        frozen = real_call(self)
        if member is None:
            return frozen
        return frozen + timedelta(microseconds=(member.scheduler.now - getattr(self, "frozen_at", 0)) // 1000)

    def tick(self: Any, delta: Any = timedelta(seconds=1)) -> Any:
        member = current()
        seconds = delta.total_seconds() if isinstance(delta, timedelta) else float(delta)
        if member is None or seconds <= 0:
            real_tick(self, delta if isinstance(delta, timedelta) else timedelta(seconds=seconds))
        else:
            deadline = member.scheduler.now + nanoseconds(seconds)
            check_no_task_is_late(deadline, "tick()")
            member.scheduler.sleep(member, nanoseconds(seconds), "a tick of freezegun")
        return call(self)

    def move_to(self: Any, target: Any) -> None:
        member = current()
        if member is None:
            real_move_to(self, target)
            return
        before = call(self)
        self.time_to_freeze = api._parse_time_to_freeze(target)
        self.frozen_at = member.scheduler.now
        Epoch.monotonic += max(0, (self.time_to_freeze - before) // timedelta(microseconds=1) * 1000)

    def fake_monotonic() -> float:
        return float(real_monotonic()) if current() is None else monotonic()

    def fake_monotonic_ns() -> int:
        member = current()
        return int(real_monotonic_ns()) if member is None else Epoch.monotonic + member.scheduler.now

    yield from function_patches(factory, {"__init__": init, "__call__": call, "tick": tick, "move_to": move_to})
    yield from function_patches(
        api, {"_get_fake_monotonic": fake_monotonic, "_get_fake_monotonic_ns": fake_monotonic_ns}
    )
