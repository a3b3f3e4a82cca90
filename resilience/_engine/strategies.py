"""The tenacity strategies of the kit: the jittered wait, the predicate of a policy, and a stop that says why."""

from __future__ import annotations

import math
import random
import time
from collections.abc import Callable
from typing import Any, Final, final

import tenacity
from tenacity.wait import wait_base

from resilience._engine.retry_after import retry_after_of
from resilience._engine.stop import stops
from resilience._engine.stopping import retries_are_off
from resilience._events import Reason
from resilience._policy import Policy, Seconds, check_seconds
from resilience._support.kinds import is_async

_LARGEST_EXPONENT: Final = 64  # 2.0 ** 1024 is an OverflowError, and no clock can wait 2.0 ** 64 seconds

StopStrategy = Callable[[tenacity.RetryCallState], bool]


@final
class wait_equal_jitter(wait_base):  # noqa: N801  # named as tenacity names its strategies
    """Exponential backoff with equal jitter, also at the cap.

    Before attempt n + 1 it waits a uniform draw from [c/2, c] seconds, with c = min(2**n, max_wait). The lower half
    keeps the familiar 1, 2, 4, 8 s; the draw keeps a fleet that has reached the cap from retrying in step.

    Args:
        max_wait: The cap in seconds, at least 0.

    Raises:
        TypeError: Not a number.
        ValueError: Negative, NaN, infinite, or longer than a clock can wait.

    Source: "Exponential Backoff And Jitter", AWS Architecture Blog, 2015.

    Example:
        ``tenacity.retry(wait=wait_equal_jitter(max_wait=30.0))``
    """

    def __init__(self, max_wait: Seconds = 30.0) -> None:
        self.max_wait = check_seconds("max_wait", max_wait, zero=True)

    def bounds(self, attempt: int) -> tuple[float, float]:
        """Return the shortest and the longest wait after the given attempt, in seconds."""
        ceiling = min(2.0 ** min(attempt, _LARGEST_EXPONENT), self.max_wait)
        return ceiling / 2, ceiling

    def __call__(self, retry_state: tenacity.RetryCallState) -> float:
        return random.uniform(*self.bounds(retry_state.attempt_number))  # noqa: S311  # jitter is no secret


@final
class RetryOn(tenacity.retry_base):
    """The predicate of a policy.

    Attributes:
        asks_results: Whether a result, too, may be retried. Where none is, the first attempt may be a direct call.
    """

    def __init__(self, policy: Policy) -> None:
        self._policy = policy
        self.asks_results = policy.retry_on_result is not None

    def __call__(self, retry_state: tenacity.RetryCallState) -> bool:
        outcome, of_result = retry_state.outcome, self._policy.retry_on_result
        if outcome is None:
            return False
        if outcome.failed:
            error = outcome.exception()
            return error is not None and self._policy.retries(error)
        return of_result is not None and bool(of_result(outcome.result()))


@final
class StopWithReason:
    """Asks a stop strategy, the server, the deadline and the stop event whether a call ends, and keeps why.

    Args:
        stop: The strategy.
        policy: What knows the stop event, and how long a server may ask to wait.
        deadline_ns: After when no attempt may start, in nanoseconds of ``time.monotonic_ns()``; None for no deadline.

    Attributes:
        reason: Why the call ends; None while it goes on.
        asked_s: How long the server asked to be left alone after the latest attempt, in seconds.
    """

    def __init__(self, stop: StopStrategy, policy: Policy, deadline_ns: int | None) -> None:
        self.reason: Reason | None = None
        self.asked_s = 0.0
        self._stop = stop
        self._policy = policy
        self._deadline_ns = deadline_ns

    @property
    def asks_too_much(self) -> bool:
        """Whether the server asked for more time than a call of this policy waits."""
        return self.asked_s > self._policy.max_retry_after

    def strategy(self) -> Any:
        """Return itself as a strategy for tenacity, async where the strategy that it asks is."""
        return self._ask_async if is_async(self._stop) else self._ask

    def _ask(self, state: tenacity.RetryCallState) -> bool:
        return self._conclude(_reason_of(self._stop, state), state)

    async def _ask_async(self, state: tenacity.RetryCallState) -> bool:
        stops: Any = self._stop(state)
        return self._conclude("attempts" if await stops else None, state)

    def _conclude(self, reason: Reason | None, state: tenacity.RetryCallState) -> bool:
        deadline_ns = self._deadline_ns
        if retries_are_off():
            reason = "attempts"
        elif stops(self._policy.stop_event):
            reason = "stop_event"
        elif reason is None and self.asks_too_much:
            reason = "deadline"
        elif reason is None and deadline_ns is not None:
            left_ns = deadline_ns - time.monotonic_ns()
            reason = "deadline" if left_ns <= 0 or round(state.upcoming_sleep * 1e9) > left_ns else None
        self.reason = reason
        return reason is not None


def _reason_of(stop: Any, state: tenacity.RetryCallState) -> Reason | None:
    """Return why a stop strategy, which may be made of others, ends the call; None where it does not."""
    if isinstance(stop, tenacity.stop_any):
        return next(filter(None, (_reason_of(each, state) for each in stop.stops)), None)
    if not stop(state):
        return None
    if isinstance(stop, (tenacity.stop_after_delay, tenacity.stop_before_delay)):
        return "deadline"
    return "stop_event" if isinstance(stop, tenacity.stop_when_event_set) else "attempts"


def wait_as_asked(wait: Callable[[tenacity.RetryCallState], Any], stop: StopWithReason) -> Any:
    """Return a wait strategy that is never shorter than the ``Retry-After`` of the error; async where ``wait`` is.

    The stop strategy is told what was asked: it is asked next, and may find it too much.
    """

    def as_asked(state: tenacity.RetryCallState, seconds: float) -> float:
        outcome = state.outcome
        error = outcome.exception() if outcome is not None and outcome.failed else None
        stop.asked_s = 0.0 if error is None else retry_after_of(error)
        return max(_checked(wait, seconds), stop.asked_s)

    if is_async(wait):

        async def wait_async(state: tenacity.RetryCallState) -> float:
            return as_asked(state, await wait(state))

        return wait_async
    return lambda state: as_asked(state, wait(state))


def _checked(wait: object, seconds: float) -> float:
    """Return what a wait strategy has returned, or raise where nobody can wait that long."""
    try:
        possible = 0 <= seconds < math.inf
    except TypeError:
        possible = False
    if possible:
        return seconds
    raise ValueError(
        f"a wait strategy must return a finite number of seconds, at least 0; {wait!r} returned {seconds!r}"
    )


Bounds = tuple[float, float]


def wait_bounds(policy: Policy, attempt: int, error: BaseException | None, own: Bounds | None = None) -> Bounds | None:
    """Return the shortest and the longest wait after a failed attempt, in seconds.

    Args:
        policy: What the decorator was told.
        attempt: The number of the attempt; 1 for the first.
        error: What it raised. Its ``Retry-After`` is never undercut, and may make the wait longer.
        own: The bounds instead of those of the policy, for a ``wait=`` of the user's own.

    Returns:
        None where nobody knows what such a wait strategy may wait.

    Example:
        ``wait_bounds(call.policy, 3, None) == (4.0, 8.0)``
    """
    wait = policy.wait
    if own is None and isinstance(wait, wait_equal_jitter):
        own = wait.bounds(attempt)
    if own is None and isinstance(wait, tenacity.wait_fixed):
        own = wait.wait_fixed, wait.wait_fixed
    if own is None:
        return None
    asked = 0.0 if error is None else retry_after_of(error)
    return max(own[0], asked), max(own[1], asked)
