"""Runs per second of processor time of an exploration, of a trivial test; detangle beside it where it is installed.

Our runs are those of a plan and those that see whether it has poisoned the test. Those of detangle are in its own loop
of asyncio, without threads, faults, fixtures, or a look at what they leave behind.
"""

from __future__ import annotations

import asyncio
import contextlib
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path

from pytest_resilience import explore
from resilience import create_retry_decorator

LEAST = 300
TIMES = 20
MARKED = """
import time

import pytest
from resilience import create_retry_decorator

began = []

@create_retry_decorator(max_attempts=3)
def fetch():
    return 1

@pytest.mark.explore
@pytest.mark.parametrize("number", range(20))
def test_fetch(number):
    began.append(time.process_time())
    assert fetch() == 1

def test_how_long_it_took():
    print(f"runs per second: {(len(began) - 1) / (began[-1] - began[0])}")
"""


@create_retry_decorator(max_attempts=3)
def fetch() -> int:
    return 1


def one_call() -> None:
    runs.append(1)
    assert fetch() == 1


async def two_tasks() -> None:
    runs.append(1)
    await asyncio.gather(asyncio.sleep(1), asyncio.sleep(1.005))


runs: list[int] = []


def per_second(work: Callable[[], object]) -> float:
    runs.clear()
    began = time.process_time()
    for _ in range(TIMES):
        work()
    return len(runs) / (time.process_time() - began)


def marked() -> float:
    """Runs of a test that is marked, between the first and the last, by itself."""
    with tempfile.TemporaryDirectory() as folder:
        Path(folder, "test_fetch.py").write_text(MARKED)
        command = [sys.executable, "-m", "pytest", "--resilience", "-qs", "-p", "no:cacheprovider", "-p", "no:randomly"]
        said = subprocess.run([*command, folder], capture_output=True, text=True, check=True).stdout
    return float(said.partition("runs per second: ")[2].split()[0])


def contenders() -> Iterator[tuple[str, float]]:
    yield "explore(), one decorated call", per_second(lambda: explore(one_call))
    yield "@pytest.mark.explore, the same", marked()
    yield "explore(), two tasks of asyncio", per_second(lambda: explore(two_tasks))
    with contextlib.suppress(ImportError):
        import detangle

        yield "detangle, the same tasks", per_second(lambda: detangle.explore(two_tasks, runs=50, database=False))


def main() -> None:
    print("\nruns per second of processor time")
    for name, value in contenders():
        missed = "" if value >= LEAST else "  MISSED"
        print(f"  {name:<34}{value:>9.0f}, >= {LEAST}{missed}")


if __name__ == "__main__":
    main()
