"""Durations: exact nanoseconds from numbers and texts."""

from __future__ import annotations

from fractions import Fraction

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from resilience._failpoints.script.duration import (
    MAX_NANOSECONDS,
    DurationError,
    format_seconds,
    from_seconds,
    parse_duration,
)


@pytest.mark.parametrize(
    ("text", "nanoseconds"),
    [
        ("0", 0),
        ("1.5", 1_500_000_000),
        ("0.1", 100_000_000),
        ("90s", 90_000_000_000),
        ("250ms", 250_000_000),
        ("1h30m", 5_400_000_000_000),
        ("1d2h3m4s5ms6us7ns", 93_784_005_006_007),
        ("1.5h", 5_400_000_000_000),
        ("0.000000001", 1),
        ("1.50000000000000000000000000000", 1_500_000_000),
    ],
)
def test_text_is_read_exactly(text, nanoseconds):
    """Seconds and units are added up in whole nanoseconds."""
    assert parse_duration(text) == nanoseconds


UNITS = "seconds, such as 1.5, or a duration of the units d, h, m, s, ms, us and ns, such as 1h30m or 250ms"


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", f"not a duration: found nothing, expected {UNITS}"),
        ("soon", f"not a duration: found 'soon', expected {UNITS}"),
        ("-1", f"not a duration: found '-1', expected {UNITS}"),
        ("nan", f"not a duration: found 'nan', expected {UNITS}"),
        ("1e3", f"not a duration: found '1e3', expected {UNITS}"),
        ("1m2h", f"not a duration: found '2h', expected {UNITS}"),
        ("1h1h", f"not a duration: found '1h', expected {UNITS}"),
        ("1h30", f"not a duration: found '30', expected {UNITS}"),
        ("1.5ns", "not a duration: found '1.5ns', expected a whole number of nanoseconds"),
        (
            "0.0000000000000000000001",
            "not a duration: found '0.0000000000000000000001', expected a whole number of nanoseconds",
        ),
        ("293000d", "not a duration: found '293000d', expected a duration of at most 292 years"),
    ],
)
def test_text_that_is_no_duration_is_refused(text, message):
    """The error says what was found and what was expected."""
    with pytest.raises(DurationError) as caught:
        parse_duration(text)

    assert str(caught.value) == message


@given(st.integers(0, MAX_NANOSECONDS))
@settings(deadline=None)
def test_format_and_parse_are_inverse(nanoseconds):
    """Every duration has a text in seconds that gives it back exactly."""
    assert parse_duration(format_seconds(nanoseconds)) == nanoseconds


@given(st.floats(0, 9e9))
@settings(deadline=None)
def test_seconds_become_the_nearest_nanosecond(seconds):
    """A float is rounded once, to the nearest whole nanosecond."""
    assert abs(from_seconds(seconds) - Fraction(seconds) * 10**9) <= Fraction(1, 2) + Fraction(1, 10**6)


@pytest.mark.parametrize("seconds", [-1, -0.001, float("nan"), float("inf"), 1e10])
def test_seconds_out_of_range_are_refused(seconds):
    """A negative, endless or undefined duration is a ValueError that tells the range."""
    with pytest.raises(ValueError, match="a duration is from 0 to 9223372036 seconds; got ") as caught:
        from_seconds(seconds)

    assert str(caught.value).endswith(f"got {seconds}")
