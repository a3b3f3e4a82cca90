"""What time it is inside the clock and outside it."""

from __future__ import annotations

import queue
import threading
import time
import uuid
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta, timezone
from functools import partial
from time import monotonic as copied_monotonic

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pytest_resilience.clock import VirtualClock


def held_as_default(read=time.time):
    return read()


class Held:
    as_attribute = time.time
    as_partial = partial(time.time)


READINGS = {
    "time.time": time.time,
    "time.time_ns": lambda: time.time_ns() / 1_000_000_000,
    "time.clock_gettime": lambda: time.clock_gettime(time.CLOCK_REALTIME),
    "time.clock_gettime_ns": lambda: time.clock_gettime_ns(time.CLOCK_REALTIME) / 1_000_000_000,
    "datetime.now": lambda: datetime.now(UTC).timestamp(),
    "datetime.now, local": lambda: datetime.now().timestamp(),
    "datetime.today": lambda: datetime.today().timestamp(),
    "a default argument": held_as_default,
    "a class attribute": lambda: Held.as_attribute(),
    "a partial": lambda: Held.as_partial(),
    "time.monotonic": time.monotonic,
    "time.monotonic_ns": lambda: time.monotonic_ns() / 1_000_000_000,
    "time.clock_gettime, monotonic": lambda: time.clock_gettime(time.CLOCK_MONOTONIC),
    "time.clock_gettime, boot time": lambda: time.clock_gettime(time.CLOCK_BOOTTIME),
    "time.clock_gettime, raw": lambda: time.clock_gettime(time.CLOCK_MONOTONIC_RAW),
    "time.clock_gettime, TAI": lambda: time.clock_gettime(time.CLOCK_TAI),
    "a copy of time.monotonic": lambda: copied_monotonic(),
}


@pytest.mark.parametrize("name", READINGS)
def test_every_reading_moves_by_exactly_the_virtual_time(clock, name):
    """Each way to read a clock sees a virtual sleep in full."""
    before = READINGS[name]()
    time.sleep(3600)
    assert READINGS[name]() - before == pytest.approx(3600, abs=2e-6)


@pytest.mark.parametrize("name", READINGS)
def test_every_reading_goes_on_from_its_real_value(name):
    """Opening the clock changes no reading by more than moments, and closing it brings the real one back."""
    before = READINGS[name]()
    with VirtualClock():
        inside = READINGS[name]()
        time.sleep(1_000_000)
    after = READINGS[name]()
    assert 0 <= inside - before < 600
    assert 0 <= after - before < 600


def test_floats_of_the_clocks_differ_by_exactly_the_seconds_slept(clock):
    """Whole seconds can be compared with ==."""
    wall, monotonic = time.time(), time.monotonic()
    for _ in range(100):
        time.sleep(3)
    assert time.time() - wall == 300.0
    assert time.monotonic() - monotonic == 300.0
    assert clock.elapsed == 300.0


def test_struct_times_and_texts_show_the_virtual_time():
    """The functions that default to now use the virtual now."""
    with VirtualClock("2031-05-06T07:08:09") as clock:
        assert time.gmtime()[:6] == (2031, 5, 6, 7, 8, 9)
        assert time.localtime() == time.localtime(time.time())
        assert time.localtime(None) == time.localtime(time.time())
        assert time.ctime() == time.asctime() == time.ctime(time.time())
        assert time.strftime("%Y") == "2031"
        assert date.today() == datetime.now().date()
        clock.advance(86_400)
        assert time.gmtime().tm_mday == 7


def test_explicit_times_are_left_alone(clock):
    """Functions that are given a time convert that one."""
    assert time.gmtime(0)[:3] == (1970, 1, 1)
    assert time.strftime("%Y", time.gmtime(0)) == "1970"
    assert time.ctime(0) == time.asctime(time.localtime(0))


def test_datetime_subclasses_and_zones_work_as_ever():
    """`datetime.now` keeps its class and its zone."""

    class Moment(datetime):
        pass

    zone = timezone(timedelta(hours=5))
    with VirtualClock(datetime(2031, 5, 6, 7, 8, 9, 123_456, tzinfo=UTC)):
        assert type(Moment.now()) is Moment
        assert Moment.now(zone) == datetime(2031, 5, 6, 12, 8, 9, 123_456, tzinfo=zone)
        assert Moment.now(zone).tzinfo is zone
        assert isinstance(datetime.now(), datetime)
        with pytest.raises(TypeError):
            datetime.now("UTC")


@settings(deadline=None)
@given(
    st.datetimes(min_value=datetime(1971, 1, 1), max_value=datetime(2200, 1, 1)),
    st.lists(st.integers(0, 10**9).map(lambda n: n / 1000), max_size=5),
)
def test_the_start_is_the_instant_asked_for(start, delays):
    """`now` and `datetime.now` are the start plus what has elapsed, up to the next microsecond."""
    with VirtualClock(start) as clock:
        assert clock.now() == datetime.now(UTC) == start.replace(tzinfo=UTC)
        for delay in delays:
            clock.advance(delay)
        expected = start.replace(tzinfo=UTC) + timedelta(microseconds=-(-clock.elapsed_ns // 1000))
        assert clock.now() == datetime.now(UTC) == expected


def test_a_text_with_a_zone_is_understood():
    """A start with an offset is that instant, shown in UTC."""
    with VirtualClock("2031-05-06T07:08:09+05:00") as clock:
        assert clock.now() == datetime(2031, 5, 6, 2, 8, 9, tzinfo=UTC)
        assert clock.now().tzinfo is UTC


def test_perf_counter_stays_real(clock):
    """Profilers go on measuring real time."""
    before = time.perf_counter()
    time.sleep(3600)
    assert time.perf_counter() - before < 600


def test_a_thread_from_before_keeps_real_time():
    """Threads that the clock did not start neither see nor wait in virtual time."""
    questions = queue.Queue()
    answers = queue.Queue()

    def outsider():
        while questions.get():
            answers.put(time.time())

    thread = threading.Thread(target=outsider)
    thread.start()
    try:
        before = time.time()
        with VirtualClock() as clock:
            clock.advance(1_000_000)
            with clock.hold():
                questions.put("time?")
                assert answers.get() - before < 600
    finally:
        questions.put("")
        thread.join()


@pytest.mark.parametrize(
    ("arguments", "error", "message"),
    [
        (
            {"start": "soon"},
            ValueError,
            "start must be an ISO 8601 date and time such as '2026-01-31T12:00', not 'soon'",
        ),
        ({"start": 5}, TypeError, "start must be a datetime, an ISO 8601 text or None, not 5"),
        ({"grace": -1}, ValueError, "grace must be 0 or more real seconds, not -1"),
        ({"grace": float("nan")}, ValueError, "grace must be 0 or more real seconds, not nan"),
        ({"grace": "1"}, TypeError, "grace must be a number of real seconds, not '1'"),
    ],
)
def test_arguments_that_make_no_sense_are_refused(arguments, error, message):
    """A wrong argument is named together with what was expected."""
    with pytest.raises(error) as caught:
        VirtualClock(**arguments)
    assert str(caught.value) == message


def test_perf_counter_is_virtual_where_that_is_asked_for(clock):
    """After `include_perf_counter` it goes on from its real value, in step with the other clocks; afterwards it is real."""
    before = time.perf_counter()
    time.sleep(100)
    assert time.perf_counter() - before < 60
    clock.include_perf_counter()
    clock.include_perf_counter()
    start, start_ns = time.perf_counter(), time.perf_counter_ns()
    assert 0 <= start - before < 60
    time.sleep(100)
    assert time.perf_counter() - start == pytest.approx(100, abs=1e-6)
    assert time.perf_counter_ns() - start_ns == 100_000_000_000


def test_perf_counter_is_real_again_after_the_clock():
    """The next clock, and the time after it, know nothing of what was asked of an earlier one."""
    with VirtualClock() as clock:
        clock.include_perf_counter()
    with VirtualClock():
        before = time.perf_counter()
        time.sleep(1000)
        assert time.perf_counter() - before < 600
    assert time.perf_counter.__self__ is time
    with pytest.raises(RuntimeError, match="this virtual clock has closed"):
        clock.include_perf_counter()


def test_a_clock_that_starts_now_reads_the_same_by_each_way():
    """To the microsecond, and never at a whole second, which would print without its fraction."""
    for _ in range(20):
        with VirtualClock():
            assert datetime.now() == datetime.fromtimestamp(time.time())
            assert datetime.now(UTC) == datetime.fromtimestamp(time.time(), UTC)
            assert datetime.now().microsecond


def test_the_wall_clock_reads_the_same_by_each_way_at_any_nanosecond():
    """Also between two microseconds, where the waits of retries end."""
    with VirtualClock() as clock:
        for _ in range(50):
            time.sleep(0.123456789)
            assert clock.now() == datetime.now(UTC) == datetime.fromtimestamp(time.time(), UTC)
            assert time.time_ns() <= round(time.time() * 1_000_000) * 1000 < time.time_ns() + 1000


def test_an_identifier_by_time_has_virtual_time():
    """`uuid.uuid1` counts 100 ns each, from the time of the clock."""
    with VirtualClock(start="2030-01-31T12:00"):
        first = uuid.uuid1()
        time.sleep(3600)
        second = uuid.uuid1()
    assert second.time - first.time == 3600 * 10_000_000
    assert first.time // 10_000_000 == (datetime(2030, 1, 31, 12) - datetime(1582, 10, 15)) // timedelta(seconds=1)


@pytest.mark.parametrize("read", [time.monotonic, time.time, lambda: time.clock_gettime(time.CLOCK_MONOTONIC)])
def test_who_has_slept_sees_no_less_time_pass(read):
    """The difference of two readings is no less than what was slept in between, as with a real clock."""
    for seconds in (0.1, 0.2, 0.3, 0.7, 1.1, 1 / 3, 0.001):
        for start in range(5):
            with VirtualClock(start=f"2030-01-31T12:00:0{start}"):
                before = read()
                time.sleep(seconds)
                assert seconds <= read() - before < seconds + 1e-6


@dataclass
class Order:
    """What takes the time by methods that were bound as this module was loaded."""

    made: datetime = field(default_factory=datetime.now)
    made_utc: datetime = field(default_factory=partial(datetime.now, UTC))
    seen: datetime = field(default_factory=datetime.utcnow)


BOUND = [datetime.now, datetime.utcnow]


@pytest.mark.filterwarnings("ignore:datetime.datetime.utcnow:DeprecationWarning")
def test_a_method_that_was_bound_before_has_virtual_time():
    """A dataclass with `datetime.now` for a default factory has it in each clock, and real time in between."""
    shown = [(repr(method).split(" at ")[0], method.__qualname__, method.__module__) for method in BOUND]
    for start in ("2030-01-31T12:00", "2040-01-31T12:00"):
        real = Order()
        with VirtualClock(start=start):
            time.sleep(60)
            order, now = Order(), datetime.now()
            assert [(repr(each).split(" at ")[0], each.__qualname__, each.__module__) for each in BOUND] == shown
            with pytest.raises(TypeError, match="tzinfo argument must be None or of a tzinfo subclass, not type 'int'"):
                BOUND[0](1)
        assert order.made == now
        assert order.made_utc == datetime.fromisoformat(start).replace(minute=1, tzinfo=UTC)
        assert order.seen == datetime.fromisoformat(start).replace(minute=1)
        assert abs(Order().made - real.made) < timedelta(minutes=10)
        assert BOUND[0].__self__ is datetime
