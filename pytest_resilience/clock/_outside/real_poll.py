"""The real poll of descriptors, out of reach of the patches."""

from __future__ import annotations

import select
from collections.abc import Iterable

Interest = tuple[int, int]
"""A file descriptor and the `select.poll` events of interest."""

READ, WRITE, URGENT = select.POLLIN, select.POLLOUT, select.POLLPRI

_Poll = type(select.poll())
real_poll, real_register = _Poll.poll, _Poll.register


def ready(interests: Iterable[Interest], timeout: float | None = 0) -> list[Interest]:
    """What descriptors are ready for, within ``timeout`` milliseconds of real time; None is for ever."""
    poll = select.poll()
    for descriptor, events in interests:
        real_register(poll, descriptor, events)
    return real_poll(poll, timeout)
