"""Functions and failpoints as places: what an action does to a call."""

from __future__ import annotations

import contextlib
import inspect
import time
import weakref
from collections.abc import Callable
from typing import Any, Final, NoReturn, Protocol, final

from resilience._engine.stop import sleep_async
from resilience._failpoints.functions.targets import Target
from resilience._failpoints.own_calls import own_calls
from resilience._failpoints.script.actions.action import Action, PlaceKind
from resilience._failpoints.script.actions.functions import Call, CrashHere, Hang, Pause, Raise, Return, Sleep
from resilience._failpoints.script.run import Decision
from resilience._support.fork import renewed_lock

_GOES_ON: Final = object()


class Waitable(Protocol):
    """Where calls are held."""

    def wait(self) -> object:
        """Wait in a thread until it may go on."""

    async def wait_async(self) -> None:
        """Wait in a task until it may go on."""


class Fault(Protocol):
    """What decides the calls of a function."""

    @property
    def gate(self) -> Waitable:
        """Where calls wait that a ``pause`` or ``hang`` holds."""

    @property
    def is_ours(self) -> Callable[[], bool]:
        """Tells whether the fault is for the call that is being made; it lets others through unseen."""

    def decide(self, *args: Any, **kwargs: Any) -> Decision | None:
        """Say what becomes of a call; None where that is another's business."""

    def crash(self) -> NoReturn:
        """Let the program die."""


@final
class FunctionPlace:
    """A function or failpoint, with the faults that stand between it and its callers.

    Attributes:
        name: The failpoint, or ``module:qualname``.
        kind: ``function``, or ``class``.
        overlooked: Names what else holds the function, where no fault strikes.
    """

    def __init__(self, target: Target) -> None:
        self.name = target.name
        self.kind: PlaceKind = target.kind
        self.overlooked = target.overlooked
        self._target = target
        self._faults: list[Fault] = []
        self._interception = contextlib.ExitStack()
        self._changing = renewed_lock(self, "_changing")

    def arm(self, fault: Fault) -> None:
        """Ask the fault first; the function is replaced by its stand-in with the first of them."""
        with self._changing:
            if not self._faults:
                self._interception.enter_context(self._target.intercepted(self))
            self._faults.insert(0, fault)

    def disarm(self, fault: Fault) -> None:
        """Ask this fault no more; after the last the function is back. Harmless where another has taken its place."""
        with self._changing:
            if fault not in self._faults:
                return
            self._faults.remove(fault)
            if not self._faults:
                self._interception.close()

    def replace(self, fault: Fault, other: Fault) -> None:
        """Ask another fault in the place of one."""
        self._faults[self._faults.index(fault)] = other

    def call(self, function: Callable[..., Any], args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
        fault, decision = self._decide(args, kwargs)
        if decision is None or fault is None:
            return function(*args, **kwargs)
        result = function(*args, **kwargs) if decision.after else None
        with own_calls():
            _wait(decision.action, fault.gate)
        answer = _answer(decision.action, args, kwargs, fault)
        if answer is not _GOES_ON:
            return answer
        return result if decision.after else function(*args, **kwargs)

    async def call_async(self, function: Callable[..., Any], args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
        fault, decision = self._decide(args, kwargs)
        if decision is None or fault is None:
            return await function(*args, **kwargs)
        result = await function(*args, **kwargs) if decision.after else None
        with own_calls():
            await _wait_async(decision.action, fault.gate)
        answer = _answer(decision.action, args, kwargs, fault)
        if answer is not _GOES_ON:
            return await answer if isinstance(decision.action, Call) and inspect.isawaitable(answer) else answer
        return result if decision.after else await function(*args, **kwargs)

    def _decide(self, args: tuple[Any, ...], kwargs: dict[str, Any]) -> tuple[Fault | None, Decision | None]:
        for fault in self._faults.copy():
            decision = fault.decide(*args, **kwargs) if fault.is_ours() else None
            if decision is not None:
                return fault, decision
        return None, None


_places: Final[weakref.WeakValueDictionary[object, FunctionPlace]] = weakref.WeakValueDictionary()


def place_at(target: Target) -> FunctionPlace:
    """The place of a target, which is the same for all who arm it: only so are their faults asked in one order."""
    place = _places.get(target.key)
    return place if place is not None else _places.setdefault(target.key, FunctionPlace(target))


def _wait(action: Action, gate: Waitable) -> None:
    if isinstance(action, Sleep):
        time.sleep(action.seconds)
    elif isinstance(action, (Hang, Pause)):
        gate.wait()


async def _wait_async(action: Action, gate: Waitable) -> None:
    if isinstance(action, Sleep):
        await sleep_async(action.seconds)
    elif isinstance(action, (Hang, Pause)):
        await gate.wait_async()


def _answer(action: Action, args: tuple[Any, ...], kwargs: dict[str, Any], fault: Fault) -> Any:
    """What the action says in place of the function; `_GOES_ON` where it says nothing."""
    if isinstance(action, Raise):
        raise action.error
    if isinstance(action, Return):
        return action.value
    if isinstance(action, Call):
        return action.function(*args, **kwargs)
    if isinstance(action, CrashHere):
        fault.crash()
    return _GOES_ON
