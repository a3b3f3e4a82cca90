"""Faults and virtual time ask nothing of the code under test: here it is retried by tenacity, stamina and backoff."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

import httpx
import pytest
import tenacity

from pytest_resilience import Faults, VirtualClock

if TYPE_CHECKING:
    import backoff
    import stamina
else:
    backoff, stamina = pytest.importorskip("backoff"), pytest.importorskip("stamina")

pytestmark = pytest.mark.resilience


def fetch_price() -> float:
    """Ask over the network."""
    return float(httpx.get("https://prices.example/now").json())


@tenacity.retry(wait=tenacity.wait_exponential(min=1, max=60), stop=tenacity.stop_after_attempt(8))
def with_tenacity() -> float:
    """Fetch with tenacity."""
    return fetch_price()


@stamina.retry(on=ConnectionError, attempts=8, timeout=None, wait_initial=1, wait_max=60)
def with_stamina() -> float:
    """Fetch with stamina."""
    return fetch_price()


@backoff.on_exception(backoff.expo, ConnectionError, max_tries=8, jitter=None)
def with_backoff() -> float:
    """Fetch with backoff."""
    return fetch_price()


@pytest.mark.parametrize("fetch", [with_tenacity, with_stamina, with_backoff])
def test_survives_six_failures(fetch: Callable[[], float], faults: Faults, virtual_clock: VirtualClock) -> None:
    """The seventh attempt gets through, after a minute of backoff that nobody had to wait for."""
    outage = faults.inject(fetch_price, "6*raise(ConnectionError('refused'))->return(42.0)")

    assert fetch() == 42.0

    assert (outage.fired, len(outage.calls)) == (7, 7)
    assert len(virtual_clock.sleeps) == 6
    assert virtual_clock.elapsed > 60
