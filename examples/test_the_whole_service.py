"""The service as it runs in production: threads, an event loop, SQLite, and HTTP over real sockets."""

from __future__ import annotations

import pytest

from orders.__main__ import run
from pytest_resilience import Retries, VirtualClock

pytestmark = pytest.mark.resilience


def test_five_orders_from_the_queue_to_the_parcel(
    capsys: pytest.CaptureFixture[str], retries: Retries, virtual_clock: VirtualClock
) -> None:
    """Each order is paid and has its parcel, though every third answer of the provider is a 503."""
    run()

    assert capsys.readouterr().out.splitlines() == [
        f"order A{number}: paid, parcel TRACK-A{number}" for number in range(1, 6)
    ]
    assert "recovered" in {call.outcome for call in retries["charge"]}
    assert "recovered" in {call.outcome for call in retries["book"]}
    assert virtual_clock.elapsed >= 3
