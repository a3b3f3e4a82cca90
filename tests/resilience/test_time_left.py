"""`time_left`: how much is left of the nearest deadline, for whoever runs inside the call."""

from __future__ import annotations

import asyncio
import threading
import time

import pytest
import tenacity

from resilience import create_retry_decorator, time_left


def test_time_left_is_none_without_a_deadline(mode):
    """Outside a call, and in a call without ``timeout``, there is no deadline to ask for."""
    assert time_left() is None
    assert mode.run(create_retry_decorator()(mode.of(time_left))) is None


def test_time_left_counts_down_over_the_attempts(timed_mode, virtual_clock):
    """Each attempt can ask how much time is left of the whole call."""
    left = []

    def body():
        left.append(time_left())
        raise ConnectionError("refused")

    timed_mode.fails(create_retry_decorator(9, timeout=10.0, wait=tenacity.wait_fixed(3))(timed_mode.of(body)))
    assert left == [10.0, 7.0, 4.0, 1.0]
    assert time_left() is None


def test_time_left_is_never_negative(virtual_clock):
    """An attempt that overruns the deadline has no time left."""

    @create_retry_decorator(timeout=1.0)
    def fetch():
        time.sleep(5)
        return time_left()

    assert fetch() == 0.0


@pytest.mark.parametrize(("outer", "inner", "left"), [(10.0, 4.0, 4.0), (4.0, 10.0, 4.0)])
def test_of_nested_calls_the_nearest_deadline_counts(timed_mode, virtual_clock, outer, inner, left):
    """A call inside a call can't have more time than the outer one."""
    seen = []
    if timed_mode.is_async:

        @create_retry_decorator(timeout=inner)
        async def fetch_async():
            seen.append(time_left())

        @create_retry_decorator(timeout=outer)
        async def order_async():
            await fetch_async()
            seen.append(time_left())

        timed_mode.run(order_async)
    else:

        @create_retry_decorator(timeout=inner)
        def fetch():
            seen.append(time_left())

        @create_retry_decorator(timeout=outer)
        def order():
            fetch()
            seen.append(time_left())

        timed_mode.run(order)
    assert seen == [left, outer]


def test_tasks_have_their_own_deadlines(virtual_clock):
    """Calls that run at the same time don't see each other's deadlines."""
    seen = {}

    async def fetch(seconds):
        @create_retry_decorator(timeout=seconds)
        async def attempt():
            await asyncio.sleep(1)
            seen[seconds] = time_left()

        await attempt()

    async def main():
        await asyncio.gather(fetch(5.0), fetch(7.0), fetch(60.0))
        assert time_left() is None

    asyncio.run(main())
    assert seen == {5.0: 4.0, 7.0: 6.0, 60.0: 59.0}


def test_a_thread_that_an_attempt_starts_has_no_deadline(sync_mode):
    """The deadline is that of the context in which the attempt runs."""
    seen = []

    def body():
        thread = threading.Thread(target=lambda: seen.append(time_left()))
        thread.start()
        thread.join()

    sync_mode.run(create_retry_decorator(timeout=10.0)(sync_mode.of(body)))
    assert seen == [None]
