"""Exceptions that signal handlers raise, at whatever moment, and contexts that change in the middle of a call."""

from __future__ import annotations

import asyncio
import contextlib
import contextvars
import logging
import random
import signal
import types

import pytest
import tenacity

from resilience import create_retry_decorator, time_left

NO_WAIT = tenacity.wait_none()
INTERRUPTS = 1500


class TimeUp(BaseException):
    """What the handler raises, as Ctrl-C does."""


@pytest.mark.slow
@pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning")  # what strikes in a finalizer
@pytest.mark.parametrize("kind", ["succeeds", "fails"])
def test_no_deadline_is_left_behind_by_an_interrupt(kind, caplog):
    """However a call with a timeout is broken off, there is no deadline after it, and the next call is whole."""
    caplog.set_level(logging.CRITICAL, logger="resilience")
    attempts = 0

    @create_retry_decorator(3, timeout=600.0, wait=NO_WAIT, retry_on=KeyError)
    def fetch():
        nonlocal attempts
        attempts += 1
        if kind == "fails" and attempts % 3:
            raise KeyError(attempts)

    def fetch_until_struck():
        while not struck:  # what strikes in a finalizer is raised to nobody
            fetch()

    def strike(*_):
        nonlocal struck
        struck = True
        raise TimeUp

    moments = random.Random(4711)
    left_behind = 0
    before = signal.signal(signal.SIGALRM, strike)
    try:
        for _ in range(INTERRUPTS):
            struck = False
            with contextlib.suppress(TimeUp):
                signal.setitimer(signal.ITIMER_REAL, moments.uniform(20e-6, 400e-6))
                fetch_until_struck()
            left_behind += time_left() is not None
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, before)
    assert left_behind == 0
    attempts = 0
    fetch()
    assert attempts == (3 if kind == "fails" else 1)


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
