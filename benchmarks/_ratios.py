"""Interleaved timing: every contender is timed in turn, round after round, so that all see the same machine."""

from __future__ import annotations

import gc
import statistics
import time
from collections.abc import Callable, Mapping


def interleaved(
    contenders: Mapping[str, Callable[[], object]], *, number: int, rounds: int = 15
) -> dict[str, list[float]]:
    """Return the nanoseconds of one call for each contender and round."""
    taken: dict[str, list[float]] = {name: [] for name in contenders}
    for run in contenders.values():
        run()
    gc.disable()
    try:
        for _ in range(rounds):
            for name, run in contenders.items():
                started = time.perf_counter_ns()
                for _ in range(number):
                    run()
                taken[name].append((time.perf_counter_ns() - started) / number)
    finally:
        gc.enable()
    return taken


def report(
    title: str, taken: Mapping[str, list[float]], *, base: str, targets: Mapping[str, float] | None = None
) -> None:
    """Print the median time of each contender, and its median ratio to the base, round by round."""
    print(f"\n{title}")
    print(f"  {'':<34}{'median':>12}{'ratio':>9}{'target':>9}")
    for name, times in taken.items():
        ratio = statistics.median(mine / theirs for mine, theirs in zip(times, taken[base], strict=True))
        target = (targets or {}).get(name)
        shown = "" if target is None else f"{f'<= {target:g}':>9}{'' if ratio <= target else '  MISSED'}"
        print(f"  {name:<34}{_time(statistics.median(times)):>12}{ratio:>9.2f}{shown}")


def _time(nanoseconds: float) -> str:
    for unit, size in (("s", 1e9), ("ms", 1e6), ("us", 1e3)):
        if nanoseconds >= size:
            return f"{nanoseconds / size:.2f} {unit}"
    return f"{nanoseconds:.0f} ns"
