"""Exceptions that say that there is nothing more to come: they are no failures."""

from __future__ import annotations

import asyncio
import queue

import pytest

from resilience import conn_retry, continuous_retry, create_retry_decorator

DECORATORS = {
    "retry": create_retry_decorator(),
    "connection": conn_retry("Queue", "get"),
    "continuous": continuous_retry(),
}
SIGNALS = [StopIteration, StopAsyncIteration]
SIGNALS += [
    vars(module)[name] for module, name in ((queue, "ShutDown"), (asyncio, "QueueShutDown")) if hasattr(module, name)
]


@pytest.mark.parametrize("decorator", DECORATORS)
@pytest.mark.parametrize("kind", SIGNALS)
def test_a_signal_is_passed_on_at_once_and_without_a_word(mode, log, ends, decorator, kind):
    """It is raised as it is after one attempt, with no note, and no line tells of it."""
    if mode.is_async and kind is StopIteration:
        pytest.skip("a coroutine can't raise it")
    error = kind("no more")
    assert mode.fails(DECORATORS[decorator](mode.function(error)), kind) is error
    assert mode.attempts == 1
    assert not hasattr(error, "__notes__")
    assert [text.partition("] ")[2] for _, text in log.lines] == (
        ["get started..."] if decorator == "connection" else []
    )
    assert [(end.outcome, end.reason, end.error) for end in ends] == [("succeeded", None, error)]


def test_a_loop_over_a_retried_iterator_ends():
    """``__next__`` may be decorated."""

    class Rows:
        def __init__(self):
            self.left = [1, 2]

        def __iter__(self):
            return self

        @create_retry_decorator()
        def __next__(self):
            if not self.left:
                raise StopIteration
            return self.left.pop(0)

    assert list(Rows()) == [1, 2]


def test_a_loop_over_a_retried_async_iterator_ends(async_mode):
    """``__anext__`` may be, too."""

    class Rows:
        def __init__(self):
            self.left = [1, 2]

        def __aiter__(self):
            return self

        @create_retry_decorator()
        async def __anext__(self):
            if not self.left:
                raise StopAsyncIteration
            return self.left.pop(0)

    async def read():
        return [row async for row in Rows()]

    assert async_mode.run(read) == [1, 2]


def test_a_signal_after_a_failure_ends_the_call_well(mode, log, ends):
    """A call that failed first and then had nothing more has recovered."""
    fetch = create_retry_decorator()(mode.function(ConnectionError, StopAsyncIteration))
    mode.waits_of(fetch)
    mode.fails(fetch, StopAsyncIteration)
    assert log.texts("ERROR") == []
    assert [(end.outcome, end.attempts) for end in ends] == [("recovered", 2)]


def test_a_group_of_signals_is_one(mode, ends):
    """What task groups make of signals is passed on likewise; beside a failure, it is not retried either."""
    signals = ExceptionGroup("tasks", [StopAsyncIteration(), StopAsyncIteration()])
    mixed = ExceptionGroup("tasks", [StopAsyncIteration(), ConnectionError("refused")])
    mode.fails(create_retry_decorator()(mode.function(signals)))
    mode.fails(create_retry_decorator()(mode.function(mixed)))
    assert mode.attempts == 2
    assert [(end.outcome, end.reason) for end in ends] == [("succeeded", None), ("gave_up", "excluded")]


def test_what_only_looks_like_a_signal_is_a_failure(sync_mode):
    """A class of the same name from elsewhere is an error like any other; a subclass of a signal is a signal."""

    class ShutDown(Exception):  # noqa: N818  # the name is the point
        pass

    class Exhausted(StopIteration):
        pass

    fetch = create_retry_decorator(2)(sync_mode.function(ShutDown))
    sync_mode.waits_of(fetch)
    sync_mode.fails(fetch, ShutDown)
    assert sync_mode.attempts == 2
    sync_mode.fails(create_retry_decorator(2)(sync_mode.function(Exhausted)), Exhausted)
    assert sync_mode.attempts == 3
