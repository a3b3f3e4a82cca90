"""A real outage: the folder of the database is not there for the first ten minutes."""

from __future__ import annotations

import contextlib
import threading
from pathlib import Path

import pytest

from orders.database import connect, save, states
from pytest_resilience import Retries, VirtualClock

pytestmark = pytest.mark.resilience


def test_waits_for_the_volume_to_be_mounted(tmp_path: Path, retries: Retries, virtual_clock: VirtualClock) -> None:
    """SQLite's own errors are waited out, until a timer makes the folder."""
    volume = tmp_path / "volume"
    timer = threading.Timer(600, volume.mkdir)
    timer.start()

    with contextlib.closing(connect(volume / "orders.db")) as database:
        save(database, "A1", 1000, "paid")
        assert states(database) == {"A1": "paid"}

    timer.join()
    assert 600 <= virtual_clock.elapsed <= 600 + 30
    (call,) = retries["Database.connect"]
    assert {str(attempt.error) for attempt in call.attempts[:-1]} == {"unable to open database file"}
