"""The database is away for three attempts, and the service is there when it comes back."""

from __future__ import annotations

import contextlib
import sqlite3
from pathlib import Path

import pytest

from orders.database import connect, states
from pytest_resilience import Faults, Retries, VirtualClock, fail

pytestmark = pytest.mark.resilience


def test_connects_at_the_fourth_attempt(
    tmp_path: Path, faults: Faults, retries: Retries, virtual_clock: VirtualClock
) -> None:
    """Three scripted failures are waited out, and the fourth attempt opens the real file."""
    faults.inject("Database.connect", fail(sqlite3.OperationalError("unable to open database file")).times(3))

    with contextlib.closing(connect(tmp_path / "orders.db")) as database:
        assert states(database) == {}

    retries.assert_recovered("Database.connect", attempts=4)
    assert 1 + 2 + 4 <= virtual_clock.elapsed <= 2 + 4 + 8
