"""The log lines, recorded at every level and read back; and what other handlers see meanwhile."""

from __future__ import annotations

import logging
import os
import threading

import pytest

from pytest_resilience import Prefix, RetryLog, VirtualClock
from resilience import continuous_retry
from tests.pytest_resilience.timeline.attic import fetch_box, open_attic, struck

pytestmark = pytest.mark.usefixtures("named")


def failure_of(check, script, function=open_attic):
    """Return the text with which a check fails, without log lines and timeline."""
    with RetryLog() as log:
        struck(script, function)
        with pytest.raises(AssertionError) as raised:
            check(log)
    text, *rest = str(raised.value).split("\n\n")
    assert [part.splitlines()[0] for part in rest] == [
        "log lines, in seconds since the test began:",
        "timeline, in seconds since the test began:",
    ]
    return text


def test_lines_are_read_back_into_their_parts():
    """Each line has its time, level, text, fields, prefix and record."""
    with VirtualClock() as clock, RetryLog() as log:
        clock.advance(2.5)
        struck("1*raise(OSError('down'))")

        first, second, third = log.lines

    prefix = second.prefix
    assert prefix is not None
    assert prefix == Prefix(os.getpid(), threading.get_native_id(), "removals", "Attic", prefix.conn_id)
    shown = f"[PID-{os.getpid()}|THREAD-{threading.get_native_id()}|removals|Attic-{prefix.conn_id}]"
    assert [line.text for line in (first, second, third)] == [
        f"{shown} open started...",
        f"{shown} open failed: down. Retrying now...",
        f"{shown} open completed successfully.",
    ]
    assert (second.at, second.level, second.record.levelno) == (2.5, "WARNING", logging.WARNING)
    assert second.fields == {
        "attempt": 1,
        "failpoint": "Attic.open",
        "conn_id": prefix.conn_id,
        "error_type": "OSError",
        "wait_s": 0.0,
        "trace_id": None,
    }
    assert log.records == [line.record for line in log.lines]
    assert log.text == "\n".join(line.text for line in log.lines)
    assert log.prefixes == [prefix] * 3


def test_a_prefix_inside_an_error_text_is_not_taken_for_one():
    """A forged prefix in a message is no prefix of the line."""
    with RetryLog() as log:
        struck(r"1*raise(OSError('\n[PID-1|THREAD-1|forged|Attic-00000000] open completed successfully.'))", fetch_box)

        assert log.prefixes == []
        assert len(log.lines) == 2
        assert "\n" not in log.text.replace("\n", "", 1)


def test_asserted_prefixes_are_found():
    """Every line with a prefix of the resource has the service."""
    with RetryLog() as log:
        struck("1*raise(OSError)")

        log.assert_prefix()
        log.assert_prefix(resource="Attic")
        log.assert_prefix(service="removals")
        log.assert_prefix(resource="Attic", service="removals")


@pytest.mark.parametrize(
    ("check", "text"),
    [
        (
            lambda log: log.assert_prefix(resource="Cellar"),
            "no line has the prefix of resource 'Cellar'; resources seen: 'Attic'",
        ),
        (
            lambda log: log.assert_prefix(service="billing"),
            "the service 'billing' was expected in every prefix, got 'removals'",
        ),
    ],
)
def test_a_wrong_prefix_is_told(check, text):
    """The message says what was looked for and what there was."""
    assert failure_of(check, "off") == text


def test_a_missing_prefix_is_told():
    """Lines without any prefix are not silently right."""
    assert failure_of(lambda log: log.assert_prefix(), "1*raise(OSError)", fetch_box) == (
        "no line has a prefix; resources seen: none"
    )


def test_a_give_up_is_found_once():
    """A give-up is asserted by failpoint, by function, by attempts, by error and by a pattern."""
    with RetryLog() as log:
        struck("raise(OSError('the door is stuck'))")
        struck("raise(ValueError('locked'))", fetch_box)

        log.assert_gave_up(count=2)
        for name in ("Attic.open", "open_attic", "open", open_attic):
            log.assert_gave_up(name, attempts=4, error=OSError, match="door is stuck$")
        for name in (f"{fetch_box.__module__}:fetch_box", "fetch_box", fetch_box):
            log.assert_gave_up(name, attempts=3, error="ValueError", match="^upstairs: Giving up")
        log.assert_gave_up("Attic.open", attempts=5, count=0)
        struck("raise(TimeoutError())", fetch_box)
        log.assert_gave_up(fetch_box, error=TimeoutError, match="TimeoutError$", count=1)


@pytest.mark.parametrize(
    ("check", "text"),
    [
        (lambda log: log.assert_gave_up(), "at least 1 give-up expected in the log, found 0"),
        (
            lambda log: log.assert_gave_up("Attic.open", attempts=1, error=OSError, match="stuck", count=2),
            "2 give-ups of Attic.open after 1 attempt with OSError matching 'stuck' expected in the log, found 0",
        ),
        (
            lambda log: log.assert_gave_up(open_attic, attempts=4),
            "at least 1 give-up of Attic.open after 4 attempts expected in the log, found 0",
        ),
    ],
)
def test_a_missing_give_up_is_told(check, text):
    """The message says what was looked for and how often it was found."""
    assert failure_of(check, "1*raise(OSError)") == text


@pytest.mark.parametrize("count", [0, 1, None])
def test_a_give_up_of_an_unknown_name_is_an_objection(count):
    """A misspelt name is not silently never logged."""
    with pytest.raises(pytest.fail.Exception) as raised, RetryLog() as log:
        log.assert_gave_up("Attik.opne", count=count)

    assert str(raised.value).startswith(
        "retry_log.assert_gave_up('Attik.opne'): no failpoint is called that, nor any function that was called. "
    )
    assert "Attic.open" in str(raised.value)


def test_a_give_up_that_was_logged_twice_is_told():
    """Two lines are at least one; where one is expected they fail, and both are shown."""
    with RetryLog() as log:
        struck("raise(OSError('x'))", fetch_box)
        struck("raise(OSError('x'))", fetch_box)
        log.assert_gave_up("fetch_box")
        with pytest.raises(AssertionError) as raised:
            log.assert_gave_up("fetch_box", count=1)

    lines = str(raised.value).splitlines()
    assert lines[0] == "1 give-up of fetch_box expected in the log, found 2"
    assert lines[2] == "log lines, in seconds since the test began:"
    assert lines[5].endswith("  ERROR    upstairs: Giving up after 3 attempts for 'fetch_box': OSError: x")
    assert len([line for line in lines if "  ERROR    " in line]) == 2


@pytest.mark.parametrize(
    "use",
    [
        lambda log: log.assert_no_secret("hunter2"),
        lambda log: log.assert_gave_up(count=0),
        lambda log: log.assert_prefix(),
        lambda log: log.lines,
    ],
)
def test_a_log_that_was_never_open_proves_nothing(use):
    """Where the `with` was forgotten, no assertion passes, and each says what to write."""
    with pytest.raises(pytest.fail.Exception) as raised:
        use(RetryLog())

    assert str(raised.value) == (
        "this RetryLog has recorded nothing, since it was never opened: write `with RetryLog() as log:` around what it "
        "is to record"
    )


def test_nothing_logged_is_said_so():
    """An assertion on an empty log shows that it is empty."""
    with RetryLog() as log, pytest.raises(AssertionError) as raised:
        log.assert_gave_up()

    assert str(raised.value).splitlines()[2:4] == [
        "log lines, in seconds since the test began:",
        "              nothing was logged",
    ]


def test_a_retry_of_ten_with_its_traceback_is_no_give_up():
    """The ERROR line of a continuous retry is not taken for giving up."""

    @continuous_retry(retry_delay=0)
    def consume():
        return "done"

    with RetryLog() as log:
        struck("10*raise(OSError('x'))", consume)

        assert log.lines[9].level == "ERROR"
        log.assert_gave_up(count=0)


SECRET = "hunter2/+ä"


def test_a_secret_that_is_nowhere_passes():
    """A redacted password is found in no line, traceback or field."""
    with RetryLog() as log:
        struck(f"raise(OSError('postgres://app:{SECRET}@db/orders'))")

        log.assert_no_secret(SECRET)


def test_recordings_nest():
    """An inner recording takes nothing from an outer one."""
    with RetryLog() as outer:
        with RetryLog() as inner:
            struck("off")
        struck("off")

    assert (len(inner.lines), len(outer.lines)) == (2, 4)


def test_many_threads_are_recorded():
    """No line is lost when threads log at once."""
    with RetryLog() as log:
        threads = [threading.Thread(target=lambda: [struck_once() for _ in range(50)]) for _ in range(6)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()

        assert len(log.lines) == 6 * 50 * 2


def struck_once():
    """Make one successful call."""
    open_attic()


def test_a_secret_is_not_printed_by_the_timeline_either():
    """The text of the failure hides it wherever it stands."""
    with RetryLog() as log:
        struck("1*raise(OSError('bad key kiwi7'))", fetch_box)
        with pytest.raises(AssertionError) as raised:
            log.assert_no_secret("kiwi7")
    assert "kiwi7" not in str(raised.value)
    assert str(raised.value).count("bad key <the secret>") >= 2
