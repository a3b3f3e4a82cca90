"""Functions and failpoints as places: what an action does to a call."""

from __future__ import annotations

import contextlib
import inspect
import time
from collections.abc import Callable
from typing import Any, Final, final

from pytest_resilience._faults.injection import Injection
from pytest_resilience._faults.targets import Target
from pytest_resilience._own_calls import own_calls
from resilience.errors import Crash
from resilience.testing import (
    Action,
    Call,
    CrashHere,
    Decision,
    Hang,
    Pause,
    PlaceKind,
    Raise,
    Return,
    Sleep,
    sleep_async,
)

_GOES_ON: Final = object()


@final
class FunctionPlace:
    """A function or failpoint, with the injections that stand between it and its callers.

    Attributes:
        name: The failpoint, or ``module:qualname``.
        kind: ``function``.
    """

    kind: PlaceKind = "function"

    def __init__(self, target: Target) -> None:
        self.name = target.name
        self._target = target
        self._injections: list[Injection] = []
        self._interception = contextlib.ExitStack()

    def arm(self, injection: Injection) -> None:
        """Ask the injection first; the function is replaced by its stand-in with the first of them."""
        if not self._injections:
            self._interception.enter_context(self._target.intercepted(self))
        self._injections.insert(0, injection)

    def disarm(self, injection: Injection) -> None:
        """Ask it no more; with the last of them the function is back."""
        self._injections.remove(injection)
        if not self._injections:
            self._interception.close()

    def call(self, function: Callable[..., Any], args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
        """Answer for the function as the scripts say."""
        injection, decision = self._decide(args, kwargs)
        if decision is None or injection is None:
            return function(*args, **kwargs)
        result = function(*args, **kwargs) if decision.after else None
        with own_calls():
            _wait(decision.action, injection)
        answer = _answer(decision.action, args, kwargs, injection)
        if answer is not _GOES_ON:
            return answer
        return result if decision.after else function(*args, **kwargs)

    async def call_async(self, function: Callable[..., Any], args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
        """Answer for an async function as the scripts say."""
        injection, decision = self._decide(args, kwargs)
        if decision is None or injection is None:
            return await function(*args, **kwargs)
        result = await function(*args, **kwargs) if decision.after else None
        with own_calls():
            await _wait_async(decision.action, injection)
        answer = _answer(decision.action, args, kwargs, injection)
        if answer is not _GOES_ON:
            return await answer if isinstance(decision.action, Call) and inspect.isawaitable(answer) else answer
        return result if decision.after else await function(*args, **kwargs)

    def _decide(self, args: tuple[Any, ...], kwargs: dict[str, Any]) -> tuple[Injection | None, Decision | None]:
        for injection in self._injections.copy():
            decision = injection.decide(*args, **kwargs)
            if decision is not None:
                return injection, decision
        return None, None


def _wait(action: Action, injection: Injection) -> None:
    if isinstance(action, Sleep):
        time.sleep(action.seconds)
    elif isinstance(action, (Hang, Pause)):
        injection.gate.wait()


async def _wait_async(action: Action, injection: Injection) -> None:
    if isinstance(action, Sleep):
        await sleep_async(action.seconds)
    elif isinstance(action, (Hang, Pause)):
        await injection.gate.wait_async()


def _answer(action: Action, args: tuple[Any, ...], kwargs: dict[str, Any], injection: Injection) -> Any:
    """What the action says in place of the function; `_GOES_ON` where it says nothing."""
    if isinstance(action, Raise):
        raise action.error
    if isinstance(action, Return):
        return action.value
    if isinstance(action, Call):
        return action.function(*args, **kwargs)
    if isinstance(action, CrashHere):
        raise Crash(f"the program dies here, at {injection.name}")
    return _GOES_ON
