"""Processes of a test that are still there when it is over: who they are, and their end."""

from __future__ import annotations

import contextlib
import multiprocessing
import os
import select
import signal
import socket
import struct
import sys
from collections.abc import Iterator, Mapping
from typing import Final

from pytest_resilience._faults.socket_thread import MOMENT_S
from pytest_resilience.clock._plugin import real
from resilience.testing import every_object

_PATIENCE_S: Final = 2.0
"""The real seconds that a process has to clean up after SIGTERM, and then the system after SIGKILL."""

_CREDENTIALS: Final = struct.Struct("3i")
"""What SO_PEERCRED returns: the process, its user and its group."""


def handle_of(peer: socket.socket, number: int) -> int | None:
    """Return a descriptor of the process at the other end of a UNIX socket; None where it can't be told for sure.

    A descriptor and no number, since a number may be another process's by the time it is used. What a process says of
    itself is compared with what the kernel says: in a container of its own it has another number there.
    """
    if not hasattr(os, "pidfd_open") or number == os.getpid():
        return None
    credentials = peer.getsockopt(socket.SOL_SOCKET, socket.SO_PEERCRED, _CREDENTIALS.size)
    if _CREDENTIALS.unpack(credentials)[0] != number:
        return None
    try:
        return os.pidfd_open(number)
    except OSError:
        return None


def end_processes(handles: Mapping[int, int | None]) -> set[int]:
    """End processes: by SIGTERM, and by SIGKILL if that takes too long. Return the numbers of those that have ended.

    A worker of a pool that is open is its pool's, which later tests may use, and would be broken without it.
    """
    ours = {number: handle for number, handle in handles.items() if handle is not None}
    for number in ours.keys() & _workers_of_pools():
        del ours[number]
    for sent in (signal.SIGTERM, signal.SIGKILL):
        for handle in ours.values():
            with contextlib.suppress(OSError):  # it has ended, or is another user's by now
                signal.pidfd_send_signal(handle, sent)
        end = real.monotonic() + _PATIENCE_S
        while not all(map(_has_ended, ours.values())) and real.monotonic() < end:
            real.sleep(MOMENT_S)
    return {number for number, handle in ours.items() if _has_ended(handle)}


def _has_ended(handle: int) -> bool:
    poll = select.poll()
    poll.register(handle, select.POLLIN)
    return bool(poll.poll(0))


def _workers_of_pools() -> set[int]:
    if not multiprocessing.active_children():  # most leftovers are none of multiprocessing's, and the heap is large
        return set()
    return {number for each in every_object() for number in _workers_of(each)}


def _workers_of(pool: object) -> Iterator[int]:
    # Modules that were not imported have no pool; `type` asks no mock or proxy what it is.
    futures, pools = sys.modules.get("concurrent.futures.process"), sys.modules.get("multiprocessing.pool")
    if futures is not None and issubclass(type(pool), futures.ProcessPoolExecutor):
        yield from getattr(pool, "_processes", None) or ()
    elif pools is not None and issubclass(type(pool), pools.Pool):
        yield from (worker.pid for worker in getattr(pool, "_pool", ()))
