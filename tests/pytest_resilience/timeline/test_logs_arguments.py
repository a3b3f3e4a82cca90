"""What the assertions about the log take, and what they say of mistakes."""

from __future__ import annotations

import logging

import pytest

from pytest_resilience import Retries, RetryLog
from resilience import create_retry_decorator


@pytest.mark.parametrize(
    ("use", "text"),
    [
        (lambda log: log.assert_gave_up(count="x"), "count must be a whole number, got 'x'"),
        (lambda log: log.assert_gave_up(attempts=1.5), "attempts must be a whole number, got 1.5"),
        (lambda log: log.assert_no_secret(5), "assert_no_secret() needs the secret to look for as a str, got int"),
        (
            lambda log: log.assert_no_secret(None),
            "assert_no_secret() needs the secret to look for as a str, got NoneType",
        ),
    ],
)
def test_arguments_of_a_wrong_type_are_named(use, text):
    """A mistake in an assertion is told as one, not as a failure."""
    with RetryLog() as log, pytest.raises(TypeError) as raised:
        use(log)
    assert str(raised.value) == text


@pytest.mark.parametrize("name", ["attempts", "count"])
def test_a_number_below_zero_is_refused(name):
    """No assertion asks for less than nothing; that is told at once, of the log as of the timeline."""
    with RetryLog() as log, Retries() as retries:
        for ask in (log.assert_gave_up, lambda **asked: retries.assert_gave_up("fetch", **asked)):
            with pytest.raises(ValueError, match=f"^{name} must be at least 0, got -1$"):
                ask(**{name: -1})


def test_an_error_is_found_by_its_base_as_in_the_timeline():
    """The type that is asked for may be a base of the one that was raised."""

    @create_retry_decorator(max_attempts=3, max_wait=0)
    def fetch():
        raise ConnectionResetError

    with RetryLog() as log:
        with pytest.raises(ConnectionResetError):
            fetch()
        log.assert_gave_up("fetch", error=OSError)
        log.assert_gave_up("fetch", error=ConnectionResetError)
        log.assert_gave_up("fetch", error=LookupError, count=0)


def test_blocks_that_overlap_leave_the_logger_as_it_was():
    """Each records what happens in it, and whoever ends last gives the logger back."""
    logger = logging.getLogger("resilience")
    before = dict(vars(logger))
    first, second = RetryLog(), RetryLog()
    first.__enter__()
    logger.debug("one")
    second.__enter__()
    logger.debug("two")
    first.__exit__(None, None, None)
    logger.debug("three")
    second.__exit__(None, None, None)
    logger.debug("four")
    assert ([line.text for line in first.lines], [line.text for line in second.lines]) == (
        ["one", "two"],
        ["two", "three"],
    )
    assert vars(logger).keys() == before.keys()


def test_an_error_that_is_not_retried_counts_as_a_give_up():
    """Its line is at INFO and has another text, and says as well that the call ended with its error."""

    @create_retry_decorator(exclude_exceptions=PermissionError, context="upstairs")
    def lock_box():
        raise PermissionError("denied")

    with RetryLog() as log:
        with pytest.raises(PermissionError):
            lock_box()

        assert [str(line).split(maxsplit=1)[1] for line in log.lines] == [
            "INFO     upstairs: Not retried 'lock_box': PermissionError: denied"
        ]
        log.assert_gave_up("lock_box", attempts=1, error=PermissionError)
