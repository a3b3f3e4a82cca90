"""`stop_event`, which every decorator takes."""

from __future__ import annotations

import threading

import pytest

from resilience import conn_retry, create_retry_decorator

MAKERS = {
    "retry": lambda stop: create_retry_decorator(5, max_wait=3600.0, stop_event=stop),
    "connection": lambda stop: conn_retry("Redis", "connect", stop_event=stop),
}
every_maker = pytest.mark.parametrize("maker", MAKERS)


@every_maker
def test_a_set_event_ends_the_sleep_at_once(timed_mode, virtual_clock, ends, maker):
    """When another thread sets the event, the sleep ends, and the last error is raised."""
    stop = threading.Event()
    setter = threading.Timer(0.5, stop.set)
    setter.start()
    raised = timed_mode.fails(MAKERS[maker](stop)(timed_mode.function(ConnectionError)))
    setter.join()
    assert virtual_clock.elapsed == 0.5
    assert raised.__notes__[0].endswith("gave up after 1 attempt, reason: stop_event (the stop event is set)")
    assert [end.reason for end in ends] == ["stop_event"]


@every_maker
def test_an_event_that_is_not_set_changes_nothing(mode, maker):
    """Calls are retried as ever."""
    fetch = MAKERS[maker](threading.Event())(mode.function(ConnectionError, "stock"))
    mode.waits_of(fetch)
    assert mode.run(fetch) == "stock"


def test_a_stopped_connection_alerts_nobody(mode, log):
    """That it gives up was asked for: one line at INFO."""
    stop = threading.Event()
    stop.set()
    mode.fails(conn_retry("Redis", "connect", 1, stop_event=stop)(mode.function(ConnectionError)))
    assert [(level, text.partition("] ")[2]) for level, text in log.lines] == [
        ("INFO", "connect started..."),
        ("INFO", "connect failed after retries: refused"),
    ]
