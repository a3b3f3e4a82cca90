"""What is behind ``.retry``: tenacity's controllers, which also know when a direct call means the same."""

from __future__ import annotations

import threading
from collections.abc import Callable
from typing import Any, Final, cast, final

import tenacity

from resilience._engine.stop import AsyncSleep, Sleep
from resilience._engine.strategies import RetryOn, wait_equal_jitter
from resilience._policy import Policy

_NO_HOOK: Final = (None, tenacity.before_nothing, tenacity.after_nothing)
_TIMELESS_STOPS: Final = frozenset({tenacity.stop_after_attempt, type(tenacity.stop_never)})
_TIMELESS_WAITS: Final[frozenset[type]] = frozenset({
    wait_equal_jitter, tenacity.wait_fixed, tenacity.wait_none, tenacity.wait_random, tenacity.wait_incrementing,
    tenacity.wait_exponential, tenacity.wait_random_exponential, tenacity.wait_exponential_jitter,
})  # fmt: skip
_DECISIVE: Final = frozenset({
    "after", "before", "before_sleep", "enabled", "keeps_time", "retry", "retry_error_callback", "stop", "wait",
})  # fmt: skip


class _Statistics(dict[str, Any]):
    """The statistics of the latest call. They are pickled without it: in another process, none was made."""

    def __reduce__(self) -> tuple[Any, ...]:
        return type(self), ()


class Controller(tenacity.BaseRetrying):
    """A tenacity controller that keeps the shared statistics of a decorated callable.

    Users change its attributes at run time (``fn.retry.sleep = ...``), so what follows from them is decided again
    whenever one changes.

    Attributes:
        plain: The first attempt needs nothing of tenacity: the predicate is ours, and no hook comes before it.
        direct: Besides, ``statistics`` already say what they have to say after a call that succeeds at once, and the
            wrapper keeps the time if anybody may ask for it.
        timed: A strategy or a hook may ask when the call began.
        keeps_time: The wrapper of this controller looks at the clock when a call begins.
    """

    enabled: bool = True  # tenacity before 9.2 has no such switch
    plain: bool = False
    direct: bool = False
    timed: bool = False
    keeps_time: bool = False

    def __setattr__(self, name: str, value: object) -> None:
        object.__setattr__(self, name, value)
        if name in _DECISIVE:
            own = {each: self.__dict__.get(each) for each in _DECISIVE}
            predicate = own["retry"]
            only_errors = isinstance(predicate, RetryOn) and not predicate.asks_results
            self.plain = self.enabled is True and own["before"] in _NO_HOOK and only_errors
            self.timed = not (
                type(own["stop"]) in _TIMELESS_STOPS
                and type(own["wait"]) in _TIMELESS_WAITS
                and own["after"] in _NO_HOOK
                and own["before_sleep"] is own["retry_error_callback"] is None
            )
            self._decide()

    @property
    def statistics(self) -> dict[str, Any]:
        return cast("dict[str, Any]", self.__dict__.setdefault("_statistics", _Statistics()))

    def __getstate__(self) -> dict[str, Any]:
        """Leave out what belongs to the threads of this process, so that a decorated callable can be pickled."""
        return {name: value for name, value in self.__dict__.items() if name != "_local"}

    def __setstate__(self, state: dict[str, Any]) -> None:
        self.__dict__.update(state, _local=threading.local())
        self._decide()

    def publish(self, statistics: dict[str, Any]) -> None:
        """Show the statistics of a call that has ended, in the one dictionary that users hold."""
        self.statistics.update(statistics)  # always the same keys, so that no reader ever misses one
        self._decide()

    def _decide(self) -> None:
        known = self.keeps_time or not self.timed
        self.direct = self.plain and known and self.statistics.get("attempt_number") == 1


@final
class SyncController(Controller, tenacity.Retrying):
    """The controller of a function."""


@final
class AsyncController(Controller, tenacity.AsyncRetrying):
    """The controller of an async function; its hooks may be async too."""


def sleep_for(policy: Policy, *, is_async: bool) -> Callable[[float], Any]:
    """Return the sleep between attempts, which ends at once where the call is to stop."""
    return AsyncSleep(policy.stop_event) if is_async else Sleep(policy.stop_event)


def controller_for(policy: Policy, *, is_async: bool) -> Controller:
    attempts = policy.max_attempts
    kind = AsyncController if is_async else SyncController
    return kind(
        sleep=sleep_for(policy, is_async=is_async),
        stop=tenacity.stop_never if attempts is None else tenacity.stop_after_attempt(attempts),
        wait=policy.wait,
        retry=RetryOn(policy),
        reraise=policy.reraise,
    )
