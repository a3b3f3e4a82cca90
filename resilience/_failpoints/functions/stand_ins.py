"""Stand-ins: what answers the calls of a function while it is armed.

A function has one stand-in at most, however often it is armed; the interceptor that came last answers. When the last
one has gone, everything is as it was.
"""

from __future__ import annotations

import contextlib
import threading
from collections.abc import Callable, Iterator
from typing import Any, Final, final

from resilience._failpoints.functions.kinds import Kind, intercepted
from resilience._failpoints.functions.seats import Seat
from resilience._failpoints.table import Interceptor

_changing = threading.RLock()


@contextlib.contextmanager
def standing_in(seat: Seat, kind: Kind, heir: type | None, interceptor: Interceptor) -> Iterator[None]:
    """Have an interceptor answer for a function for the length of a ``with`` block.

    Args:
        seat: The function, and how it is replaced.
        kind: What its calls are.
        heir: Where one class alone is to be struck that has inherited the function: that class.
        interceptor: What answers.

    Raises:
        UnknownTargetError: The function can't be replaced.
    """
    with _changing:
        stand_in = _active.get(seat.key)
        if stand_in is None:
            stand_in = _StandIn(seat, kind)
            seat.take(stand_in.answer)
            _active[seat.key] = stand_in
        stand_in.arms.append((interceptor, heir))
        stand_in.settle()
    try:
        yield
    finally:
        with _changing:
            stand_in.arms.remove((interceptor, heir))
            stand_in.settle()
            if not stand_in.arms:
                del _active[seat.key]
                stand_in.seat.leave()


@final
class _StandIn:
    """What one function is armed with.

    Attributes:
        seat: The function.
        arms: What answers for it, for one class that has inherited it or for all, the latest last.
    """

    def __init__(self, seat: Seat, kind: Kind) -> None:
        self.seat = seat
        self.arms: list[tuple[Interceptor, type | None]] = []
        self._kind = kind
        self._answer: Callable[..., Any] = seat.original

    def answer(self, *args: Any, **kwargs: Any) -> Any:
        return self._answer(*args, **kwargs)

    def settle(self) -> None:
        """Ask the latest interceptor of each kind, for each class and for all, whichever came last first."""
        latest: dict[tuple[type, type | None], Interceptor] = {}
        for interceptor, heir in self.arms:
            latest.pop((type(interceptor), heir), None)
            latest[type(interceptor), heir] = interceptor
        answer = self.seat.original
        for (_, heir), interceptor in latest.items():
            armed = intercepted(self._kind, answer, interceptor)
            answer = armed if heir is None else _for_heir(heir, armed, answer)
        self._answer = answer


def armed_as(function: object) -> Seat | None:
    """The seat of what a function stands in for; None for one that is no stand-in."""
    seats = [each.seat for each in _active.values() if getattr(each.seat, "stand_in", None) is function]
    return seats[0] if seats else None


def unarmed(function: object) -> object:
    """What a function does where no fault strikes: the function itself, where it is not armed."""
    stand_in = _active.get(id(function))
    return function if stand_in is None else stand_in.seat.original


def _for_heir(heir: type, armed: Callable[..., Any], unarmed: Callable[..., Any]) -> Callable[..., Any]:
    def answer(*args: Any, **kwargs: Any) -> Any:
        receiver = args[0] if args else None
        is_heir = issubclass(receiver, heir) if isinstance(receiver, type) else isinstance(receiver, heir)
        return (armed if is_heir else unarmed)(*args, **kwargs)

    return answer


_active: Final[dict[object, _StandIn]] = {}
"""By the key of the seat, which the seat keeps alive."""
