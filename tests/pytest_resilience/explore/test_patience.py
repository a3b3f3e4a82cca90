"""Runs that never end, though time passes: more of it than the policies and timeouts of the calls allow."""

from __future__ import annotations

import asyncio
import contextlib
import threading
import time

import pytest
import trio

from pytest_resilience import explore
from resilience import create_retry_decorator


@create_retry_decorator(max_attempts=2, max_retry_after=60)
def fetch():
    """Get something, from whoever may be down."""
    return 1


@create_retry_decorator(max_attempts=2, max_retry_after=60)
async def fetch_async():
    """Do the same in an event loop."""
    return 1


def in_threads(*, ends):
    """A thread polls for what another one fetches, which swallows that it failed."""
    done = []

    def work():
        with contextlib.suppress(OSError):
            done.append(fetch())
        if ends:
            done.append(0)

    worker = threading.Thread(target=work)
    worker.start()
    while not done:
        time.sleep(5)
    worker.join()


async def in_tasks(sleep, spawn, *, ends):
    """Do the same in tasks."""
    done = []

    async def work():
        with contextlib.suppress(OSError):
            done.append(await fetch_async())
        if ends:
            done.append(0)

    spawn(work)
    while not done:
        await sleep(5)


def on_asyncio(*, ends):
    """Run the tasks on asyncio."""

    async def main():
        async with asyncio.TaskGroup() as group:
            await in_tasks(asyncio.sleep, lambda work: group.create_task(work()), ends=ends)

    asyncio.run(main())


def on_trio(*, ends):
    """Run the tasks on trio."""

    async def main():
        async with trio.open_nursery() as nursery:
            await in_tasks(trio.sleep, nursery.start_soon, ends=ends)

    trio.run(main)


@pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning")
@pytest.mark.parametrize("program", [in_threads, on_asyncio, on_trio])
def test_who_polls_for_ever_is_stuck(program):
    """The run is ended when more time has passed than retries and timeouts allow; the next one is as ever."""
    exploration = explore(lambda: program(ends=False), schedules=0, allowed=[ExceptionGroup])
    texts = [finding.text for finding in exploration.findings if finding.kind == "stuck"]
    assert len(texts) == 1
    assert " s of virtual time have passed, and the test is not over: without faults it takes " in texts[0]
    assert texts[0].endswith(" s, and the policies of its calls let them wait for 120 s")
    assert exploration.stopped == ""
    assert explore(lambda: program(ends=True), schedules=0, allowed=[ExceptionGroup]).findings == []


def test_who_waits_long_for_a_reason_is_not_stuck():
    """A program that lets half an hour pass after each failure has given up in the end, as it would in real time."""

    def trying():
        for _ in range(3):
            with contextlib.suppress(OSError):
                return fetch()
            time.sleep(1_200)
        raise ConnectionError("gave up")

    exploration = explore(trying, allowed=[ConnectionError])
    assert exploration.findings == []
    assert exploration.exhausted
