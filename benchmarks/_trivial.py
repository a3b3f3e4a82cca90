"""A test that does next to nothing, and what its runs cost when it is explored."""

from __future__ import annotations

import contextlib
import re
import subprocess
import sys
import time
from collections.abc import Iterator

import pytest

from pytest_resilience import explore
from resilience import failpoint

_SAYS = "runs a second: "
_WARM_UP = 20  # runs: imports, and the compiling of what is traced

stamps: list[float] = []
"""When each run began, in seconds of CPU time."""


def passes_eight_failpoints() -> None:
    stamps.append(time.process_time())
    for name in "abcdefgh":
        with contextlib.suppress(OSError):
            failpoint(name)


@pytest.fixture(scope="module", autouse=True)
def _rate_told() -> Iterator[None]:
    yield
    print(f"{_SAYS}{_rate():.0f}")


@pytest.mark.explore(faults=2)
def test_trivial() -> None:
    passes_eight_failpoints()


def by_function() -> float:
    """Return how many runs of a function a second of CPU time is enough for."""
    stamps.clear()
    explore(passes_eight_failpoints, faults=2)
    return _rate()


def by_marker() -> float:
    """Return the same for a test of pytest, all its fixtures and hooks included."""
    command = [sys.executable, "-m", "pytest", "--resilience", "-s", "-p", "no:cacheprovider", __file__]
    said = subprocess.run(command, check=True, capture_output=True, text=True).stdout
    (rate,) = re.findall(rf"{_SAYS}(\d+)", said)
    return float(rate)


def _rate() -> float:
    measured = stamps[_WARM_UP:]
    return (len(measured) - 1) / (measured[-1] - measured[0])
