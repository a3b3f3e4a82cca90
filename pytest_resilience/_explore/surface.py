"""`explore`: the exploration of a plain function, for scripts, unittest and Hypothesis."""

from __future__ import annotations

import contextlib
import inspect
from collections.abc import Callable, Sequence
from typing import Any, final

from pytest_resilience._explore.explorer import Explorer
from pytest_resilience._explore.findings import Exploration
from pytest_resilience._explore.limits import Budget, limits_of
from pytest_resilience._explore.subject import Around, Ending
from pytest_resilience._pytest.fixture_state import FixtureState
from pytest_resilience._pytest.options import Options
from pytest_resilience.clock import VirtualClock

_MOST_ATTEMPTS = 2_000  # of one run, which takes seconds; policies that end make fewer
_MOST_SECONDS = 86_400.0  # of virtual time in one run, as in a test of pytest


@final
class FunctionSubject:
    """A function that takes nothing, as something to explore.

    Attributes:
        seed: From which random numbers are drawn, together with the function's name.
    """

    def __init__(self, function: Callable[[], Any], seed: int) -> None:
        self.seed = seed
        self.test = function
        self._seed = f"{seed}:{getattr(function, '__qualname__', '')}"
        self._limits = Options(
            active=True, seed=seed, seed_given=True, max_attempts=_MOST_ATTEMPTS, max_virtual_s=_MOST_SECONDS
        )

    def run(self, around: Around) -> Ending:
        """Call the function once, in an event loop where it is async."""
        errors: list[BaseException] = []
        state: FixtureState | None = None
        clock = VirtualClock()
        try:
            with clock:
                state = FixtureState(self._seed, self._limits, clock)
                with state:
                    try:
                        with around():
                            self._call()
                    except KeyboardInterrupt:
                        raise
                    except BaseException as error:  # noqa: BLE001  # it is judged, and not lost
                        errors.append(error)
        except UserWarning as complaint:  # of the clock, where warnings are errors
            errors.append(complaint)
        timeline, beyond = (None, None) if state is None else (state.timeline, state.beyond)
        return Ending(errors, beyond, timeline)

    def forget(self) -> None:
        """Nothing of a run is kept."""

    def _call(self) -> None:
        if not inspect.iscoroutinefunction(self.test):
            self.test()
            return
        import asyncio

        with contextlib.closing(asyncio.new_event_loop()) as loop:
            loop.run_until_complete(self.test())


def explore(
    function: Callable[[], Any],
    *,
    faults: int = 1,
    schedules: int = 1,
    points: Sequence[str | Callable[..., Any]] = (),
    allowed: Sequence[type[BaseException]] = (),
    budget: int | str | Budget | None = None,
    seed: int = 0,
) -> Exploration:
    """Run a function again and again, each time with something else going wrong, and return what is a bug.

    For scripts, unittest and Hypothesis; a test of pytest is marked ``@pytest.mark.explore`` instead. Each run is in
    virtual time, and must begin afresh: whatever the function uses, it makes itself.

    Args:
        function: What is run, without arguments; a coroutine function runs in an event loop of asyncio.
        faults: How many faults one run may have at most.
        schedules: How many deviations of the schedule of its threads one run may have at most.
        points: What can fail besides the decorated callables, failpoints, routes and proxies that the function
            reaches: functions, names as `Faults.inject` takes them, patterns of these, such as ``"orders.stock:*"``,
            requests of httpx (``"GET https://api.example.com/*"``) and connections (``"tcp://db.internal:5432"``).
        allowed: Exception types that may come out besides the injected error and what is made from it by ``from``.
        budget: A number of runs, or real time such as ``"30s"``. Default: 200 runs.
        seed: From which random numbers are drawn in each run.

    Raises:
        TypeError, ValueError: An argument that makes no sense.
        NotExplorableError: The function fails without faults, reaches no point, or takes another course each time.

    Example:
        ``assert not explore(place_an_order).findings``
    """
    if not callable(function):
        raise TypeError(f"explore() takes a function to be run, got {function!r}")
    limits = limits_of(faults=faults, schedules=schedules, points=points, allowed=allowed, budget=budget)
    return Explorer(FunctionSubject(function, seed), limits).explore()
