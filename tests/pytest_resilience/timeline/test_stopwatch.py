"""What time a test is said to have taken, whichever tool is in charge of the clock."""

from __future__ import annotations

import time

import freezegun

from pytest_resilience import Retries, RetryLog, VirtualClock
from pytest_resilience._timeline.timeline import Stopwatch
from resilience import func_retry


def test_frozen_time_counts_as_far_as_it_is_moved():
    """Freezing and thawing set clocks to other instants, which is no time that passes; moving them does."""
    stopwatch = Stopwatch()
    with freezegun.freeze_time("2020-01-01") as frozen:
        before = stopwatch.seconds()
        frozen.tick(300)
        assert stopwatch.seconds() - before == 300.0
        with freezegun.freeze_time("1999-01-01"):
            assert stopwatch.seconds() - before == 300.0
        frozen.move_to("2019-01-01")
        assert stopwatch.seconds() - before == 300.0
    assert 300.0 <= stopwatch.seconds() < 3600.0


def test_virtual_time_counts():
    """In a virtual clock it is exact, also inside of frozen time."""
    with VirtualClock():
        stopwatch = Stopwatch()
        time.sleep(100)
        assert stopwatch.seconds() == 100.0
        with freezegun.freeze_time("2020-01-01"):
            assert stopwatch.seconds() == 100.0
            time.sleep(50)
            assert stopwatch.seconds() == 150.0


def test_what_happens_in_frozen_time_has_a_sensible_time():
    """Calls and log lines count from the beginning of the test, not from 1970."""

    @func_retry
    def fetch():
        return "stock"

    with Retries() as retries, RetryLog() as log, freezegun.freeze_time("2020-01-01"):
        fetch()
        log_of = log.lines
    assert 0 <= retries["fetch"][0].at < 3600
    assert log_of == []
