"""Many threads and tasks on one decorated function: they share nothing."""

from __future__ import annotations

import asyncio
import sys
import threading

import pytest
import tenacity

from resilience import conn_retry, create_retry_decorator
from resilience.events import CallEnded, stream

NO_WAIT = tenacity.wait_none()


@pytest.fixture
def busy_threads():
    """Let threads take turns as often as possible."""
    before = sys.getswitchinterval()
    sys.setswitchinterval(1e-6)
    yield
    sys.setswitchinterval(before)


@pytest.mark.usefixtures("busy_threads")
@pytest.mark.parametrize("kind", ["retry", "connection", "deadline"])
def test_threads_share_nothing(kind):
    """Eight threads, all amid the same attempt at once, get their own results, errors, attempts and connection ids."""
    decorator = {
        "retry": create_retry_decorator(3, wait=NO_WAIT),
        "connection": conn_retry("Redis", "connect", 2, wait=NO_WAIT),
        "deadline": create_retry_decorator(3, timeout=600.0, wait=NO_WAIT),
    }[kind]
    local = threading.local()
    problems = []
    ended = []
    together = threading.Barrier(8)  # a number has as many attempts in each of the threads

    def body(number):
        local.attempts += 1
        together.wait(60)
        if local.attempts <= number % 4:
            raise ConnectionError(str(number))
        return number

    fetch = decorator(body)

    def call_many(thread):
        for call in range(20):
            number, local.attempts = thread * 1000 + call, 0
            try:
                outcome = fetch(number)
            except ConnectionError as error:
                outcome = str(error)
            except BaseException as error:  # whatever else comes out is the problem
                outcome = error
            expected = (number, number % 4 + 1) if number % 4 < 3 else (str(number), 3)
            if (outcome, local.attempts) != expected:
                problems.append((outcome, local.attempts, expected))

    end = stream.subscribe(ended.append, CallEnded)
    try:
        threads = [threading.Thread(target=call_many, args=(thread,)) for thread in range(8)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
    finally:
        end()
    assert problems == []
    assert len(ended) == 160
    assert sorted({each.attempts for each in ended}) == [1, 2, 3]
    assert sum(each.outcome == "gave_up" for each in ended) == 40
    if kind == "connection":
        assert len({each.call.conn_id for each in ended}) == 160


def test_tasks_share_nothing(async_mode):
    """Many tasks on one decorated function, taking turns at every attempt, keep their attempts apart."""
    results = {}

    async def pause():
        if async_mode.name == "asyncio":
            await asyncio.sleep(0)
        else:
            import trio

            await trio.lowlevel.checkpoint()

    @create_retry_decorator(3, wait=NO_WAIT)
    async def fetch(number, attempts):
        await pause()
        attempts.append(number)
        if len(attempts) <= number % 4:
            raise ConnectionError(str(number))
        return number, len(attempts)

    async def call(number):
        try:
            results[number] = await fetch(number, [])
        except ConnectionError as error:
            results[number] = str(error)

    async def main():
        if async_mode.name == "asyncio":
            await asyncio.gather(*map(call, range(100)))
            return
        import trio

        async with trio.open_nursery() as nursery:
            for number in range(100):
                nursery.start_soon(call, number)

    async_mode.run(main)
    assert results == {n: (n, n % 4 + 1) if n % 4 < 3 else str(n) for n in range(100)}
