"""The clock as the tests of the clock use it."""

from __future__ import annotations

import pytest

from pytest_resilience.clock import VirtualClock
from pytest_resilience.clock._reach import real


@pytest.fixture
def run_often():
    """What a program logs, the same in each of eight clocks, before which memory is laid out anew."""

    def run(program, before=lambda number: None):
        logs = []
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


@pytest.fixture
def let_an_hour_pass_outside(monkeypatch):
    """What puts the real clock, by which the virtual one waits for others, an hour forward."""

    def let_pass():
        now = real.monotonic
        monkeypatch.setattr(real, "monotonic", lambda: now() + 3600)

    return let_pass
