"""The window of one process, its signatures, and the storm cap."""

from __future__ import annotations

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
    """A million distinct signatures are remembered by their latest ten thousand only."""
    limiter = WindowLimiter()
    for number in range(1_000_000):
        limiter.claim(f"connection to 10.0.0.1:{number} refused")
    assert sum(sys.getsizeof(value) for value in vars(limiter).values()) < 5_000_000
    assert limiter.claim("connection to 10.0.0.1:0 refused"), "the oldest is forgotten"
    assert not limiter.claim("connection to 10.0.0.1:999999 refused"), "the newest is not"


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

    def claim(_number: int) -> bool:
        together.wait()
        return limiter.claim("s")

    with ThreadPoolExecutor(32) as threads:
        assert sum(threads.map(claim, range(32))) == 1


@pytest.mark.parametrize(
    ("owner", "ask"),
    [
        (WindowLimiter(), lambda limiter: limiter.claim("s")),
        (StormCap(), lambda storm: storm.admit(1)),
        (Cooldowns(), lambda cooldowns: cooldowns.count_sent(Webhook("1", "t"))),
        (Cooldowns(), lambda cooldowns: cooldowns.count_invalid()),
    ],
)
def test_time_is_read_where_no_other_thread_can_be_later(monkeypatch, owner, ask):
    """Another thread can't get in between the look at the clock and what follows from it."""
    others_get_in = []

    def now() -> int:
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
        ("billing", "", "billing:fetch:ConnectionError:"),
    ],
)
def test_a_signature_is_made_of_place_type_and_the_first_100_characters(context, message, signature):
    """Context, function, type and 100 characters of the message make a signature."""
    assert signature_of("fetch", ConnectionError(message), context) == signature


def test_an_unreadable_error_has_a_signature():
    """An exception whose text can't be read is told apart by place and type alone."""

    class UnreadableError(Exception):
        def __str__(self) -> str:
            raise RuntimeError("no")

    assert signature_of("f", UnreadableError(), "c") == "c:f:UnreadableError:"


def test_the_storm_cap_admits_so_many_in_any_minute(clock):
    """In any 60 s at most so many are admitted, and each that leaves the minute makes room for one."""
    storm = StormCap()
    assert [storm.admit(2), storm.admit(2), storm.admit(2)] == [True, True, False]
    clock.advance(59.999999999)
    assert not storm.admit(2)
    clock.advance(0.000000001)
    assert [storm.admit(2), storm.admit(2), storm.admit(2)] == [True, True, False]


def test_what_is_withdrawn_leaves_its_room_to_another(clock):
    """An alert that was admitted and does not leave after all is not counted."""
    storm = StormCap()
    assert [storm.admit(1), storm.admit(1)] == [True, False]
    storm.withdraw()
    assert [storm.admit(1), storm.admit(1)] == [True, False]


def test_what_was_suppressed_is_told_once():
    """The number of those suppressed is handed out once and starts again at zero."""
    admission = Admission()
    admission.count_suppressed(3)
    admission.count_suppressed(4)
    assert [admission.take_suppressed(), admission.take_suppressed()] == [7, 0]


def test_the_storm_cap_survives_a_clock_that_steps_back(clock):
    """After a step back the cap starts a new minute instead of refusing until the clock has caught up."""
    storm = StormCap()
    storm.admit(1)
    clock.advance(-3600)
    assert [storm.admit(1), storm.admit(1)] == [True, False]


@given(st.lists(st.tuples(st.integers(0, 40_000), st.integers(1, 5)), max_size=60))
def test_no_minute_ever_has_more_than_the_cap(steps):
    """Whatever the rhythm, no span of a minute contains more admissions than the cap."""
    with pytest.MonkeyPatch.context() as patch:
        now = 0
        patch.setattr("time.monotonic_ns", lambda: now)
        storm, admitted = StormCap(), []
        for wait_ms, tries in steps:
            now += wait_ms * 1_000_000
            admitted += [now for _ in range(tries) if storm.admit(3)]
    assert all(later - earlier >= 60 * 10**9 for earlier, later in zip(admitted, admitted[3:], strict=False))
