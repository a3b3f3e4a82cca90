"""`Retry-After`: a server that says when to come back is never asked earlier."""

from __future__ import annotations

import datetime as dt
import email.message
import threading
import time
import urllib.error
from decimal import Decimal
from email.utils import format_datetime
from fractions import Fraction

import httpx
import pytest
import tenacity

from resilience import conn_retry, continuous_retry, create_retry_decorator

NOW = 1_800_000_000.25
WAIT = tenacity.wait_fixed(2)


class LimitedError(Exception):
    """An error that knows how long to wait."""

    def __init__(self, retry_after):
        super().__init__("limited")
        self.retry_after = retry_after


class Answer:
    """The response of some HTTP library."""

    def __init__(self, headers):
        self.headers = headers


class RefusedError(Exception):
    """An HTTP error that carries a response, as those of httpx and requests do."""

    def __init__(self, headers):
        super().__init__("429")
        self.response = Answer(headers)


def http_error(value, name="Retry-After"):
    """The error that ``raise_for_status()`` raises."""
    response = httpx.Response(429, headers={name: value}, request=httpx.Request("GET", "https://api.example"))
    try:
        response.raise_for_status()
    except httpx.HTTPStatusError as error:
        return error.with_traceback(None)
    raise AssertionError


def date_in(seconds):
    """An HTTP-date that is so many seconds away from the whole second of the frozen clock."""
    when = dt.datetime.fromtimestamp(int(NOW) + seconds, dt.UTC)
    return format_datetime(when, usegmt=True)


@pytest.fixture(autouse=True)
def frozen(monkeypatch):
    """A wall clock that stands still."""
    monkeypatch.setattr(time, "time", lambda: NOW)


def wait_after(mode, error, decorator=None):
    """The wait after an attempt that failed with the error."""
    decorator = decorator or create_retry_decorator(2, wait=WAIT, max_retry_after=threading.TIMEOUT_MAX)
    fetch = decorator(mode.function(error, "stock"))
    waits = mode.waits_of(fetch)
    assert mode.run(fetch) == "stock"
    return waits[0]


@pytest.mark.parametrize(
    ("asked", "waited"),
    [
        (7, 7.0),
        (7.5, 7.5),
        ("7", 7.0),
        ("7.5", 7.5),
        (" 7 ", 7.0),
        (b"7", 7.0),
        (dt.timedelta(minutes=1), 60.0),
        (Decimal("7.5"), 7.5),
        (Fraction(15, 2), 7.5),
        (3600, 3600.0),
        (1, 2.0),
        (0, 2.0),
        ("0", 2.0),
        (-5, 2.0),
        ("-5", 2.0),
        (None, 2.0),
        (True, 2.0),
        ("", 2.0),
        ("soon", 2.0),
        (float("nan"), 2.0),
        ("nan", 2.0),
        ("inf", 2.0),
        (float("inf"), 2.0),
        ("1e400", 2.0),
        ([7], 2.0),
        ("7, 8", 2.0),
    ],
    ids=repr,
)
def test_the_attribute_of_an_error_is_never_undercut(mode, asked, waited):
    """The wait is the longer of the backoff and ``retry_after``; what can't be understood asks for nothing."""
    assert wait_after(mode, LimitedError(asked)) == waited


@pytest.mark.parametrize("name", ["Retry-After", "retry-after", "RETRY-AFTER"])
def test_the_header_of_an_httpx_error_is_honoured(mode, name):
    """``Retry-After`` in seconds, whatever the case of the header."""
    assert wait_after(mode, http_error("17", name)) == 17.0


@pytest.mark.parametrize(
    ("date", "waited"),
    [
        (date_in(30), 29.75),
        (date_in(86_400), 86_399.75),
        (date_in(1), 2.0),
        (date_in(-30), 2.0),
        ("Sunday, 06-Nov-94 08:49:37 GMT", 2.0),
        ("Fri, 99 Foo 2027 99:99:99 GMT", 2.0),
    ],
    ids=["ahead", "a day ahead", "sooner than the backoff", "past", "past in the old form", "nonsense"],
)
def test_an_http_date_is_honoured(mode, date, waited):
    """An HTTP-date is waited for to the second, never less."""
    assert wait_after(mode, http_error(date)) == waited


@pytest.mark.parametrize("days", [400 * 365, 7900 * 365])
def test_a_date_far_away_does_not_overflow(mode, days):
    """A date of another century is a long wait, not an error."""
    assert wait_after(mode, http_error(date_in(days * 86_400))) > 9e9


def test_a_number_far_too_large_does_not_overflow(mode):
    """A wait that no sleep takes is cut to the longest that one does."""
    waited = wait_after(mode, http_error("9" * 300))
    assert 3e9 < waited < 1e10


def test_other_http_libraries_are_understood(mode):
    """The headers of requests, botocore, aiohttp and urllib are where those keep them, in the case they are kept in."""
    message = email.message.Message()
    message["Retry-After"] = "12"
    assert wait_after(mode, RefusedError({"Retry-After": "11"})) == 11.0
    assert wait_after(mode, RefusedError({"retry-after": "11"})) == 11.0
    throttled = RefusedError({})
    throttled.response = {"Error": {"Code": "Throttling"}, "ResponseMetadata": {"HTTPHeaders": {"retry-after": "14"}}}
    assert wait_after(mode, throttled) == 14.0
    with urllib.error.HTTPError("https://api.example", 503, "down", message, None) as error:
        assert wait_after(mode, error) == 12.0


def test_the_longer_of_attribute_and_header_counts(mode):
    """An error that says both is not undercut in either."""
    error = RefusedError({"Retry-After": "11"})
    error.retry_after = 13
    assert wait_after(mode, error) == 13.0
    error.retry_after = 5
    assert wait_after(mode, error) == 11.0


@pytest.mark.parametrize("headers", [None, 3, [], object(), {"Retry-After": object()}, {"Retry-After": None}])
def test_strange_headers_ask_for_nothing(mode, headers):
    """Whatever stands where headers are expected, the call goes on with its backoff."""
    assert wait_after(mode, RefusedError(headers)) == 2.0


def test_an_attribute_that_raises_asks_for_nothing(mode):
    """An error whose properties raise is retried like any other."""

    class BrokenError(Exception):
        @property
        def retry_after(self):
            raise RuntimeError("broken")

        @property
        def response(self):
            raise RuntimeError("broken")

    assert wait_after(mode, BrokenError()) == 2.0


def test_what_can_t_be_read_does_not_hide_what_can(mode):
    """An attribute that raises leaves the header in force."""

    class HalfBrokenError(RefusedError):
        @property
        def retry_after(self):
            raise RuntimeError("broken")

    assert wait_after(mode, HalfBrokenError({"Retry-After": "11"})) == 11.0


def test_it_goes_beyond_max_wait(mode):
    """The cap is for the backoff; what the server asks for is waited in full."""
    decorator = create_retry_decorator(2, max_wait=5.0)
    assert wait_after(mode, LimitedError(120), decorator) == 120.0


def test_jitter_never_makes_it_early(sync_mode):
    """In a thousand draws no wait is shorter than what was asked, nor than the backoff's own lower bound."""
    fetch = create_retry_decorator(1001, max_wait=30.0)(sync_mode.function(LimitedError(20)))
    waits = sync_mode.waits_of(fetch)
    sync_mode.fails(fetch, LimitedError)
    assert len(waits) == 1000
    assert min(waits) == 20.0
    assert max(waits) > 20.0


@pytest.mark.parametrize(
    "decorator",
    [conn_retry("Redis", "connect", wait=WAIT), continuous_retry(retry_delay=2.0)],
    ids=["connection", "continuous"],
)
def test_it_binds_every_decorator(mode, decorator):
    """``conn_retry`` and ``continuous_retry`` honour it too."""
    assert wait_after(mode, LimitedError(45), decorator) == 45.0
    assert wait_after(mode, LimitedError(1), decorator) == 2.0


def test_it_binds_the_wait_set_on_the_controller(mode):
    """A wait strategy that is set through ``retry_with`` or ``.retry`` is not allowed to undercut it either."""
    function = mode.function(LimitedError(9), "stock", LimitedError(8), "stock")
    fetch = create_retry_decorator(2)(function).retry_with(wait=tenacity.wait_none())
    waits = mode.waits_of(fetch)
    mode.run(fetch)
    fetch.retry.wait = tenacity.wait_fixed(1)
    mode.run(fetch)
    assert waits == [9.0, 8.0]


def test_only_the_error_at_hand_counts(mode):
    """After an error that asks for nothing the backoff is back."""
    fetch = create_retry_decorator(4, wait=WAIT)(mode.function(LimitedError(60), KeyError, LimitedError(7), "stock"))
    waits = mode.waits_of(fetch)
    mode.run(fetch)
    assert waits == [60.0, 2.0, 7.0]


def test_one_beyond_the_deadline_gives_up_at_once(mode, log):
    """A server that asks for more time than there is ends the call without a wait."""
    fetch = create_retry_decorator(5, timeout=30.0, wait=WAIT)(mode.function(LimitedError(31)))
    waits = mode.waits_of(fetch)
    raised = mode.fails(fetch, LimitedError)
    assert waits == []
    assert mode.attempts == 1
    assert "reason: deadline" in raised.__notes__[0]
    assert log.lines == [("ERROR", "Giving up after 1 attempts for 'fetch': LimitedError: limited")]


def test_the_log_says_how_long_it_waits(mode, log):
    """The field ``wait_s`` and the text of a loop show the wait that was asked for."""
    wait_after(mode, LimitedError(45), continuous_retry(retry_delay=2.0))
    assert vars(log.records[0])["wait_s"] == 45.0
    assert log.lines == [("WARNING", "fetch failed for the 1 times, error: [limited] — retrying in 45.00s")]
