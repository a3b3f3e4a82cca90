"""What the actions of a script do to a TCP connection through a proxy."""

from __future__ import annotations

import functools
import random
from collections.abc import Callable
from dataclasses import dataclass
from typing import Final, final

from pytest_resilience._faults.injection import Injection
from pytest_resilience._faults.requests import GARBAGE_BYTES
from pytest_resilience._servers import effects
from pytest_resilience._servers.connection import Connection
from pytest_resilience._servers.proxy import ProxyPlace, Strike
from resilience import testing

NANOSECONDS: Final = 1_000_000_000  # in a second


@final
class ConnectionPlace:
    """Both directions of a proxy's connections, or one of them, as a place."""

    kind: testing.PlaceKind = "tcp"

    def __init__(self, place: ProxyPlace) -> None:
        self.name = place.name
        self._place = place

    def arm(self, injection: Injection) -> None:
        """Let the injection decide the live connections, oldest first, and new ones."""
        self._place.arm(_Decider(injection, self._place.proxy.target))

    def disarm(self, injection: Injection) -> None:
        self._place.disarm(_Decider(injection, self._place.proxy.target))


@final
@dataclass(frozen=True, slots=True)
class _Decider:
    """An injection, as a proxy asks it; equal to any other of the same injection."""

    injection: Injection
    address: tuple[str, int]

    @property
    def refuses_all(self) -> bool:
        """Whether the script is nothing but ``refuse``, for every connection."""
        terms = self.injection.script.terms
        return (
            len(terms) == 1
            and terms[0].is_endless
            and isinstance(terms[0].action, testing.Refuse)
            and not terms[0].after
        )

    def decide(self) -> Strike | None:
        decision = self.injection.decide(*self.address)
        return None if decision is None else functools.partial(_strike, decision, self.injection.chance)


def _strike(decision: testing.Decision, chance: random.Random, connection: Connection, place: ProxyPlace) -> None:
    """Put effects into the directions of the place, or end the connection; at once, or after the first answer."""
    if decision.after:
        answered = _AtFirstByte(lambda: _strike(decision._replace(after=False), chance, connection, place))
        connection.link("downstream").set_effect(place, answered)
        return
    action = decision.action
    if isinstance(action, testing.Reset):
        connection.reset()
    elif isinstance(action, testing.Refuse):
        connection.reset("refused")
    elif isinstance(action, testing.Garbage):
        noise = chance.randbytes(GARBAGE_BYTES)
        for direction in ("upstream", "downstream"):
            said = _AtFirstByte(lambda: connection.answer_and_close(noise, "garbage"), needs_server=False)
            connection.link(direction).set_effect(place, said)
    elif not isinstance(action, testing.Off):
        for direction in place.directions:
            connection.link(direction).set_effect(place, _effect(action, chance, connection))


def _effect(action: testing.Action, chance: random.Random, connection: Connection) -> effects.Effect:
    match action:
        case testing.Hang():
            return effects.Hang()
        case testing.Latency():
            return effects.Latency(_seconds(action.delay), _seconds(action.jitter), chance)
        case testing.Bandwidth():
            return effects.Bandwidth(action.rate)
        case testing.Slices():
            return effects.Slices(action.size, _seconds(action.pause))
        case testing.SlowClose():
            return effects.SlowClose(_seconds(action.delay))
        case testing.Corrupt():
            return effects.Corrupt(action.offset)
        case testing.Limit():
            end = connection.reset if action.reset else connection.close
            return effects.Limit(action.size, lambda: end("limit"))
        case _:
            raise AssertionError(f"{action} at a TCP place")


@final
class _AtFirstByte(effects.Effect):
    """Calls a function in place of passing on the first chunk."""

    def __init__(self, function: Callable[[], None], *, needs_server: bool = True) -> None:
        super().__init__()
        self._function = function
        self.needs_server = needs_server

    def feed(self, data: bytes | None) -> None:
        """Strike; what came is passed on if the connection still is."""
        self._function()
        super().feed(data)


def _seconds(nanoseconds: int | None) -> float:
    return (nanoseconds or 0) / NANOSECONDS
