"""The window of one process, its signatures, and the storm cap."""

from __future__ import annotations

import itertools
import sys
import threading
import time
from concurrent.futures import ThreadPoolExecutor

import freezegun
import pytest
from hypothesis import given
from hypothesis import strategies as st

from resilience import alerts
from resilience._alerts.admission.admission import Admission
from resilience._alerts.admission.limiter import ALERT_RATE_LIMIT_SECONDS, StormCap, WindowLimiter, signature_of
from resilience._alerts.delivery.cooldowns import Cooldowns
from resilience._alerts.discord.webhook_url import Webhook

places = itertools.count()


def test_the_first_claim_takes_the_window(clock):
    """The first claim of a signature is granted and the second in the same window is not."""
    limiter = WindowLimiter()
    assert [limiter.claim("s"), limiter.claim("s")] == [True, False]


@pytest.mark.parametrize(("passed_s", "granted"), [(299.999, False), (299.999999999, False), (300, True), (301, True)])
def test_a_window_lasts_300_seconds_exactly(clock, passed_s, granted):
    """A claim is refused up to the last nanosecond of the window and granted from 300 s on."""
    limiter = WindowLimiter()
    limiter.claim("s")
    clock.advance(passed_s)
    assert limiter.claim("s") is granted


def test_refused_claims_do_not_prolong_the_window(clock):
    """Asking again and again in a window leaves its end where it was."""
    limiter = WindowLimiter()
    limiter.claim("s")
    for _ in range(3):
        clock.advance(100)
        granted = limiter.claim("s")
    assert granted


def test_plain_freezegun_drives_the_window():
    """With the clock in freezegun's hands, the window ends after exactly 300 s, in fractions that floats can't add."""
    with freezegun.freeze_time("2026-03-01 12:00:00.1") as frozen, alerts.isolated():
        error = ConnectionError("refused")
        answers = [alerts.should_send_alert("f", error, "billing")]
        for step in (299.999, 0.0005, 0.0005):
            frozen.tick(step)
            answers.append(alerts.should_send_alert("f", error, "billing"))
        assert answers == [True, False, False, True]


def test_a_clock_that_steps_back_starts_a_new_window(clock):
    """A clock that is behind the beginning of a window never suppresses longer than a window."""
    limiter = WindowLimiter()
    limiter.claim("s")
    clock.advance(-86_400)
    assert [limiter.claim("s"), limiter.claim("s")] == [True, False]
    clock.advance(ALERT_RATE_LIMIT_SECONDS)
    assert limiter.claim("s")


def test_signatures_have_windows_of_their_own(clock):
    """A claimed signature says nothing about another one."""
    limiter = WindowLimiter()
    assert [limiter.claim("a"), limiter.claim("b"), limiter.claim("a")] == [True, True, False]


def test_endless_signatures_take_bounded_memory():
    """A hundred thousand distinct signatures are remembered by their latest ten thousand only."""
    limiter = WindowLimiter()
    for number in range(100_000):
        limiter.claim(f"connection to 10.0.0.1:{number} refused")
    assert sum(sys.getsizeof(value) for value in vars(limiter).values()) < 5_000_000
    assert limiter.claim("connection to 10.0.0.1:0 refused"), "the oldest is forgotten"
    assert not limiter.claim("connection to 10.0.0.1:99999 refused"), "the newest is not"


def test_what_keeps_failing_is_not_forgotten(clock):
    """A signature that is asked for all the time outlives any number of new ones."""
    limiter = WindowLimiter(capacity=10)
    limiter.claim("steady")
    answers = set()
    for number in range(100):
        limiter.claim(f"new {number}")
        answers.add(limiter.claim("steady"))
    assert answers == {False}


def test_exactly_one_of_many_threads_wins():
    """Of 32 threads that claim one signature at the same time, one is granted."""
    limiter, together = WindowLimiter(), threading.Barrier(32)

    def claim(_number):
        together.wait()
        return limiter.claim("s")

    with ThreadPoolExecutor(32) as threads:
        assert sum(threads.map(claim, range(32))) == 1


@pytest.mark.parametrize(
    ("owner", "ask"),
    [
        (WindowLimiter(), lambda limiter: limiter.claim("s")),
        (StormCap(), lambda storm: storm.admit("place", 1)),
        (Cooldowns(), lambda cooldowns: cooldowns.count_sent(Webhook("1", "t"))),
        (Cooldowns(), lambda cooldowns: cooldowns.count_invalid()),
    ],
)
def test_time_is_read_where_no_other_thread_can_be_later(monkeypatch, owner, ask):
    """Another thread can't get in between the look at the clock and what follows from it."""
    others_get_in = []

    def now():
        lock = owner._lock
        other = threading.Thread(
            target=lambda: others_get_in.append(lock.acquire(blocking=False) and not lock.release())
        )
        other.start()
        other.join()
        return 0

    monkeypatch.setattr(time, "monotonic_ns", now)
    ask(owner)
    assert set(others_get_in) == {False}


@pytest.mark.parametrize(
    ("context", "message", "signature"),
    [
        ("billing", "refused", "billing:fetch:ConnectionError:refused"),
        ("", "refused", ":fetch:ConnectionError:refused"),
        ("billing", "x" * 150, "billing:fetch:ConnectionError:" + "x" * 100),
        ("billing", "", "billing:fetch:ConnectionError:ConnectionError"),
        ("", "<Future at 0x7f8b1c0d5e50 state=finished> x", ":fetch:ConnectionError:<Future state=finished> x"),
    ],
)
def test_a_signature_is_made_of_place_type_and_the_first_100_characters(context, message, signature):
    """Context, function, type and 100 characters of the message make a signature."""
    assert signature_of("fetch", ConnectionError(message), context) == signature


def test_an_unreadable_error_has_a_signature():
    """An exception whose text can't be read is told apart by place and type."""

    class UnreadableError(Exception):
        def __str__(self):
            raise RuntimeError("no")

    said = "<UnreadableError whose text could not be read: RuntimeError>"
    assert signature_of("f", UnreadableError(), "c") == f"c:f:UnreadableError:{said}"


def test_a_group_is_told_apart_by_what_is_in_it():
    """Two outages that come as groups are two; in which order the tasks of one failed makes no difference."""

    def signature(*errors):
        return signature_of("f", ExceptionGroup("unhandled errors in a TaskGroup", [*errors]), "c")

    assert signature(OSError("db"), KeyError("k")) == "c:f:ExceptionGroup:KeyError: 'k'; OSError: db"
    assert signature(KeyError("k"), OSError("db")) == signature(OSError("db"), KeyError("k"))
    assert signature(OSError("db")) != signature(OSError("cache"))


def test_the_storm_cap_admits_so_many_in_any_minute(clock):
    """In any 60 s at most so many are admitted, and each that leaves the minute makes room for one."""
    storm = StormCap()
    assert [admits(storm, 2) for _ in range(3)] == [True, True, False]
    clock.advance(59.999999999)
    assert not admits(storm, 2)
    clock.advance(0.000000001)
    assert [admits(storm, 2) for _ in range(3)] == [True, True, False]


def test_what_is_withdrawn_leaves_its_room_to_another(clock):
    """An alert that was admitted and is not sent after all is not counted, and its place has not alerted."""
    storm = StormCap()
    admitted_at = storm.admit("a", 1)
    assert admitted_at is not None
    assert storm.admit("b", 1) is None
    storm.withdraw("a", admitted_at)
    assert storm.admit("a", 1) is not None
    assert storm.admit("b", 1) is None
    storm.withdraw("a", admitted_at - 1)
    assert storm.admit("b", 1) is None


def test_a_storm_keeps_half_of_the_room_for_those_who_have_not_alerted(clock):
    """While alerts are refused, a place that has alerted in its window gets half of the cap, and any other all of it."""
    storm = StormCap()
    assert [storm.admit("noise", 4) is not None for _ in range(6)] == [True] * 4 + [False] * 2
    clock.advance(59)
    storm.admit("noise", 4)
    clock.advance(1)
    assert [storm.admit("noise", 4) is not None for _ in range(4)] == [True] * 2 + [False] * 2
    assert [storm.admit(place, 4) is not None for place in "aab"] == [True, False, True]


def test_the_storm_is_over_when_nothing_was_refused_for_a_minute(clock):
    """After a quiet minute all of the room is there for any place."""
    storm = StormCap()
    assert [storm.admit("noise", 2) is not None for _ in range(3)] == [True, True, False]
    clock.advance(60)
    assert [storm.admit("noise", 2) is not None for _ in range(3)] == [True, True, False]


def test_a_place_has_alerted_for_the_length_of_a_window(clock):
    """A place that alerted 300 seconds ago has its share of the storm's room again."""
    storm = StormCap()
    admitted = [storm.admit("noise", 1) is not None]
    for _ in range(10):
        clock.advance(30)
        admitted.append(storm.admit("noise", 1) is not None)
    assert admitted == [True, *[False] * 9, True]


def test_what_was_suppressed_is_told_once(clock):
    """The next alert tells of all that cap and queue have cost, and of what its own window has; none tells it again."""
    admission = Admission()
    admission.count_suppressed(3)
    admission.count_suppressed(4)
    assert [admission.grants("a") for _ in range(3)] == [True, False, False]
    assert [admission.take_suppressed(signature) for signature in "baa"] == [7, 2, 0]


def test_what_is_forgotten_is_forgotten_with_its_number(clock):
    """The number of refused claims is remembered as long as its signature is."""
    limiter = WindowLimiter(capacity=1)
    assert [limiter.claim("a"), limiter.claim("a"), limiter.claim("b")] == [True, False, True]
    assert limiter.take_refused("a") == 0


def test_the_storm_cap_survives_a_clock_that_steps_back(clock):
    """After a step back the cap starts a new minute instead of refusing until the clock has caught up."""
    storm = StormCap()
    admits(storm, 1)
    clock.advance(-3600)
    assert [admits(storm, 1), admits(storm, 1)] == [True, False]


def admits(storm, most):
    """Ask for one more alert, of a place that never alerted before."""
    return storm.admit(f"place {next(places)}", most) is not None


@given(st.lists(st.tuples(st.integers(0, 40_000), st.integers(1, 5)), max_size=60))
def test_no_minute_ever_has_more_than_the_cap(steps):
    """Whatever the rhythm, no span of a minute contains more admissions than the cap."""
    with pytest.MonkeyPatch.context() as patch:
        now = 0
        patch.setattr("time.monotonic_ns", lambda: now)
        storm, admitted = StormCap(), []
        for wait_ms, tries in steps:
            now += wait_ms * 100_000
            admitted += [now for _ in range(tries) if admits(storm, 3)]
    assert all(later - earlier >= 60 * 10**9 for earlier, later in zip(admitted, admitted[3:], strict=False))
