"""Calls of the decorator functions that can't be right: the message says what to write."""

from __future__ import annotations

import pytest

from resilience import configure, conn_retry, continuous_retry, create_retry_decorator


def fetched():
    """Never decorated."""


WRONG_CALLS = [
    (
        lambda: create_retry_decorator(fetched),
        "the decorator needs its parentheses: write @create_retry_decorator() above the function",
    ),
    (
        lambda: continuous_retry(fetched),
        "the decorator needs its parentheses: write @continuous_retry() above the function",
    ),
    (
        lambda: conn_retry(fetched),
        'the decorator needs its arguments: write @conn_retry("Redis", "connect") above the function',
    ),
    (
        lambda: conn_retry("Redis"),
        'conn_retry() needs resource_name and action_name, got no action_name: write @conn_retry("Redis", "connect")',
    ),
    (
        lambda: conn_retry(),
        "conn_retry() needs resource_name and action_name, got no resource_name and no action_name: write "
        '@conn_retry("Redis", "connect")',
    ),
    (
        lambda: conn_retry("Redis", "connect", max_attempts=5),
        "conn_retry() has no argument 'max_attempts': write max_retry=..., which does not count the first attempt",
    ),
    (
        lambda: create_retry_decorator(max_retry=5),
        "create_retry_decorator() has no argument 'max_retry': write max_attempts=..., which counts the first attempt, "
        "too",
    ),
    (
        lambda: continuous_retry(exclude_exceptions=KeyError),
        "continuous_retry() has no argument 'exclude_exceptions': write stop_on=...",
    ),
    (
        lambda: create_retry_decorator(max_retries=5),
        "create_retry_decorator() has no argument 'max_retries': write max_attempts=..., which counts the first "
        "attempt, too",
    ),
    (
        lambda: create_retry_decorator(exceptions=OSError),
        "create_retry_decorator() has no argument 'exceptions': write retry_on=... for what is retried, or "
        "exclude_exceptions=... for what is not",
    ),
    (
        lambda: conn_retry("Redis", "connect", retries=5),
        "conn_retry() has no argument 'retries': write max_retry=..., which does not count the first attempt",
    ),
    (
        lambda: create_retry_decorator(time_out=5),
        "create_retry_decorator() has no argument 'time_out': did you mean 'timeout'?",
    ),
    (
        lambda: continuous_retry(colour="red"),
        "continuous_retry() has no argument 'colour': it has retry_delay, stop_event, stop_on, alert_threshold, "
        "timeout, max_retry_after, channel",
    ),
    (
        lambda: continuous_retry(1.0),
        "continuous_retry() takes its arguments by name only, got 1: write retry_delay=... and the like",
    ),
    (
        lambda: configure(webhook="https://discord.com/api/webhooks/1/x"),
        "configure() has no argument 'webhook': it has service_name, discord_webhook_url, discord_channels, redis_url, "
        "max_alerts_per_minute, notifiers, alert_recoveries",
    ),
    (
        lambda: create_retry_decorator(5, (), 30.0, "", True, Exception),
        "create_retry_decorator() takes at most 5 arguments by position, got 6: write retry_on=... and the like",
    ),
]


@pytest.mark.parametrize(("call", "message"), WRONG_CALLS, ids=[message for _, message in WRONG_CALLS])
def test_a_wrong_call_says_what_to_write(call, message):
    """Missing parentheses, and arguments that are missing, unknown or of another decorator, are explained."""
    with pytest.raises(TypeError) as refused:
        call()
    assert str(refused.value) == message


def test_a_decorator_without_parentheses_says_what_to_write():
    """A decorator that is used bare is a TypeError that shows the parentheses."""
    with pytest.raises(TypeError) as refused:

        @create_retry_decorator
        def fetch():
            """Never decorated."""

    assert str(refused.value) == (
        "the decorator needs its parentheses: write @create_retry_decorator() above the function"
    )
