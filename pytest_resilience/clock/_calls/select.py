"""`select`: `select.select`, and the objects of `select.poll` and `select.epoll`."""

from __future__ import annotations

import select
from _thread import get_ident
from collections import OrderedDict
from collections.abc import Callable, Iterable, Iterator
from typing import Any

from pytest_resilience.clock._bubble.per_clock import PerClock
from pytest_resilience.clock._bubble.spinning import GLANCE
from pytest_resilience.clock._bubble.units import is_timeout
from pytest_resilience.clock._bubble.waiting import current, members
from pytest_resilience.clock._outside.descriptors import epoll_interests
from pytest_resilience.clock._outside.real_poll import READ, URGENT, WRITE, Interest, real_poll
from pytest_resilience.clock._outside.waits import wait_for_input
from pytest_resilience.clock._reach.native import BuiltinPatch, TypePatch, clone, original
from pytest_resilience.clock._reach.patches import Patch

_Poll: Any = type(select.poll())
_real_unregister = _Poll.unregister
_registered: PerClock[OrderedDict[int, tuple[object, dict[int, int]]]] = PerClock(OrderedDict)
"""What was registered at the latest `select.poll` objects, which do not tell: by their identity."""

_REMEMBERED = 256
"""So many of these objects are kept, since they cannot be referred to weakly; few programs have more than one."""

_polling: PerClock[set[int]] = PerClock(set)
"""The `select.poll` objects by which threads wait: by one of them only one thread may."""

_TOO_LONG = 1 << 31
"""So many milliseconds are more than `poll` takes, which has an ``int`` for them."""


def _registered_at(poll: object) -> dict[int, int]:
    while len(_registered.current) >= _REMEMBERED and id(poll) not in _registered.current:
        _registered.current.popitem(last=False)
    return _registered.current.setdefault(id(poll), (poll, {}))[1]


def _changing(real_change: Callable[..., None]) -> Callable[..., None]:
    """The method that registers a descriptor, changes for what, or unregisters it."""

    def change(self: Any, fd: Any, *events: Any) -> None:
        real_change(self, fd, *events)
        descriptor = fd if isinstance(fd, int) else fd.fileno()
        if real_change is _real_unregister:
            _registered_at(self).pop(descriptor, None)
        else:
            _registered_at(self)[descriptor] = events[0] if events else READ | WRITE | URGENT

    return change


def _poll(self: Any, timeout: Any = None) -> list[Interest]:
    """`select.poll` objects, in virtual time; their timeout is in milliseconds."""
    member = current()
    if member is None or not is_timeout(timeout) or (timeout is not None and timeout >= _TOO_LONG):
        return real_poll(self, timeout)  # which refuses such a timeout
    polling = _polling.current
    if id(self) in polling:
        raise RuntimeError("concurrent poll() invocation")
    if timeout == 0:
        member.wait_no_time()
    found = real_poll(self, 0)
    if found or timeout == 0:
        return found
    seconds = None if timeout is None or timeout < 0 else timeout / 1000
    polling.add(id(self))
    try:
        registered = _registered_at(self)
        return wait_for_input(member, lambda: real_poll(self, 0), lambda: list(registered.items()), seconds) or []
    finally:
        polling.discard(id(self))


_real_epoll = select.epoll.poll


def _epoll(self: Any, timeout: Any = None, maxevents: int = -1) -> list[Interest]:
    """`select.epoll` objects, in virtual time; their timeout is in seconds."""
    if timeout == 0:
        member = members.get(get_ident())
        if member is not None and member.waiter is None:
            member.questions.asked += GLANCE  # a step of an event loop, which is not worth two more calls
            if member.questions.asked >= member.questions.limit:
                member.note_question(0)
            member.scheduler.yield_now(member)
        return _real_epoll(self, 0, maxevents)
    member = current()
    is_real = member is None or not is_timeout(timeout)
    found = _real_epoll(self, timeout if is_real else 0, maxevents)
    if found or member is None:
        return found
    seconds = None if timeout is None or timeout < 0 else timeout
    descriptor = self.fileno()
    found = wait_for_input(
        member, lambda: _real_epoll(self, 0, maxevents), lambda: epoll_interests(descriptor), seconds, watch=descriptor
    )
    return found or []


_real_select = clone(original(select, "select"))


def _select(*arguments: Any) -> tuple[list[Any], list[Any], list[Any]]:
    """`select.select`, in virtual time."""
    member = current()
    timeout = arguments[3] if len(arguments) == 4 else None
    found: tuple[list[Any], list[Any], list[Any]]
    if (
        member is None
        or not 3 <= len(arguments) <= 4
        or not is_timeout(timeout)
        or (timeout is not None and timeout < 0)
        or not all(isinstance(chosen, Iterable) for chosen in arguments[:3])
    ):
        found = _real_select(*arguments)
        return found
    given = [chosen if isinstance(chosen, list) else list(chosen) for chosen in arguments[:3]]
    if timeout == 0:
        member.wait_no_time()
    found = _real_select(*given, 0)  # with the lists themselves, which a ``fileno`` in them may change
    if any(found) or timeout == 0:
        return found
    files = [list(chosen) for chosen in given]

    def check() -> tuple[list[Any], list[Any], list[Any]] | None:
        found = _real_select(*files, 0)
        return found if any(found) else None

    def interests() -> list[Interest]:
        return [
            (item if isinstance(item, int) else item.fileno(), events)
            for chosen, events in zip(files, (READ, WRITE, URGENT), strict=True)
            for item in chosen
        ]

    return wait_for_input(member, check, interests, timeout) or ([], [], [])


def patches() -> Iterator[Patch]:
    yield BuiltinPatch(original(select, "select"), _select)
    changing = {name: _changing(getattr(_Poll, name)) for name in ("register", "modify", "unregister")}
    yield TypePatch(_Poll, {"poll": _poll, **changing})
    yield TypePatch(select.epoll, {"poll": _epoll})
