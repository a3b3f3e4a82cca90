"""Who may listen, and what becomes of a listener that raises: whose fault it is, and that the kit's own go on."""

from __future__ import annotations

import contextlib
import functools
import importlib
import logging
import signal
import threading

import pytest
import tenacity

import resilience
from resilience import create_retry_decorator, subscribe
from resilience import events as events_module
from resilience.events import AttemptFailed, CallEnded, CallStarted, Event, FaultInjected, ListenerRemoved, stream

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


def test_a_listener_that_raises_hurts_no_call(mode, events, caplog):
    """It is logged once and removed for good; calls and other listeners go on."""
    heard = []

    def broken(event):
        heard.append(event)
        raise ValueError("a listener's bug")

    end = subscribe(broken, CallStarted, AttemptFailed, CallEnded)
    fetch = create_retry_decorator(3, wait=tenacity.wait_none())(mode.function(KeyError, "stock"))
    try:
        assert mode.run(fetch) == "stock"
        assert mode.run(fetch) == "stock"
    finally:
        end()
    complaints = [record for record in caplog.records if "listener" in record.getMessage()]
    assert len(heard) == 1
    assert len(complaints) == 1
    assert complaints[0].levelno == logging.ERROR
    assert complaints[0].name == "resilience"
    assert "broken" in complaints[0].getMessage()
    assert len(events) == 5


class Unreadable:
    """A listener that raises, whatever is done with it."""

    def __repr__(self):
        raise RuntimeError("no repr")

    def __call__(self, event):
        raise ValueError("a listener's bug")


@pytest.mark.parametrize(("listener", "name"), [(Unreadable(), "Unreadable"), (Unreadable().__call__, "method")])
def test_a_listener_without_a_readable_repr_hurts_no_call(sync_mode, caplog, listener, name):
    """It is removed like any other that raises, and called by its type."""
    end = subscribe(listener, CallEnded)
    try:
        sync_mode.run(create_retry_decorator()(sync_mode.function("stock")))
    finally:
        end()
    (complaint,) = [record.getMessage() for record in caplog.records]
    assert f"<{name} whose repr can't be read>" in complaint


def test_a_listener_that_raises_in_many_threads_is_logged_once(caplog):
    """Threads that are in one listener at the same time complain about it once."""
    together = threading.Barrier(8)

    def broken(event):
        together.wait()
        raise ValueError("a listener's bug")

    end = subscribe(broken, FaultInjected)
    threads = [threading.Thread(target=lambda: events_module.stream.emit(FaultInjected("a", "b"))) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    end()
    assert len(caplog.records) == 1


def test_a_listener_that_was_removed_leaves_calls_as_fast_as_before(sync_mode):
    """After the only listener has raised, calls that succeed at once are made without events again."""
    observed = events_module.stream.observed

    def broken(event):
        raise ValueError("a listener's bug")

    end = subscribe(broken, CallStarted)
    try:
        sync_mode.run(create_retry_decorator()(sync_mode.function("stock")))
        assert events_module.stream.observed is observed
    finally:
        end()
    assert events_module.stream.observed is observed


def test_the_complaint_about_a_listener_holds_no_secret(mode, caplog):
    """What a listener raises may quote the error that it was told of, so it is redacted like any other."""

    def broken(event):
        raise ValueError(f"can't count {event.error}")

    end = subscribe(broken, CallEnded)
    try:
        mode.fails(create_retry_decorator(1)(mode.function(ConnectionError("postgres://app:hunter2@db/orders"))))
    finally:
        end()
    assert "listener" in caplog.text
    assert "hunter2" not in caplog.text


@pytest.mark.parametrize("kind", [int, "CallEnded", None, Event, Unreadable()])
def test_what_is_never_emitted_can_not_be_subscribed_to(kind):
    """A subscription that would never be served is refused, and the refusal names those that are."""
    with pytest.raises(
        TypeError,
        match=r"^kind must be a type of event, got .*; there are: CallStarted, AttemptFailed, CallEnded, .*, ListenerRemoved$",
    ):
        subscribe(print, kind)
    with pytest.raises(TypeError, match=r"^kind must be a type of event"):
        subscribe(print, CallEnded, kind)


def test_a_listener_must_be_callable():
    """What can't be called is refused at once instead of being removed with its first event."""
    listener = 5
    with pytest.raises(TypeError, match=r"^a listener must be callable with an event, got 5$"):
        subscribe(listener, CallEnded)


class AsyncListener:
    """A listener whose call is a coroutine."""

    async def __call__(self, event):
        raise AssertionError


async def listen_async(event):
    """Listen when awaited, which nobody does."""
    raise AssertionError


@pytest.mark.parametrize("listener", [listen_async, functools.partial(listen_async), AsyncListener()])
def test_an_async_listener_is_refused(listener):
    """A listener that would have to be awaited never hears of anything, and that is said where it subscribes."""
    with pytest.raises(TypeError) as refused:
        subscribe(listener, CallEnded)
    assert str(refused.value) == (
        f"a listener must be a plain function, got the async {listener!r}, which nobody would await: "
        "let a plain one put the event into a queue, or make a task of it"
    )
