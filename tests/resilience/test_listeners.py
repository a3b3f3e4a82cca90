"""What becomes of a listener that raises: whose fault it is, and that the kit's own go on whatever they raise."""

from __future__ import annotations

import contextlib
import functools
import importlib
import logging
import signal
from typing import TYPE_CHECKING

import pytest

import resilience
from resilience import create_retry_decorator, subscribe
from resilience.events import CallEnded, ListenerRemoved, stream

if TYPE_CHECKING:
    pass

GAVE_UP = ("ERROR", "Giving up after 1 attempts for 'fetch': ConnectionError: refused")
fails = create_retry_decorator(1)


class TimeLimitError(Exception):
    """What the handler of a soft time limit raises."""


@pytest.fixture
def removed():
    """Which listeners were removed."""
    seen = []
    end = stream.subscribe(seen.append, ListenerRemoved)
    yield seen
    end()


@pytest.mark.parametrize("kind", [RecursionError, MemoryError])
def test_a_full_stack_or_memory_is_not_the_listener_s_fault(mode, removed, kind):
    """A listener that runs out of what the program has used up is called again with the next event."""
    calls = 0

    def listen(_event):
        nonlocal calls
        calls += 1
        if calls == 1:
            raise kind

    end = subscribe(listen, CallEnded)
    try:
        for _ in range(3):
            mode.fails(fails(mode.function(ConnectionError)), ConnectionError)
    finally:
        end()
    assert calls >= 3
    assert removed == []


def test_a_runaway_recursion_costs_the_kit_none_of_its_own_listeners(sync_mode, log, caplog):
    """However near to the limit of the stack calls have failed, the next one that gives up is logged."""
    fetch = fails(sync_mode.function(ConnectionError))

    def descend():
        try:
            descend()
        finally:
            with contextlib.suppress(ConnectionError, RecursionError):
                fetch()

    with pytest.raises(RecursionError):
        descend()
    caplog.clear()
    sync_mode.fails(fails(sync_mode.function(ConnectionError)))
    assert log.lines == [GAVE_UP]


class Limit:
    """A handler that is an object."""

    def __call__(self, *_):
        raise TimeLimitError("an object")

    def method(self, *_):
        """A handler that is a method."""
        raise TimeLimitError("a method")


def limit(*_):
    """A handler that has another function raise."""
    Limit().method()


@pytest.mark.parametrize(
    "handler",
    [Limit(), Limit().method, limit, functools.partial(limit, 1)],
    ids=["object", "method", "function", "partial"],
)
def test_what_a_signal_handler_raises_is_passed_on(sync_mode, removed, handler):
    """A time limit that strikes inside a listener reaches the caller, after the others were told, and removes none."""
    told = []

    def listen(_event):
        signal.raise_signal(signal.SIGUSR1)

    before = signal.signal(signal.SIGUSR1, handler)
    ends = [subscribe(listen, CallEnded), subscribe(told.append, CallEnded)]
    try:
        for _ in range(2):
            sync_mode.fails(fails(sync_mode.function(ConnectionError)), TimeLimitError)
    finally:
        signal.signal(signal.SIGUSR1, before)
        for end in ends:
            end()
    assert len(told) == 2
    assert removed == []


def test_what_strikes_while_a_line_is_written_is_passed_on(sync_mode, log):
    """A time limit is not mistaken for the bug of a logging filter, which is shown and forgotten."""

    def strike(_record):
        signal.raise_signal(signal.SIGUSR1)
        return True

    logger = logging.getLogger("resilience")
    before = signal.signal(signal.SIGUSR1, limit)
    logger.addFilter(strike)
    try:
        sync_mode.fails(fails(sync_mode.function(ConnectionError)), TimeLimitError)
    finally:
        logger.removeFilter(strike)
        signal.signal(signal.SIGUSR1, before)
    sync_mode.fails(fails(sync_mode.function(ConnectionError)))
    assert log.lines == [GAVE_UP]


def test_a_listener_that_raises_of_its_own_accord_is_removed(sync_mode, removed):
    """An error that no signal handler has raised is that of the listener, also beside a handler that is set."""

    def listen(_event):
        raise TimeLimitError("of its own")

    before = signal.signal(signal.SIGUSR1, limit)
    try:
        subscribe(listen, CallEnded)
        sync_mode.fails(fails(sync_mode.function(ConnectionError)), ConnectionError)
    finally:
        signal.signal(signal.SIGUSR1, before)
    assert [type(event.error) for event in removed] == [TimeLimitError]


def test_loading_the_package_again_doubles_no_line(sync_mode, log):
    """After `importlib.reload`, each line is written once."""
    for name in ("resilience._log", "resilience._alerts.admission.listener", "resilience"):
        importlib.reload(importlib.import_module(name))
    sync_mode.fails(resilience.create_retry_decorator(1)(sync_mode.function(ConnectionError)))
    assert log.lines == [GAVE_UP]
