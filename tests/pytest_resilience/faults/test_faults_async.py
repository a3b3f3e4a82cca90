"""Faults on async functions: they strike under asyncio and trio, and may be cancellations."""

from __future__ import annotations

import asyncio

import pytest
import trio
import trio.testing

from pytest_resilience import Faults, VirtualClock
from resilience import create_retry_decorator


@create_retry_decorator(max_attempts=5, max_wait=0)
async def fetch_async(number=1):
    """Fetch."""
    return number


async def helper_async(number=1):
    """Help."""
    return number


def test_each_action_does_what_it_says_to_an_async_function():
    """A fault on an async function strikes when it is awaited, and its sleep lets other tasks run."""

    async def main():
        ticks = []

        async def tick():
            for _ in range(3):
                await asyncio.sleep(10)
                ticks.append(clock.elapsed)

        ticking = asyncio.create_task(tick())
        assert await helper_async(2) == 7
        assert await helper_async(2) == 2
        assert clock.elapsed == 25
        assert ticks == [10, 20]
        with pytest.raises(KeyError):
            await helper_async(4)
        assert await helper_async(5) == 5
        await ticking

    with VirtualClock() as clock, Faults() as faults:
        injection = faults.inject(helper_async, "1*return(7)->1*sleep(25)->1*raise(KeyError)")
        asyncio.run(main())

    assert injection.fired == 3


def test_faults_strike_under_trio():
    """A decorated async function is struck under trio, a sleep of the script being trio's own."""

    async def main():
        return await fetch_async(3)

    with Faults() as faults:
        injection = faults.inject(fetch_async, "2*raise(OSError)->1*sleep(100)")

        assert trio.run(main, clock=trio.testing.MockClock(autojump_threshold=0)) == 3

    assert injection.exhausted


def test_a_cancellation_can_be_injected():
    """A scripted CancelledError passes straight through the retries."""

    async def main():
        with pytest.raises(asyncio.CancelledError):
            await fetch_async()

    with Faults() as faults:
        injection = faults.inject(fetch_async, "raise(asyncio.CancelledError)")
        asyncio.run(main())

    assert len(injection.calls) == 1
