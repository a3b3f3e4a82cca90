"""The forms in which servers say when to come back, beside ``Retry-After`` itself, and the places where errors keep them."""

from __future__ import annotations

import datetime as dt
import email.message
import time
from email.utils import format_datetime

import pytest
import tenacity

from resilience import create_retry_decorator
from tests.resilience.test_retry_after import LimitedError, RefusedError, wait_after

NOW = 1_800_000_000.25


@pytest.fixture(autouse=True)
def frozen(monkeypatch):
    """A wall clock that stands still."""
    monkeypatch.setattr(time, "time", lambda: NOW)


def http_date(seconds):
    """An HTTP-date that is so many seconds away from the frozen clock."""
    return format_datetime(dt.datetime.fromtimestamp(int(NOW) + seconds, dt.UTC), usegmt=True)


@pytest.mark.parametrize(
    ("asked", "waited"),
    [
        (1_800_000_060, 59.75),
        ("1800000060", 59.75),
        (1_800_000_060.5, 60.25),
        (1_800_000_060_500, 60.25),
        ("1800000060500", 60.25),
        (1_700_000_000, 2.0),
        (dt.datetime.fromtimestamp(NOW + 60, dt.UTC), 60.0),
        (dt.datetime.fromtimestamp(NOW + 60), 60.0),
        (dt.datetime.fromtimestamp(NOW - 60, dt.UTC), 2.0),
        (dt.timedelta(seconds=-5), 2.0),
    ],
    ids=["epoch", "as text", "a float", "milliseconds", "as text", "past", "aware", "naive", "past", "negative"],
)
def test_a_point_in_time_is_waited_for_and_no_longer(mode, asked, waited):
    """A number that can only be an epoch, and a datetime, say when to come back, not how long to wait."""
    assert wait_after(mode, LimitedError(asked)) == pytest.approx(waited)


@pytest.mark.parametrize(
    ("headers", "waited"),
    [
        ({"retry-after-ms": "7500"}, 7.5),
        ({"Retry-After-Ms": "7500", "Retry-After": "8"}, 8.0),
        ({"x-ms-retry-after-ms": "7500"}, 7.5),
        ({"retry-after-ms": "soon"}, 2.0),
        ({"X-RateLimit-Reset": "1800000060", "X-RateLimit-Remaining": "0"}, 59.75),
        ({"x-ratelimit-reset": "60"}, 60.0),
        ({"ratelimit-reset": "60", "ratelimit-remaining": "0"}, 60.0),
        ({"x-rate-limit-reset": "1800000060", "x-rate-limit-remaining": "0"}, 59.75),
        ({"x-ratelimit-reset": "1800000060", "x-ratelimit-remaining": "4711"}, 2.0),
        ({b"Retry-After": b"7"}, 7.0),
    ],
    ids=repr,
)
def test_the_other_headers_of_a_rate_limit_are_honoured(mode, headers, waited):
    """Milliseconds, and the reset of a limit that is used up; what is left of one asks for nothing."""
    assert wait_after(mode, RefusedError(headers)) == waited


@pytest.mark.parametrize(
    ("ahead", "headers", "waited"),
    [
        (3600, {"Retry-After": http_date(3605)}, 5.0),
        (-3600, {"Retry-After": http_date(-3595)}, 5.0),
        (3600, {"x-ratelimit-reset": str(int(NOW) + 3605), "x-ratelimit-remaining": "0"}, 5.0),
        (3600, {"Retry-After": http_date(3590)}, 2.0),
    ],
    ids=["an hour ahead", "an hour behind", "an epoch", "past"],
)
def test_a_date_is_counted_from_the_server_s_own(mode, ahead, headers, waited):
    """A server whose clock differs from ours is not waited for longer, nor asked earlier, than it means."""
    assert wait_after(mode, RefusedError({"Date": http_date(ahead), **headers})) == waited


def test_a_date_of_the_server_that_can_t_be_read_is_passed_over(mode):
    """Without a ``Date`` that makes sense, our own clock counts."""
    assert wait_after(mode, RefusedError({"Date": "today", "Retry-After": http_date(30)})) == 29.75


def test_the_response_of_googleapiclient_is_read(mode):
    """``HttpError.resp`` is a dict of lowercase headers."""
    error = Exception("quota")
    error.resp = {"retry-after": "11", "status": "429"}
    assert wait_after(mode, error) == 11.0


def test_several_values_of_a_header_are_all_honoured(mode):
    """A header that a proxy has added a second time is not undercut in either."""
    headers = email.message.Message()
    for value in ("5", "9", "7"):
        headers["Retry-After"] = value
    assert wait_after(mode, RefusedError(headers)) == 9.0


def with_cause(cause):
    """An error of a client library that was raised from another."""
    error = RuntimeError("the client gave up")
    error.__cause__ = cause
    return error


CAUSED = {
    "a cause": lambda: with_cause(LimitedError(11)),
    "the cause of a cause": lambda: with_cause(with_cause(RefusedError({"Retry-After": "11"}))),
    "a group": lambda: ExceptionGroup("several", [KeyError("a"), LimitedError(11), LimitedError(3)]),
    "a group in a group": lambda: ExceptionGroup("s", [ExceptionGroup("t", [RefusedError({"Retry-After": "11"})])]),
    "a cause in a group": lambda: ExceptionGroup("several", [with_cause(LimitedError(11))]),
}


@pytest.mark.parametrize("kind", CAUSED)
def test_what_stands_in_a_cause_or_a_group_is_read(mode, kind):
    """Libraries wrap the error of the server, and task groups wrap that."""
    assert wait_after(mode, CAUSED[kind]()) == 11.0


def test_causes_in_a_circle_end(mode):
    """Errors that are each other's cause are read once each."""
    first, second = LimitedError(3), LimitedError(5)
    first.__cause__, second.__cause__ = second, first
    assert wait_after(mode, first) == 5.0


def test_a_context_asks_for_nothing(mode):
    """What was being handled when the error came need not have anything to do with it."""

    def body():
        try:
            raise LimitedError(60)
        except LimitedError:
            raise KeyError("unrelated")  # noqa: B904  # the point of the test

    fetch = create_retry_decorator(2, wait=tenacity.wait_fixed(2))(mode.of(body))
    waits = mode.waits_of(fetch)
    mode.fails(fetch, KeyError)
    assert waits == [2.0]
