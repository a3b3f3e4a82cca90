"""Which patches there are. Those of a library are made when it has been imported, also while a clock is open."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from pytest_resilience.clock._bubble.waiting import members
from pytest_resilience.clock._calls import (
    alarms,
    asyncio,
    clocks,
    freezegun,
    locks,
    order_of_sets,
    pools,
    processes,
    questions,
    queues,
    refusals,
    select,
    selectors,
    signals,
    sleep,
    sockets,
    ssl,
    threads,
    trio,
)
from pytest_resilience.clock._reach.late import LatePatches
from pytest_resilience.clock._reach.patches import Patch, install, restore

_all: list[Patch] = []
_staying: list[Patch] = []
"""The first of them, which stand between clocks as well, inside of `staying_patched`."""


def missing_patches() -> list[Patch]:
    """What a clock that opens has to install."""
    if not _all:
        _all.extend(all_patches())
    return _all[len(_staying) :]


@contextmanager
def staying_patched() -> Iterator[None]:
    """Leave in place what clocks replace, for many clocks in a row: each of them then opens in a third of the time.

    Between them every thread has real time, as threads outside have that while a clock is open.
    """
    if members or _staying:  # it is in place already
        yield
        return
    *lasting, late = missing_patches()
    assert isinstance(late, LatePatches)
    late.stays = True
    try:
        _staying.extend(install(lasting))
        yield
    finally:
        late.stays = False
        late.restore()
        restore(_staying)


def all_patches() -> Iterator[Patch]:
    """Everything that a clock replaces while it is open."""
    for module in (
        clocks,
        locks,
        queues,
        sleep,
        threads,
        select,
        selectors,
        sockets,
        processes,
        questions,
        alarms,
        signals,
    ):
        yield from module.patches()
    yield LatePatches(
        {
            "_multiprocessing": processes.multiprocessing_patches,
            "_pytest.timing": clocks.pytest_patches,
            "anyio._backends._asyncio": pools.anyio_patches,
            "asyncio": asyncio.patches,
            "concurrent.futures": lambda futures: order_of_sets.class_patches(futures.Future, futures),
            "concurrent.futures.thread": pools.executor_patches,
            "fcntl": processes.file_lock_patches,
            "freezegun.api": freezegun.patches,
            "gevent.hub": refusals.gevent_patches,
            "looptime": refusals.looptime_patches,
            "multiprocessing.queues": pools.queue_patches,
            "ssl": ssl.patches,
            "subprocess": processes.subprocess_patches,
            "time_machine": refusals.time_machine_patches,
            "trio": trio.patches,
            "uuid": clocks.uuid_patches,
            "uvloop": refusals.uvloop_patches,
        }
    )
