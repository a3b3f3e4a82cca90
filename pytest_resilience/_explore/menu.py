"""What can realistically go wrong at a call of a point: its menu of faults."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Final, final

from resilience.testing import Hang, PlaceKind, Script, crash, fail, hang, reset, status
from resilience.typing import Policy

_INJECTED: Final = "injected"
_USUAL: Final = (ConnectionError, OSError, RuntimeError, ValueError, LookupError)
_RETRY_AFTER_S: Final = 30  # longer than who ignores it waits before the second attempt
_FEW: Final = 2  # of the types that a policy names: one more tells little, and costs as many runs


@final
@dataclass(frozen=True, slots=True)
class Fault:
    """One fault at one call of a point, and at those that follow.

    Attributes:
        strike: A script of one term, without modifiers, that says what happens.
        calls: How many calls are struck in a row; None for all from there on.
        place: The code that stands for the place, where that is not its name; empty where nothing does.
    """

    strike: Script
    calls: int | None = 1
    place: str | None = None

    @property
    def after(self) -> bool:
        """Whether the call takes effect, and its answer is lost."""
        return self.strike.terms[0].after

    def script_from(self, call: int) -> Script:
        """Return the script that does the same, where this is the number of the call at which it begins."""
        if self.calls is None:
            return self.strike if call == 1 else self.strike.skip(call - 1)
        if call == 1:
            return self.strike.times(self.calls)
        if self.calls == 1:
            return self.strike.only(call)
        return Script.parse(f"{call - 1}*off").then(self.strike.times(self.calls))

    @property
    def hangs(self) -> bool:
        return isinstance(self.strike.terms[0].action, Hang)

    @property
    def is_replayable(self) -> bool:
        """Whether its script has a text that can be pasted."""
        return self.place != "" and self.strike.terms[0].action.replayable

    def __str__(self) -> str:
        extent = {1: "", None: ", and at every call from there on"}
        return f"{self.strike}{extent.get(self.calls, f', {self.calls} times in a row')}"


@final
class Menus:
    """The menus of one exploration, each made once."""

    def __init__(self) -> None:
        self._made: dict[object, tuple[Fault, ...]] = {}

    def at(
        self, policy: Policy | None, *, is_async: bool, ends_hangs: bool, is_bare: bool, arguments: Mapping[str, Any]
    ) -> tuple[Fault, ...]:
        """Return the faults that can happen at a call, the simplest first.

        Args:
            policy: What the decorator there was told; None where there is none.
            is_async: Whether the call is awaited, and so may be cancelled.
            ends_hangs: Whether a timeout may be what cancels it.
            is_bare: Whether it is a failpoint made by hand, which has no effect whose answer could be lost.
            arguments: The call's keyword arguments.
        """
        timed = "timeout" in arguments
        key = (None if policy is None else _told(policy), is_async, ends_hangs, is_bare, timed)
        if key not in self._made:
            faults = _faults(policy, is_async=is_async, is_bare=is_bare, timed=timed)
            hangs = [Fault(hang())] if ends_hangs or (is_async and policy and policy.timeout is not None) else []
            self._made[key] = (*faults, *hangs)
        return self._made[key]

    def served(self, kind: PlaceKind, written: str | None, *, timed: bool) -> tuple[Fault, ...]:
        """Return the faults that can happen at an HTTP or TCP place, the simplest first.

        Args:
            kind: Which of them it is.
            written: The code that stands for it.
            timed: Whether its client may give up waiting for an answer.
        """
        key = (kind, written, timed)
        if key not in self._made:
            strikes = [
                *([] if kind == "tcp" else [status(503), status(429, retry_after=_RETRY_AFTER_S)]),
                reset(),
                *([hang()] if timed else []),
                reset().after_effect(),
            ]
            self._made[key] = tuple(Fault(each, calls, written) for each in strikes for calls in (1, None))
        return self._made[key]


def _told(policy: Policy) -> object:
    """Return the part of a policy that the menu depends on; a decorator that is made again has the same."""
    return policy.retry_on, policy.exclude_exceptions, policy.max_attempts, policy.timeout


def _faults(policy: Policy | None, *, is_async: bool, is_bare: bool, timed: bool) -> Iterator[Fault]:
    first: Script | None = None
    for error in _retried(policy, timed=timed):
        strike = fail(error)
        first = first or strike
        yield from (Fault(strike, calls) for calls in _extents(policy))
    other = None if policy is None else _not_retried(policy)
    if other is not None:
        strike = fail(other)
        first = first or strike
        yield from (Fault(strike), Fault(strike, None))
    if first is not None and not is_bare:
        lost = first.after_effect()
        yield Fault(lost)
        if policy is None or _ends(policy):
            yield Fault(lost, None)
    if is_async:
        yield Fault(fail(asyncio.CancelledError()))
    yield Fault(crash())


def _extents(policy: Policy | None) -> list[int | None]:
    """For how many calls in a row a fault strikes that is retried: such that calls recover, and that they give up."""
    if policy is None:
        return [1, None]
    most = policy.max_attempts
    bursts = sorted({1, 2, *([] if most is None else [most])})
    return [*bursts, None] if _ends(policy) else [*bursts]


def _ends(policy: Policy) -> bool:
    """Whether a call ends although every attempt fails."""
    return policy.max_attempts is not None or policy.timeout is not None


def _retried(policy: Policy | None, *, timed: bool) -> list[BaseException]:
    if policy is None:
        return [OSError(_INJECTED)]
    named = policy.retry_on if isinstance(policy.retry_on, tuple) else ()
    made = [each for kind in named if kind not in {Exception, BaseException} for each in _made(kind)]
    found = [each for each in made if policy.retries(each)][:_FEW]
    if not found:
        found = [each for kind in _USUAL for each in _made(kind) if policy.retries(each)][:1]
    timeout = TimeoutError(_INJECTED)
    is_there = any(isinstance(each, TimeoutError) for each in found)
    if (timed or policy.timeout is not None) and not is_there and policy.retries(timeout):
        found.append(timeout)
    return found


def _not_retried(policy: Policy) -> BaseException | None:
    excluded = policy.exclude_exceptions if isinstance(policy.exclude_exceptions, tuple) else ()
    kinds = (*excluded, RuntimeError, *_USUAL)
    candidates = (each for kind in kinds if issubclass(kind, Exception) for each in _made(kind))
    return next((each for each in candidates if not policy.retries(each)), None)


def _made(kind: type[BaseException]) -> list[BaseException]:
    """Return an exception of a type, or nothing where that needs more than a text."""
    for arguments in ((_INJECTED,), ()):
        try:
            return [kind(*arguments)]
        except Exception:  # noqa: BLE001, S112  # the class is the user's, and may want anything
            continue
    return []
