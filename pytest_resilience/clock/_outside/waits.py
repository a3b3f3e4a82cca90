"""Waiting for input: `select`, and the wait that everything built on descriptors shares.

A wait for input is a wait in virtual time which input ends early: whenever nothing in the bubble can run, and before
time moves, the real descriptors are polled.
"""

from __future__ import annotations

import select
from _thread import get_ident
from collections import OrderedDict
from collections.abc import Callable, Iterator
from typing import Any

from pytest_resilience.clock._bubble import spinning as _spinning
from pytest_resilience.clock._bubble.outsider import ASKED, Outsider
from pytest_resilience.clock._bubble.units import nanoseconds_of_difference
from pytest_resilience.clock._bubble.waiting import Member, Outcome, Waiter, current, members
from pytest_resilience.clock._outside.peers import (
    Interest,
    epoll_interests,
    is_older_pipe,
    outsiders,
    silent,
    stirred,
)
from pytest_resilience.clock._reach import real
from pytest_resilience.clock._reach.native import BuiltinPatch, TypePatch, clone, original
from pytest_resilience.clock._reach.patches import Patch

READ, WRITE, URGENT = select.POLLIN, select.POLLOUT, select.POLLPRI


def wait_until(
    member: Member,
    look: Callable[[], Any],
    timeout: float | None,
    what: str,
    *,
    outside: Callable[[], list[Outsider]],
    descriptors: Callable[[], list[Interest]] | None = None,
    loop: object = None,
    expects: Callable[[], bool] = lambda: False,
) -> Any:
    """Wait until ``look()`` returns something true, and return that; None after ``timeout`` seconds or at the end.

    ``outside`` says who outside may make it true, ``descriptors`` what becomes ready when it comes true, if anything
    does, ``loop`` what event loop waits, and ``expects`` whether anybody at all may notify it.
    """
    scheduler = member.scheduler
    deadline = None if timeout is None else scheduler.now + nanoseconds_of_difference(timeout)
    waiter = Waiter(member, deadline, what)
    waiter.poll, waiter.outside, waiter.descriptors, waiter.loop = look, outside, descriptors, loop
    waiter.expects = expects
    return (waiter.result or look()) if scheduler.block(waiter) is Outcome.NOTIFIED else None


def wait_for_input(
    member: Member,
    look: Callable[[], Any],
    interests: Callable[[], list[Interest]],
    timeout: float | None,
    *,
    watch: int | None = None,
    loop: object = None,
    expects: Callable[[], bool] = lambda: True,
) -> Any:
    """`wait_until` for descriptors: ``interests`` are those that ``look`` looks at.

    ``watch`` is one that becomes readable if any of them is ready, if there is such a thing; ``expects`` tells whether
    anybody waits for more than has come already, where an event loop would take notice of anything.
    """
    seen: list[Any] = []
    since = real.monotonic()

    def outside() -> list[Outsider]:
        watched = interests()
        found = outsiders(watched, expects, since)
        if watched and not found and (late := look()):  # whoever has done this since the last look is gone
            seen.append(late)
            found = [Outsider(real.monotonic(), ASKED)]
        return found

    found = wait_until(
        member,
        lambda: seen.pop() if seen else look(),
        timeout,
        "input" if loop is None else "input or a timer",
        outside=outside,
        descriptors=interests if watch is None else lambda: [(watch, READ)],
        loop=loop,
        expects=lambda: expects() if loop is not None else any(is_older_pipe(end) for end, _ in interests()),
    )
    if found:
        for pair in silent(interests()):
            if new_poll(pair)(0):
                stirred(pair[0])
    return found


_Poll: Any = type(select.poll())
_real_poll = _Poll.poll
_polled: OrderedDict[int, tuple[object, dict[int, int]]] = OrderedDict()
"""What was registered at the latest `select.poll` objects, which do not tell: by their identity."""

_REMEMBERED = 256


def new_poll(*interests: Interest) -> Callable[[float | None], list[Interest]]:
    """The real poll of some descriptors; its argument is the timeout in milliseconds."""
    poll = select.poll()
    for descriptor, events in interests:
        _real_register(poll, descriptor, events)
    return lambda timeout: _real_poll(poll, timeout)


def wait_for_descriptor(member: Member, descriptor: int, events: int, timeout: float | None) -> bool:
    """Wait until ``descriptor`` is ready for ``events``; False after ``timeout`` seconds."""
    poll = new_poll((descriptor, events))
    if poll(0) or wait_for_input(member, lambda: poll(0), lambda: [(descriptor, events)], timeout):
        return True
    return bool(poll(timeout)) if member.scheduler.closed and timeout is None else False


def _polled_by(poll: object) -> dict[int, int]:
    return _polled.setdefault(id(poll), (poll, {}))[1]


_real_register, _real_modify, _real_unregister = _Poll.register, _Poll.modify, _Poll.unregister


def _register(self: Any, fd: Any, eventmask: int = READ | WRITE | URGENT) -> None:
    _real_register(self, fd, eventmask)
    _polled_by(self)[fd if isinstance(fd, int) else fd.fileno()] = eventmask
    while len(_polled) > _REMEMBERED:
        _polled.popitem(last=False)


def _modify(self: Any, fd: Any, eventmask: int) -> None:
    _real_modify(self, fd, eventmask)
    _polled_by(self)[fd if isinstance(fd, int) else fd.fileno()] = eventmask


def _unregister(self: Any, fd: Any) -> None:
    _real_unregister(self, fd)
    _polled_by(self).pop(fd if isinstance(fd, int) else fd.fileno(), None)


def _poll(self: Any, timeout: float | None = None) -> list[Interest]:
    """`select.poll` objects, in virtual time; their timeout is in milliseconds."""
    member = current()
    if member is None:
        found: list[Interest] = _real_poll(self, timeout)
        return found
    if timeout == 0:
        _spinning.poll(member, timeout)
    found = _real_poll(self, 0)
    if found or timeout == 0:
        return found
    seconds = None if timeout is None or timeout < 0 else timeout / 1000
    return wait_for_input(member, lambda: _real_poll(self, 0), lambda: list(_polled_by(self).items()), seconds) or []


def _epoll_patch() -> TypePatch:
    real_poll = select.epoll.poll

    def poll(self: Any, timeout: Any = None, maxevents: int = -1) -> list[Interest]:
        """`select.epoll` objects, in virtual time; their timeout is in seconds."""
        if timeout == 0:
            member = members.get(get_ident())
            if member is not None and member.waiter is None:
                _spinning.look_again(member, _spinning.GLANCE)
                member.scheduler.yield_now(member)
            return real_poll(self, 0, maxevents)
        member = current()
        found = real_poll(self, timeout if member is None else 0, maxevents)
        if found or member is None:
            return found
        seconds = None if timeout is None or timeout < 0 else timeout
        descriptor = self.fileno()
        return (
            wait_for_input(
                member,
                lambda: real_poll(self, 0, maxevents),
                lambda: epoll_interests(descriptor),
                seconds,
                watch=descriptor,
            )
            or []
        )

    return TypePatch(select.epoll, {"poll": poll})


_real_select = clone(original(select, "select"))


def _select(*arguments: Any) -> tuple[list[Any], list[Any], list[Any]]:
    """`select.select`, in virtual time."""
    member = current()
    timeout = arguments[3] if len(arguments) == 4 else None
    if member is None or not 3 <= len(arguments) <= 4 or (timeout is not None and timeout < 0):
        given: tuple[list[Any], list[Any], list[Any]] = _real_select(*arguments)
        return given
    files = [list(chosen) for chosen in arguments[:3]]
    if timeout == 0:
        _spinning.poll(member, timeout)

    def look() -> tuple[list[Any], list[Any], list[Any]] | None:
        found = _real_select(*files, 0)
        return found if any(found) else None

    def interests() -> list[Interest]:
        return [
            (item if isinstance(item, int) else item.fileno(), events)
            for chosen, events in zip(files, (READ, WRITE, URGENT), strict=True)
            for item in chosen
        ]

    found = look()
    if found is None and timeout != 0:
        found = wait_for_input(member, look, interests, timeout)
    return found or ([], [], [])


def patches() -> Iterator[Patch]:
    """Everything in `select` that waits."""
    yield BuiltinPatch(original(select, "select"), _select)
    yield TypePatch(_Poll, {"poll": _poll, "register": _register, "modify": _modify, "unregister": _unregister})
    yield _epoll_patch()


def reset() -> None:
    """Forget the `select.poll` objects of a bubble that has closed."""
    _polled.clear()
