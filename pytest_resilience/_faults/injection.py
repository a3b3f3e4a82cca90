"""A script on a place: what it decides, and the ledger of what it has done."""

from __future__ import annotations

import contextlib
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, NoReturn, Protocol, Self, final

from pytest_resilience._faults.callers import is_of_the_code_under_test
from pytest_resilience._timeline.timeline import Timeline
from resilience.errors import Crash
from resilience.testing import PlaceKind, Script, ScriptedFault, shown


class Place(Protocol):
    """Somewhere that a script can be put.

    Attributes:
        name: What it is called in the timeline and in messages.
        kind: Which actions it can do.
    """

    name: str
    kind: PlaceKind

    def arm(self, injection: Injection) -> None:
        """Ask the injection, before any that was armed earlier, what becomes of each call."""

    def disarm(self, injection: Injection) -> None:
        """Ask the fault no more; what it holds back goes on."""


class Elsewhere(Place, Protocol):
    """Other processes as a place."""

    def wait_until(self, check: Callable[[], bool]) -> None:
        """Wait until something is true that these processes may bring about."""


@final
@dataclass(frozen=True, slots=True)
class InjectedCall:
    """One call that reached an armed place.

    Attributes:
        args: Its positional arguments, those of a method beginning with ``self``; of a request the request; of a
            connection host and port; of a call of another process what JSON can say of them, else their texts.
        kwargs: Its keyword arguments.
        at: When, in seconds since the test began.
        done: What was done to it, as scripts write it, without secrets: ``raise(OSError('x'))``, ``off``.
        process: The number of the process that made the call; None for that of the test.
    """

    args: tuple[Any, ...]
    kwargs: dict[str, Any]
    at: float
    done: str
    process: int | None = None


class Injection(ScriptedFault):
    """A script on one place or several: what it has done so far, and what it has still to do.

    Made by `Faults.inject`. As a context manager it is disarmed at the end of the block.

    Attributes:
        name: The place, or the places.
        places: Where the fault is armed.
        script: What was armed.
        gate: Where the calls wait that a ``pause`` or ``hang`` holds.
        chance: The random numbers of its chances and ranges.
        strict: Whether a fault that never fires fails the test.

    Example:
        ::

            outage = faults.inject("Redis.connect", "3*raise(ConnectionError('refused'))")
            connect()
            assert [call.done for call in outage.calls][-1] == "off"
            assert (outage.fired, outage.exhausted, outage.pending) == (3, True, "")
    """

    is_ours = staticmethod(is_of_the_code_under_test)

    def __init__(
        self,
        places: list[Place],
        script: Script,
        timeline: Timeline,
        *,
        seed: object = 0,
        when: Callable[..., object] | None = None,
        strict: bool = True,
    ) -> None:
        name = ", ".join(place.name for place in places)
        super().__init__(name, script, seed=seed, when=when, now_ns=timeline.now_ns)
        self.strict = strict
        self.places = places
        self._timeline = timeline
        self._calls: list[InjectedCall] = []
        self._is_armed = False
        self._elsewhere: Elsewhere | None = None

    @property
    def calls(self) -> list[InjectedCall]:
        """The calls that came, in order, whether a fault struck them or not."""
        with self._lock:
            return list(self._calls)

    def arm(self) -> Self:
        """Arm the fault at its places: all of them, or none if one refuses."""
        with contextlib.ExitStack() as undoing:
            for place in self.places:
                place.arm(self)
                undoing.callback(place.disarm, self)
            self._is_armed = True
            undoing.pop_all()
        return self

    def disarm(self) -> None:
        """End the fault: calls go through from now on, and those that it holds end. Harmless when it has ended."""
        if not self._is_armed:
            return
        self._is_armed = False
        with contextlib.ExitStack() as undoing:
            undoing.callback(self.gate.open, is_over=True)
            for place in self.places:
                undoing.callback(place.disarm, self)

    def spread(self, place: Elsewhere) -> None:
        """Arm the fault in other processes as well, if it has not ended."""
        if self._is_armed:
            place.arm(self)
            self.places.append(place)
            self._elsewhere = place

    def resume(self) -> None:
        """Let every call go on that waits at a ``pause``."""
        self.gate.open()

    def wait_reached(self, n: int = 1) -> None:
        """Wait until ``n`` calls wait at a ``pause`` or ``hang`` at the same time.

        For as long as that takes: in virtual time a wait that can never end is a `DeadlockError`.

        Example:
            ``injection.wait_reached(2); take_the_database_away(); injection.resume()``
        """
        if self._elsewhere is not None:
            self._elsewhere.wait_until(lambda: self.gate.count >= n)
        self.gate.wait_reached(n)

    def crash(self) -> NoReturn:
        """End the program as a crash would, as far as the process of a test may end.

        Raises:
            Crash: Always.
        """
        raise Crash(f"the program dies here, at {self.name}")

    def _note(self, args: tuple[Any, ...], kwargs: dict[str, Any], done: str, process: int | None) -> None:
        self._calls.append(InjectedCall(args, dict(kwargs), self._timeline.now(), done, process))

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.disarm()

    def __repr__(self) -> str:
        return f"<Injection {self.name}={shown(str(self.script))}, fired {self.fired}>"
