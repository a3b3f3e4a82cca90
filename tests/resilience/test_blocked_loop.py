"""A plain function that waits for another attempt where an event loop runs: the loop stands still, and that is said."""

from __future__ import annotations

import asyncio
import inspect
import warnings

import pytest

from pytest_resilience import VirtualClock
from resilience import create_retry_decorator, func_retry
from resilience.typing import retried

MESSAGE = (
    "'fetch' is no async function and waits 2.00 s for another attempt in a thread that runs an event loop, which "
    "stands still meanwhile: make it async, or call it with asyncio.to_thread()"
)


@pytest.fixture
def clock():
    """Sleep in virtual time."""
    with VirtualClock() as clock:
        yield clock


def failing(decorator):
    """A plain function that fails once."""
    attempts = []

    @decorator
    def fetch():
        attempts.append(None)
        if len(attempts) == 1:
            raise ConnectionError("refused")
        return "stock"

    return fetch


def two_seconds(_state):
    """Wait for two seconds."""
    return 2.0


@pytest.mark.usefixtures("clock")
def test_a_sync_retry_in_an_event_loop_is_warned_of(async_mode):
    """The warning names the function and what to write, and blames the line that calls it."""
    fetch = failing(create_retry_decorator(wait=two_seconds))

    async def main():
        return fetch()

    with pytest.warns(RuntimeWarning) as caught:
        assert async_mode.run(main) == "stock"
    assert [str(each.message) for each in caught] == [MESSAGE]
    assert caught[0].filename == __file__
    assert caught[0].lineno == inspect.getsourcelines(main)[1] + 1


@pytest.mark.usefixtures("clock")
def test_where_no_loop_runs_nothing_is_said():
    """A thread of its own may sleep, and so may the main thread."""
    fetch = failing(create_retry_decorator(wait=two_seconds))

    async def main():
        return await asyncio.to_thread(fetch)

    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert asyncio.run(main()) == "stock"
        assert failing(func_retry)() == "stock"


def test_what_does_not_sleep_blocks_nothing():
    """A wait of no time, a sleep of one's own, and a function that turns out to be async are no reason to warn."""
    at_once = failing(create_retry_decorator(max_wait=0))
    own = failing(create_retry_decorator())
    own.retry.sleep = lambda _seconds: None

    async def refuse():
        raise ConnectionError("refused")

    turned_out = create_retry_decorator(max_wait=0.001)(lambda: refuse())

    async def main():
        assert [at_once(), own()] == ["stock", "stock"]
        with pytest.raises(ConnectionError):
            await turned_out()

    with warnings.catch_warnings():
        warnings.simplefilter("error")
        asyncio.run(main())


def test_only_a_decorated_callable_has_what_retried_shows():
    """What is shown to type checkers is the callable itself, and anything else is refused."""
    fetch = failing(func_retry)
    assert retried(fetch) is fetch
    with pytest.raises(TypeError) as refused:
        retried(len)
    assert str(refused.value) == (
        "only a decorated callable has a controller and statistics, got <built-in function len>"
    )
