"""Exceptions that signal handlers raise, at whatever moment, and contexts that change in the middle of a call."""

from __future__ import annotations

import asyncio
import contextvars
import types

import pytest
import tenacity

from resilience import create_retry_decorator, time_left

NO_WAIT = tenacity.wait_none()

STRUCK = """
import contextlib, logging, random, signal, sys
import tenacity
from resilience import create_retry_decorator, time_left

class TimeUp(BaseException):
    pass

fails, attempts, left_behind = sys.argv[1] == "fails", 0, 0
sys.unraisablehook = lambda _unraisable: None  # what strikes in a finalizer
logging.getLogger("resilience").setLevel(logging.CRITICAL)

@create_retry_decorator(3, timeout=600.0, wait=tenacity.wait_none(), retry_on=KeyError)
def fetch():
    global attempts
    attempts += 1
    if fails and attempts % 3:
        raise KeyError(attempts)

def fetch_until_struck():
    while not struck:  # what strikes in a finalizer is raised to nobody
        fetch()

def strike(*_):
    global struck
    struck = True
    raise TimeUp

moments = random.Random(4711)
signal.signal(signal.SIGALRM, strike)
fetch()  # logging, which keeps its lock when it is struck, looks up once whether a level is wanted
for _ in range(1500):
    struck = False
    with contextlib.suppress(TimeUp):
        signal.setitimer(signal.ITIMER_REAL, moments.uniform(20e-6, 400e-6))
        fetch_until_struck()
    left_behind += time_left() is not None
attempts = 0
fetch()
print(left_behind, attempts)
"""


@pytest.mark.parametrize(("kind", "attempts"), [("succeeds", 1), ("fails", 3)])
def test_no_deadline_is_left_behind_by_an_interrupt(run_program, kind, attempts):
    """However a call with a timeout is broken off, there is no deadline after it, and the next call is whole."""
    done = run_program(STRUCK, kind)
    assert (done.stdout, done.stderr) == (f"0 {attempts}\n", "")


def in_turns(coroutine):
    """Await a coroutine, each of its steps in another of two contexts."""
    contexts = [contextvars.copy_context(), contextvars.copy_context()]

    @types.coroutine
    def drive():
        value = None
        while True:
            contexts.reverse()
            try:
                yielded = contexts[0].run(coroutine.send, value)
            except StopIteration as end:
                return end.value
            value = yield yielded

    return drive()


def test_a_coroutine_that_is_stepped_from_two_contexts_is_run_once():
    """A successful attempt that ends in another context than it began in is a success, and not made again."""
    attempts = 0

    @create_retry_decorator(3, timeout=60.0, wait=NO_WAIT)
    async def fetch():
        nonlocal attempts
        attempts += 1
        await asyncio.sleep(0)
        assert time_left() is None or time_left() <= 60.0
        return "stock"

    async def main():
        return await in_turns(fetch()), time_left()

    assert asyncio.run(main()) == ("stock", None)
    assert attempts == 1


def test_a_coroutine_that_is_dropped_ends_without_a_word():
    """One that is closed from another context than it began in neither warns nor raises."""

    @create_retry_decorator(3, timeout=60.0)
    async def fetch():
        await asyncio.sleep(3600)

    async def main():
        coroutine = fetch()
        contextvars.copy_context().run(coroutine.send, None)
        contextvars.copy_context().run(coroutine.close)
        assert time_left() is None

    asyncio.run(main())


def test_a_task_that_outlives_its_call_has_no_deadline():
    """What an attempt leaves running in the background is not bound by the deadline of a call that is over."""
    seen = []

    async def later():
        await asyncio.sleep(0)
        seen.append(time_left())

    @create_retry_decorator(timeout=60.0)
    async def fetch():
        return asyncio.create_task(later())

    async def main():
        await (await fetch())

    asyncio.run(main())
    assert seen == [None]
