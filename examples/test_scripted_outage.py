"""An outage that a file scripts: here in virtual time, and in real time around any command."""

from __future__ import annotations

from pathlib import Path

import pytest

from orders.__main__ import run
from pytest_resilience import Faults, Retries, VirtualClock

pytestmark = pytest.mark.resilience


def test_every_order_outlives_the_outage(
    capsys: pytest.CaptureFixture[str], faults: Faults, retries: Retries, virtual_clock: VirtualClock
) -> None:
    """``python -m pytest_resilience outage.toml -- python -m orders`` does the same to the real program."""
    database, payments = faults.run(Path(__file__).with_name("outage.toml"))
    run()

    assert len(capsys.readouterr().out.splitlines()) == 5
    assert database.fired >= 2
    assert payments.fired == 2
    assert "recovered" in {call.outcome for call in retries["Database.connect"]}
    assert virtual_clock.elapsed >= 5
