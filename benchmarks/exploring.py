"""How fast runs are, what exploring finds in the corpus and how long that takes, and what others find for asyncio.

detangle and simloom (from Python 3.12 on) explore schedules of tasks on loops of their own; of faults they know those
that a program asks them for. They are used where they are installed.
"""

from __future__ import annotations

import importlib
import inspect
import logging
import pkgutil
import time
from collections.abc import Callable, Coroutine
from types import ModuleType
from typing import Any

import tests.corpus.services as corpus
from benchmarks import _trivial
from pytest_resilience import explore

RUNS = 200  # the budget of each
ROUNDS = 5  # of which the best counts: the others shared the machine
Scenario = Callable[[], Coroutine[Any, Any, Any]]


def main() -> None:
    for name, rate in {"function": _trivial.by_function, "marked test": _trivial.by_marker}.items():
        print(f"runs of a trivial {name} in a second of CPU time: {max(rate() for _ in range(ROUNDS)):.0f}")
    logging.getLogger().addHandler(logging.NullHandler())
    print(f"\n{'':<30}{'found':>8}{'twin':>8}{'runs':>7}{'time':>9}   {'detangle: found, twin, time':<29}simloom")
    for name in sorted(each.name for each in pkgutil.iter_modules(corpus.__path__)):
        service = importlib.import_module(f"{corpus.__name__}.{name}")
        started = time.perf_counter()
        bug, twin = (explored(service, kind) for kind in (service.Broken, service.Sound))
        taken = time.perf_counter() - started
        found = "yes" if bug.findings else "NO"
        right = "ACCUSED" if twin.findings else "right"
        print(
            f"{name:<30}{found:>8}{right:>8}{bug.runs + twin.runs:>7}{taken:>7.2f} s   "
            f"{by(accuses_by_detangle, service):<29}{by(accuses_by_simloom, service)}"
        )


def scenario_of(service: ModuleType, kind: type) -> Callable[[], Any]:
    """The scenario of a service with one of its twins."""
    if not inspect.iscoroutinefunction(service.scenario):
        return lambda: service.scenario(kind())

    async def scenario() -> None:
        await service.scenario(kind())

    return scenario


def explored(service: ModuleType, kind: type) -> Any:
    """What exploring one of the twins comes to."""
    try:
        return explore(scenario_of(service, kind), budget=RUNS, **getattr(service, "limits", {}))
    finally:
        getattr(service, "clean_up", lambda: None)()


def by(accuses: Callable[[Scenario], bool], service: ModuleType) -> str:
    """What another explorer says of a service for asyncio."""
    if not inspect.iscoroutinefunction(service.scenario):
        return "threads, or no tasks at all"
    started = time.perf_counter()
    try:
        found = [accuses(scenario_of(service, kind)) for kind in (service.Broken, service.Sound)]
    except ModuleNotFoundError:
        return "not installed"
    said = ", ".join(("yes" if found[0] else "no", "ACCUSED" if found[1] else "right"))
    return f"{said}, {time.perf_counter() - started:.2f} s"


def accuses_by_detangle(scenario: Scenario) -> bool:
    """Whether detangle finds a bug in a scenario."""
    import detangle

    try:
        detangle.explore(scenario, runs=RUNS, database=False)
    except Exception as bug:  # of one of its many kinds
        return type(bug).__module__.startswith("detangle")
    return False


def accuses_by_simloom(scenario: Scenario) -> bool:
    """Whether simloom finds a bug in a scenario."""
    import simloom

    return bool(simloom.explore(scenario, runs=RUNS).failed)


if __name__ == "__main__":
    main()
