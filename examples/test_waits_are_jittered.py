"""After an outage the clients come back one by one, and not all at the same instant."""

from __future__ import annotations

from pathlib import Path

import pytest

from orders.database import connect
from pytest_resilience import Faults, Retries

pytestmark = [pytest.mark.resilience, pytest.mark.usefixtures("virtual_clock")]


def test_a_fleet_does_not_retry_in_step(tmp_path: Path, faults: Faults, retries: Retries) -> None:
    """Twenty clients wait within the policy, and differently from each other, also at its cap of 30 s."""
    for _ in range(20):
        faults.inject("Database.connect", "12*raise(ConnectionError('refused'))")
        connect(tmp_path / "orders.db").close()

    retries.assert_waits("Database.connect")
    retries.assert_jittered("Database.connect")

    at_the_cap = [call.waits[-1] for call in retries["Database.connect"]]
    assert all(15 <= wait <= 30 for wait in at_the_cap)
    assert len(set(at_the_cap)) == 20
