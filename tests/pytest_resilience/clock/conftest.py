"""The clock as the tests of the clock use it."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from pytest_resilience.clock import VirtualClock

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator


@pytest.fixture
def clock() -> Iterator[VirtualClock]:
    """A virtual clock, open during the test."""
    with VirtualClock() as clock:
        yield clock


@pytest.fixture
def run_often() -> Callable[..., list[object]]:
    """What a program logs, the same in each of eight clocks, before which memory is laid out anew."""

    def run(
        program: Callable[[list[object]], object], before: Callable[[int], object] = lambda number: None
    ) -> list[object]:
        logs: list[list[object]] = []
        churn = []
        for number in range(8):
            churn.append([bytearray(40 + number * 16) for _ in range(number * 37)])
            before(number)
            logs.append([])
            with VirtualClock():
                program(logs[-1])
        assert logs == [logs[0]] * 8
        return logs[0]

    return run
