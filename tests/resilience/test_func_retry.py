"""`func_retry`: the decorator that is ready made."""

from __future__ import annotations

import pytest

from resilience import func_retry


def test_it_makes_five_attempts(mode):
    """A call that never succeeds is tried five times, and the last error is raised as it is."""
    error = ConnectionError("refused")
    fetch = func_retry(mode.function(error))
    mode.waits_of(fetch)
    assert mode.fails(fetch) is error
    assert mode.attempts == 5


def test_it_waits_and_logs_as_create_retry_decorator_does(mode, log):
    """Its waits are jittered exponentially and its lines have no context."""
    fetch = func_retry(mode.function(ConnectionError, "stock"))
    waits = mode.waits_of(fetch)
    assert mode.run(fetch) == "stock"
    assert len(waits) == 1
    assert 1.0 <= waits[0] <= 2.0
    assert log.lines == [
        ("WARNING", "Retry attempt 1 for 'fetch': ConnectionError: refused"),
        ("INFO", "Recovered at attempt 2 for 'fetch'"),
    ]


def test_it_decorates_many_functions(mode):
    """Each function that it decorates has a controller of its own."""
    first = func_retry(mode.function("first"))
    second = func_retry(mode.function("second"))
    assert (mode.run(first), mode.run(second)) == ("first", "second")
    assert first.retry is not second.retry


def test_it_says_where_arguments_go():
    """A ready-made decorator that is given arguments says what to write instead."""
    ready_made = func_retry
    with pytest.raises(TypeError) as refused:
        ready_made(max_attempts=3)
    assert str(refused.value) == (
        "a retry decorator that is ready made takes no arguments, got max_attempts: write "
        "@create_retry_decorator(...) with them above the function"
    )
