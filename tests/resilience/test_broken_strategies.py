"""Wait strategies that are wrong, or raise: said where they are given, or with nothing lost."""

from __future__ import annotations

import math

import pytest

from resilience import create_retry_decorator


@pytest.mark.parametrize("value", [math.nan, math.inf, -1, None, "5"])
def test_a_wait_that_nobody_can_make_is_an_error_beside_that_of_the_attempt(mode, ends, value):
    """The error names the strategy and what it returned, has the attempt's error as its context, and ends the call."""

    def strategy(_state):
        return value

    raised = mode.fails(create_retry_decorator(wait=strategy)(mode.function(ConnectionError)), ValueError)
    assert str(raised) == (
        f"a wait strategy must return a finite number of seconds, at least 0; {strategy!r} returned {value!r}"
    )
    assert type(raised.__context__) is ConnectionError
    assert [(end.outcome, end.reason, end.error) for end in ends] == [("gave_up", "excluded", raised)]
    assert raised.__notes__ == [
        "shop.stock:fetch: gave up after 1 attempt, reason: excluded (errors of this type are not retried)"
    ]


def test_what_a_strategy_raises_does_not_hide_the_error_of_the_attempt(mode, ends):
    """Both errors are there, and the end of the call is told of the one that is raised."""

    def strategy(_state):
        raise ZeroDivisionError("wrong")

    raised = mode.fails(create_retry_decorator(wait=strategy)(mode.function(ConnectionError)), ZeroDivisionError)
    assert type(raised.__context__) is ConnectionError
    assert [end.error for end in ends] == [raised]


def test_an_async_strategy_is_refused_for_a_plain_function(mode):
    """A plain function can't wait for a coroutine, and that is said at decoration."""

    async def strategy(_state):
        return 0.0

    decorator = create_retry_decorator(wait=strategy)
    if mode.is_async:
        decorator(mode.function("stock"))
        return
    with pytest.raises(TypeError) as refused:
        decorator(mode.function("stock"))
    assert str(refused.value) == (
        "wait of 'fetch' is async, which only a coroutine can wait for: make the function async, or the wait strategy "
        "plain"
    )
