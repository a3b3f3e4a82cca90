"""What cannot share a program with the clock, and says so where it begins to run."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from types import ModuleType
from typing import Any, Final

from pytest_resilience.clock._bubble.waiting import current
from pytest_resilience.clock._calls.clocks import Epoch
from pytest_resilience.clock._calls.loop_time import ahead_of
from pytest_resilience.clock._outside.system import missing
from pytest_resilience.clock._reach.patches import AttributePatch, BlockPatch, Patch

_UVLOOP = (
    "uvloop keeps its own time, in C, which a virtual clock cannot move; run this test on asyncio's own event loop "
    "(asyncio.run without a loop factory, or the default event loop policy)"
)
_GEVENT = (
    "gevent keeps its own time, in C, which a virtual clock cannot move; run this test without gevent, on threads or "
    "asyncio"
)
_TIME_MACHINE = (
    "time_machine.travel() inside a virtual clock would leave two tools in charge of one wall clock; "
    "give the clock the instant instead, VirtualClock(start=...), or travel first and open the clock inside"
)
_LOOPTIME = (
    "looptime moves the time of its own event loop only, which would disagree with the virtual clock; "
    "use one of them: drop looptime from this test, since the clock makes asyncio's sleeps immediate too"
)


def check() -> None:
    """Refuse to open a clock where something is missing that it needs, or in a process that gevent has taken over."""
    refusal = missing()
    if refusal is not None:
        raise RuntimeError(refusal)
    monkey = sys.modules.get("gevent.monkey")
    if monkey is not None and (monkey.is_module_patched("time") or monkey.is_module_patched("threading")):
        raise RuntimeError(_GEVENT)


def check_no_task_is_late(deadline: int, caller: str) -> None:
    """Refuse to block an event loop that has something to do before ``deadline``; trio's always may."""
    trio = sys.modules.get("trio")
    if trio is not None and trio.lowlevel.in_trio_task():
        raise RuntimeError(
            f"{caller} would block trio, and its other tasks would be late; write `await trio.sleep(seconds)` instead"
        )
    asyncio = sys.modules.get("asyncio")
    loop = asyncio._get_running_loop() if asyncio is not None else None
    timers = [timer for timer in getattr(loop, "_scheduled", ()) if not timer.cancelled()]
    latest = (Epoch.monotonic + deadline) / 1e9 + ahead_of(loop)
    if getattr(loop, "_ready", ()) or any(timer.when() <= latest for timer in timers):
        raise RuntimeError(
            f"{caller} would block the event loop that runs this coroutine, and its other tasks would be late; "
            "write `await asyncio.sleep(seconds)` instead"
        )


def _refusing(kind: str, message: str, *names: str, switch: str = "") -> Callable[[ModuleType], Iterator[Patch]]:
    """Refuse methods of a class to threads of the clock; if ``switch`` names an attribute, only where that is true."""

    def refusing(real: Callable[..., Any]) -> Callable[..., Any]:
        def refuse(self: Any, *args: Any, **kwargs: Any) -> Any:
            if current() is not None and (not switch or getattr(self, switch)):
                raise RuntimeError(message)
            return real(self, *args, **kwargs)

        return refuse

    def patches(module: ModuleType) -> Iterator[Patch]:
        owner = getattr(module, kind)
        yield AttributePatch(owner, {name: refusing(getattr(owner, name)) for name in names})

    return patches


uvloop_patches: Final = _refusing("Loop", _UVLOOP, "__init__", "run_forever", "run_until_complete")
time_machine_patches: Final = _refusing("travel", _TIME_MACHINE, "start")  # travelling around the clock works
looptime_patches: Final = _refusing("LoopTimeEventLoop", _LOOPTIME, "run_forever", switch="looptime_on")


def gevent_patches(hub: ModuleType) -> Iterator[Patch]:
    """Refuse to wait in a hub of gevent."""
    yield from _refusing("Hub", _GEVENT, "__init__", "wait")(hub)
    yield BlockPatch(_older_hub_without_timers)


@contextmanager
def _older_hub_without_timers() -> Iterator[None]:
    """Refuse timers of the hub that the calling thread has already: most of gevent waits there without a method."""
    hub = sys.modules["gevent._hub_local"].get_hub_if_exists()
    if hub is None:
        yield
        return
    loop, hub.loop = hub.loop, _LoopWithoutTimers(hub.loop)
    try:
        yield
    finally:
        hub.loop = loop


class _LoopWithoutTimers:
    """An event loop of gevent that makes no timers."""

    def __init__(self, loop: Any) -> None:
        self._loop = loop

    def __getattr__(self, name: str) -> Any:
        if name == "timer" and current() is not None:
            raise RuntimeError(_GEVENT)
        return getattr(self._loop, name)
