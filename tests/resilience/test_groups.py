"""Exception groups: what is in them decides whether they are retried."""

from __future__ import annotations

import asyncio

import pytest
import tenacity

from resilience import conn_retry, continuous_retry, create_retry_decorator

NO_WAIT = tenacity.wait_none()
REFUSED = ConnectionError("refused")
DENIED = PermissionError("denied")


def group(*errors):
    """A group as a task group raises it."""
    return ExceptionGroup("unhandled errors in a TaskGroup", errors)


DENYING = {
    "alone": lambda: group(DENIED),
    "beside another": lambda: group(REFUSED, DENIED),
    "in a group in a group": lambda: group(REFUSED, group(REFUSED, group(DENIED))),
}
MAKERS = {
    "retry": lambda errors: create_retry_decorator(3, errors, wait=NO_WAIT),
    "connection": lambda errors: conn_retry("Redis", "connect", 2, exclude_exceptions=errors, wait=NO_WAIT),
    "continuous": lambda errors: continuous_retry(retry_delay=0, stop_on=errors),
    "retry by predicate": lambda errors: create_retry_decorator(3, lambda error: isinstance(error, errors)),
}


@pytest.mark.parametrize("maker", MAKERS)
@pytest.mark.parametrize("kind", DENYING)
def test_a_group_is_excluded_if_anything_in_it_is(mode, ends, maker, kind):
    """One error that must not be repeated is enough, however deep in the group and whatever is beside it."""
    error = DENYING[kind]()
    assert mode.fails(MAKERS[maker](PermissionError)(mode.function(error))) is error
    assert mode.attempts == 1
    assert [(end.reason, end.broken) for end in ends] == [("excluded", False)]


@pytest.mark.parametrize("retry_on", [OSError, (ConnectionError, TimeoutError), lambda e: isinstance(e, OSError)])
@pytest.mark.parametrize(
    ("error", "attempts"),
    [
        (group(REFUSED), 3),
        (group(REFUSED, TimeoutError("slow")), 3),
        (group(group(REFUSED), TimeoutError("slow")), 3),
        (group(REFUSED, KeyError("sku")), 1),
        (group(REFUSED, group(REFUSED, KeyError("sku"))), 1),
    ],
    ids=["one", "two", "nested", "one of two", "one of a nested two"],
)
def test_a_group_is_retried_only_if_everything_in_it_is(mode, retry_on, error, attempts):
    """An error that is none of ``retry_on`` ends the call, also in the company of others that are."""
    assert mode.fails(create_retry_decorator(3, retry_on=retry_on, wait=NO_WAIT)(mode.function(error))) is error
    assert mode.attempts == attempts


def test_by_default_every_group_is_retried(mode):
    """`Exception` names whatever can be in a group of exceptions."""
    mode.fails(create_retry_decorator(3, wait=NO_WAIT)(mode.function(group(REFUSED, KeyError("sku")))))
    assert mode.attempts == 3


def test_a_group_as_such_can_be_named(mode):
    """Where ``retry_on`` or ``exclude_exceptions`` names groups, what is in them does not matter."""
    retried = create_retry_decorator(3, retry_on=ExceptionGroup, wait=NO_WAIT)
    mode.fails(retried(mode.function(group(KeyError("sku")))))
    assert mode.attempts == 3
    mode.fails(retried(mode.function(KeyError("sku"))), KeyError)
    assert mode.attempts == 4
    mode.fails(create_retry_decorator(3, ExceptionGroup)(mode.function(group(REFUSED))))
    assert mode.attempts == 5


def test_the_errors_of_a_task_group_are_looked_into(ends):
    """What `asyncio.TaskGroup` raises is judged by the errors of its tasks."""

    async def refuse():
        raise PermissionError("denied")

    @create_retry_decorator(3, exclude_exceptions=PermissionError, wait=NO_WAIT)
    async def fetch():
        async with asyncio.TaskGroup() as tasks:
            tasks.create_task(refuse())

    with pytest.raises(ExceptionGroup):
        asyncio.run(fetch())
    assert [(end.reason, end.attempts) for end in ends] == [("excluded", 1)]


def test_a_group_of_thousands_of_levels_is_judged(sync_mode):
    """However deep a group is, judging it neither recurses nor hangs."""
    error = DENIED
    for _ in range(5_000):
        error = ExceptionGroup("again", [error])
    sync_mode.fails(create_retry_decorator(3, PermissionError)(sync_mode.function(error)))
    assert sync_mode.attempts == 1


def test_an_excluded_group_is_one_line(mode, log):
    """A group that is not retried has the one line of an error that is not."""
    mode.fails(create_retry_decorator(3, PermissionError)(mode.function(group(DENIED))))
    assert [level for level, _ in log.lines] == ["INFO"]
    assert log.lines[0][1].startswith("Not retried 'fetch': ExceptionGroup: ")
