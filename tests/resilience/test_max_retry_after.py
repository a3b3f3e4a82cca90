"""`max_retry_after`: a server that asks to be left alone for a day ends the call, instead of stopping it for a day."""

from __future__ import annotations

import pytest
import tenacity

from resilience import conn_retry, continuous_retry, create_retry_decorator
from tests.resilience.test_retry_after import LimitedError, http_error

WAIT = tenacity.wait_fixed(2)
MAKERS = {
    "retry": lambda **arguments: create_retry_decorator(5, wait=WAIT, **arguments),
    "connection": lambda **arguments: conn_retry("Redis", "connect", 5, wait=WAIT, **arguments),
    "continuous": continuous_retry,
}


@pytest.mark.parametrize("maker", MAKERS)
@pytest.mark.parametrize("asked", [86_400, 301, "86400"])
def test_more_than_300_seconds_are_not_waited_for(mode, ends, maker, asked):
    """By default, five minutes are the longest wait that a server can ask for: beyond it the call gives up at once."""
    fetch = MAKERS[maker]()(mode.function(LimitedError(asked)))
    waits = mode.waits_of(fetch)
    raised = mode.fails(fetch, LimitedError)
    assert waits == []
    assert [(end.outcome, end.reason, end.attempts, end.error) for end in ends] == [("gave_up", "deadline", 1, raised)]


@pytest.mark.parametrize("maker", MAKERS)
def test_the_longest_wait_is_yours_to_set(mode, maker):
    """What is asked for is waited for up to the limit, the limit itself included."""
    outcomes = [LimitedError(900), LimitedError(900.5), "stock"]
    fetch = MAKERS[maker](max_retry_after=900)(mode.function(*outcomes))
    waits = mode.waits_of(fetch)
    mode.fails(fetch, LimitedError)
    assert waits == [900.0]


def test_zero_waits_for_no_server(mode):
    """A call that can't wait for anybody gives up whatever the server asks, and is retried where it asks nothing."""
    fetch = create_retry_decorator(5, wait=WAIT, max_retry_after=0)(mode.function(KeyError, LimitedError(1)))
    waits = mode.waits_of(fetch)
    mode.fails(fetch, LimitedError)
    assert waits == [2.0]


def test_the_note_says_what_was_asked(mode):
    """The reason names the wait that the server asked for, and the limit."""
    fetch = create_retry_decorator(5)(mode.function(http_error("86400")))
    raised = mode.fails(fetch)
    assert raised.__notes__ == [
        "shop.stock:fetch: gave up after 1 attempt, reason: deadline "
        "(the server asked to wait 86400 s, more than max_retry_after, 300 s)"
    ]


def test_the_last_attempt_ends_for_want_of_attempts(mode, ends):
    """Where no attempt is left anyway, that is the reason."""
    mode.fails(create_retry_decorator(1)(mode.function(LimitedError(86_400))), LimitedError)
    assert [end.reason for end in ends] == ["attempts"]


def test_a_backoff_of_ones_own_may_be_longer(mode):
    """The limit is for what servers ask, not for the backoff."""
    fetch = create_retry_decorator(2, wait=tenacity.wait_fixed(900))(mode.function(LimitedError(5), "stock"))
    waits = mode.waits_of(fetch)
    assert mode.run(fetch) == "stock"
    assert waits == [900.0]


def test_giving_up_is_logged_once(mode, log):
    """It is a give-up like any other."""
    mode.fails(create_retry_decorator(5)(mode.function(LimitedError(86_400))), LimitedError)
    assert log.lines == [("ERROR", "Giving up after 1 attempts for 'fetch': LimitedError: limited")]
