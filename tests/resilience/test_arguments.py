"""The arguments of the decorators: which values they take, and what bad ones are told."""

from __future__ import annotations

import asyncio
import contextlib
import datetime as dt
import math
import threading
from decimal import Decimal
from fractions import Fraction
from typing import Any

import pytest
import tenacity

import resilience
from pytest_resilience.clock import VirtualClock
from resilience import conn_retry, continuous_retry, create_retry_decorator, func_retry

NAN, INF = math.nan, math.inf
Case = tuple[str, str, Any, type[Exception], str]
MAKERS = {
    "create_retry_decorator": create_retry_decorator,
    "conn_retry": lambda **arguments: conn_retry("Redis", "connect", **arguments),
    "continuous_retry": continuous_retry,
}


def _no_state():
    """A wait strategy that can't be given what it is called with."""
    return 1.0


def test_the_constants_have_their_values():
    """Fifty attempts are excessive, and a window is 300 seconds."""
    assert resilience.EXCESSIVE_RETRY_THRESHOLD == 50
    assert resilience.ALERT_RATE_LIMIT_SECONDS == 300


COUNTS = [
    ("create_retry_decorator", "max_attempts", "5", TypeError, "max_attempts must be an int, got '5'"),
    ("create_retry_decorator", "max_attempts", 5.0, TypeError, "max_attempts must be an int, got 5.0"),
    ("create_retry_decorator", "max_attempts", True, TypeError, "max_attempts must be an int, got True"),
    ("create_retry_decorator", "max_attempts", None, TypeError, "max_attempts must be an int, got None"),
    ("create_retry_decorator", "max_attempts", 0, ValueError, "max_attempts must be at least 1, got 0"),
    ("create_retry_decorator", "max_attempts", -3, ValueError, "max_attempts must be at least 1, got -3"),
    ("conn_retry", "max_retry", "5", TypeError, "max_retry must be an int, got '5'"),
    ("conn_retry", "max_retry", -1, ValueError, "max_retry must be at least 0, got -1"),
]

_SECONDS = "must be a number of seconds, got"
_RANGE = "must be a finite number of seconds,"
SECONDS = [
    ("create_retry_decorator", "max_wait", "30", TypeError, f"max_wait {_SECONDS} '30'"),
    ("create_retry_decorator", "max_wait", None, TypeError, f"max_wait {_SECONDS} None"),
    ("create_retry_decorator", "max_wait", False, TypeError, f"max_wait {_SECONDS} False"),
    ("create_retry_decorator", "max_wait", 3j, TypeError, f"max_wait {_SECONDS} 3j"),
    (
        "create_retry_decorator",
        "max_wait",
        Decimal("NaN"),
        ValueError,
        f"max_wait {_RANGE} at least 0, got Decimal('NaN')",
    ),
    ("conn_retry", "timeout", Decimal("sNaN"), ValueError, f"timeout {_RANGE} above 0, got Decimal('sNaN')"),
    (
        "continuous_retry",
        "retry_delay",
        dt.timedelta(seconds=-1),
        ValueError,
        f"retry_delay {_RANGE} at least 0, got datetime.timedelta(days=-1, seconds=86399)",
    ),
    ("create_retry_decorator", "max_wait", -1, ValueError, f"max_wait {_RANGE} at least 0, got -1"),
    ("create_retry_decorator", "max_wait", NAN, ValueError, f"max_wait {_RANGE} at least 0, got nan"),
    ("create_retry_decorator", "max_wait", INF, ValueError, f"max_wait {_RANGE} at least 0, got inf"),
    ("conn_retry", "max_wait", -0.5, ValueError, f"max_wait {_RANGE} at least 0, got -0.5"),
    ("create_retry_decorator", "timeout", "1s", TypeError, f"timeout {_SECONDS} '1s'"),
    ("create_retry_decorator", "timeout", 0, ValueError, f"timeout {_RANGE} above 0, got 0"),
    ("create_retry_decorator", "timeout", -2.0, ValueError, f"timeout {_RANGE} above 0, got -2.0"),
    ("conn_retry", "timeout", NAN, ValueError, f"timeout {_RANGE} above 0, got nan"),
    ("conn_retry", "timeout", INF, ValueError, f"timeout {_RANGE} above 0, got inf"),
    ("continuous_retry", "timeout", 0, ValueError, f"timeout {_RANGE} above 0, got 0"),
    ("create_retry_decorator", "max_retry_after", "1", TypeError, f"max_retry_after {_SECONDS} '1'"),
    ("conn_retry", "max_retry_after", -1, ValueError, f"max_retry_after {_RANGE} at least 0, got -1"),
    ("continuous_retry", "max_retry_after", INF, ValueError, f"max_retry_after {_RANGE} at least 0, got inf"),
    ("continuous_retry", "retry_delay", "1", TypeError, f"retry_delay {_SECONDS} '1'"),
    ("continuous_retry", "retry_delay", None, TypeError, f"retry_delay {_SECONDS} None"),
    ("continuous_retry", "retry_delay", -1.0, ValueError, f"retry_delay {_RANGE} at least 0, got -1.0"),
    ("continuous_retry", "retry_delay", NAN, ValueError, f"retry_delay {_RANGE} at least 0, got nan"),
]

_TYPES = "must be an exception type, a tuple of them, or a predicate of the exception, got"
_NEVER = "KeyboardInterrupt, cancellation and their like are never retried"
EXCEPTIONS = [
    ("create_retry_decorator", "exclude_exceptions", None, TypeError, f"exclude_exceptions {_TYPES} None"),
    (
        "create_retry_decorator",
        "exclude_exceptions",
        "ValueError",
        TypeError,
        f"exclude_exceptions {_TYPES} 'ValueError'",
    ),
    (
        "create_retry_decorator",
        "exclude_exceptions",
        int,
        TypeError,
        f"exclude_exceptions {_TYPES} <class 'int'>",
    ),
    (
        "conn_retry",
        "exclude_exceptions",
        (KeyError, "ValueError"),
        TypeError,
        f"exclude_exceptions {_TYPES} 'ValueError' in (<class 'KeyError'>, 'ValueError')",
    ),
    (
        "conn_retry",
        "exclude_exceptions",
        (KeyError, (ValueError,)),
        TypeError,
        f"exclude_exceptions {_TYPES} (<class 'ValueError'>,) in (<class 'KeyError'>, (<class 'ValueError'>,))",
    ),
    (
        "create_retry_decorator",
        "retry_on",
        (),
        ValueError,
        "retry_on must name at least one exception type, got ()",
    ),
    ("create_retry_decorator", "retry_on", 3, TypeError, f"retry_on {_TYPES} 3"),
    (
        "create_retry_decorator",
        "retry_on",
        BaseException,
        ValueError,
        f"retry_on must name subclasses of Exception, got BaseException: {_NEVER}",
    ),
    (
        "conn_retry",
        "retry_on",
        (OSError, KeyboardInterrupt),
        ValueError,
        f"retry_on must name subclasses of Exception, got KeyboardInterrupt: {_NEVER}",
    ),
    (
        "conn_retry",
        "retry_on",
        asyncio.CancelledError,
        ValueError,
        f"retry_on must name subclasses of Exception, got CancelledError: {_NEVER}",
    ),
    ("continuous_retry", "stop_on", "KeyError", TypeError, f"stop_on {_TYPES} 'KeyError'"),
    ("continuous_retry", "stop_on", 3, TypeError, f"stop_on {_TYPES} 3"),
]

OTHERS = [
    ("create_retry_decorator", "context", None, TypeError, "context must be a str, got None"),
    ("create_retry_decorator", "context", b"x", TypeError, "context must be a str, got b'x'"),
    ("create_retry_decorator", "channel", 5, TypeError, "channel must be a str, got 5"),
    ("conn_retry", "channel", " ", ValueError, "channel must not be empty, got ' '"),
    ("continuous_retry", "channel", b"x", TypeError, "channel must be a str, got b'x'"),
    ("continuous_retry", "alert_threshold", 0, ValueError, "alert_threshold must be at least 1, got 0"),
    ("create_retry_decorator", "reraise", 1, TypeError, "reraise must be a bool, got 1"),
    ("create_retry_decorator", "reraise", None, TypeError, "reraise must be a bool, got None"),
    ("create_retry_decorator", "alert_threshold", "5", TypeError, "alert_threshold must be an int, got '5'"),
    ("create_retry_decorator", "alert_threshold", True, TypeError, "alert_threshold must be an int, got True"),
    ("create_retry_decorator", "alert_threshold", 0, ValueError, "alert_threshold must be at least 1, got 0"),
    (
        "create_retry_decorator",
        "alert_threshold",
        6,
        ValueError,
        "alert_threshold must be between 1 and the 5 attempts that can be made, got 6: it would never be reached",
    ),
    (
        "conn_retry",
        "alert_threshold",
        102,
        ValueError,
        "alert_threshold must be between 1 and the 101 attempts that can be made, got 102: it would never be reached",
    ),
    (
        "create_retry_decorator",
        "wait",
        5,
        TypeError,
        "wait must be a tenacity wait strategy such as tenacity.wait_fixed(2), got 5",
    ),
    (
        "conn_retry",
        "wait",
        tenacity.wait_none,
        TypeError,
        "wait must be a tenacity wait strategy such as tenacity.wait_fixed(2), got <class 'tenacity.wait.wait_none'>",
    ),
    (
        "continuous_retry",
        "stop_event",
        True,
        TypeError,
        "stop_event must be an event, such as threading.Event() or asyncio.Event(), got True",
    ),
    (
        "create_retry_decorator",
        "stop_event",
        True,
        TypeError,
        "stop_event must be an event, such as threading.Event() or asyncio.Event(), got True",
    ),
    (
        "continuous_retry",
        "stop_event",
        3.5,
        TypeError,
        "stop_event must be an event, such as threading.Event() or asyncio.Event(), got 3.5",
    ),
    (
        "continuous_retry",
        "stop_event",
        threading.Event,
        TypeError,
        "stop_event must be an event and not its class, got <class 'threading.Event'>: write Event()",
    ),
    (
        "create_retry_decorator",
        "wait",
        _no_state,
        TypeError,
        f"wait must be callable with one argument, tenacity's retry state, got {_no_state!r}",
    ),
]


@pytest.mark.parametrize(("maker", "name", "value", "kind", "message"), COUNTS + SECONDS + EXCEPTIONS + OTHERS)
def test_a_bad_argument_is_refused_when_the_decorator_is_made(maker, name, value, kind, message):
    """The error names the argument, the value and what is valid."""
    with pytest.raises(kind) as refused:
        MAKERS[maker](**{name: value})
    assert type(refused.value) is kind
    assert str(refused.value) == message


@pytest.mark.parametrize(
    ("arguments", "kind", "message"),
    [
        (("", "connect"), ValueError, "resource_name must not be empty, got ''"),
        (("  ", "connect"), ValueError, "resource_name must not be empty, got '  '"),
        ((None, "connect"), TypeError, "resource_name must be a str, got None"),
        (("Redis", ""), ValueError, "action_name must not be empty, got ''"),
        (("Redis", 3), TypeError, "action_name must be a str, got 3"),
    ],
)
def test_a_connection_needs_names(arguments, kind, message):
    """Resource and action are texts that are not empty."""
    with pytest.raises(kind) as refused:
        conn_retry(*arguments)
    assert str(refused.value) == message


@pytest.mark.parametrize("value", [10**400, -(10**400)], ids=["huge", "minus huge"])
@pytest.mark.parametrize(
    ("maker", "name"),
    [
        ("create_retry_decorator", "max_wait"),
        ("create_retry_decorator", "timeout"),
        ("continuous_retry", "retry_delay"),
    ],
)
def test_a_number_that_no_float_can_hold_is_out_of_range(maker, name, value):
    """An integer too large to be a number of seconds is a ValueError, like infinity."""
    with pytest.raises(ValueError, match=f"^{name} must be a finite number of seconds, "):
        MAKERS[maker](**{name: value})


@pytest.mark.parametrize("seconds", [1e7, 1e10, 1e300], ids=["months", "centuries", "beyond any clock"])
@pytest.mark.parametrize(
    ("maker", "name"),
    [
        ("create_retry_decorator", "max_wait"),
        ("create_retry_decorator", "timeout"),
        ("conn_retry", "timeout"),
        ("continuous_retry", "retry_delay"),
    ],
)
def test_a_time_that_is_accepted_works(mode, maker, name, seconds):
    """Seconds that no clock and no sleep can take are refused when the decorator is made, or do no harm in a call."""
    decorator = None
    with contextlib.suppress(ValueError):
        decorator = MAKERS[maker](**{name: seconds})
    if decorator is None:
        return
    fetch = decorator(mode.function(ConnectionError, KeyboardInterrupt))
    fetch.retry.wait = tenacity.wait_none() if name == "timeout" else fetch.retry.wait
    with VirtualClock():
        mode.fails(fetch, KeyboardInterrupt)
    assert mode.attempts == 2


@pytest.mark.parametrize(
    ("maker", "arguments"),
    [
        ("create_retry_decorator", {"max_attempts": 1, "alert_threshold": 1}),
        ("create_retry_decorator", {"max_attempts": 5, "alert_threshold": 5}),
        ("create_retry_decorator", {"max_attempts": 10**6, "max_wait": 1e9, "timeout": 1e-3}),
        ("create_retry_decorator", {"max_wait": 0, "exclude_exceptions": [], "context": " "}),
        ("create_retry_decorator", {"exclude_exceptions": (BaseException, KeyboardInterrupt)}),
        ("create_retry_decorator", {"retry_on": iter([OSError]), "exclude_exceptions": {KeyError}}),
        ("conn_retry", {"max_retry": 0, "alert_threshold": 1}),
        ("conn_retry", {"max_retry": 4, "alert_threshold": 5}),
        ("continuous_retry", {"retry_delay": 0, "stop_event": threading.Event(), "stop_on": BaseException}),
        ("continuous_retry", {"stop_event": asyncio.Event()}),
    ],
)
def test_values_at_the_edge_are_accepted(maker, arguments):
    """The smallest and largest valid values make a decorator."""
    assert callable(MAKERS[maker](**arguments))


def test_an_iterator_of_types_is_read_once(sync_mode):
    """Types given by a generator bind every function and every call."""
    decorator = create_retry_decorator(3, exclude_exceptions=(kind for kind in (KeyError, ValueError)))
    for error in (KeyError, ValueError, KeyError):
        sync_mode.fails(decorator(sync_mode.function(error)), error)
    assert sync_mode.attempts == 3


def test_a_function_without_its_decorator_is_refused():
    """What is missing or too much is a TypeError, as for any function."""
    with pytest.raises(TypeError):
        continuous_retry(1.0)
    with pytest.raises(TypeError):
        func_retry()
    with pytest.raises(TypeError):
        create_retry_decorator(5, (), 30.0, "", True, Exception)


def test_nothing_is_checked_anew_in_a_call(sync_mode):
    """A mutable argument that changes after decoration changes nothing."""
    excluded = [KeyError]
    fetch = create_retry_decorator(3, excluded, wait=tenacity.wait_none())(sync_mode.function(ValueError))
    excluded.append(ValueError)
    sync_mode.fails(fetch, ValueError)
    assert sync_mode.attempts == 3


@pytest.mark.parametrize("delay", [90, 90.0, Decimal(90), Fraction(180, 2), dt.timedelta(minutes=1.5)], ids=repr)
def test_seconds_are_given_as_any_number_or_as_a_timedelta(sync_mode, delay):
    """What a configuration file gives, and what says its own unit, mean the same as a float."""
    fetch = continuous_retry(retry_delay=delay, timeout=delay * 3, max_retry_after=delay)(
        sync_mode.function(KeyError, "stock")
    )
    waits = sync_mode.waits_of(fetch)
    sync_mode.run(fetch)
    assert waits == [90.0]
