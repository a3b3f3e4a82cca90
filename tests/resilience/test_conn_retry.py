"""`conn_retry`: attempts, prefixes, and lines that come once."""

from __future__ import annotations

import os
import re
import threading

import pytest
import tenacity

from resilience import configure, conn_retry, log_prefix
from resilience._config import configured

NO_WAIT = tenacity.wait_none()
PREFIX = re.compile(r"\[PID-(\d+)\|THREAD-(\d+)\|([^|\]]+)\|([^|\]]+)-([^-\]]+)\] ")


def conn_ids(log):
    """The connection id in each line."""
    found = [PREFIX.match(text) for _, text in log.lines]
    return [match[5] for match in found if match]


def without_prefix(log):
    """Level and text of each line, every one of which has a prefix."""
    assert all(PREFIX.match(text) for _, text in log.lines)
    return [(level, PREFIX.sub("", text)) for level, text in log.lines]


@pytest.mark.parametrize("max_retry", [0, 1, 6])
def test_it_makes_one_attempt_more_than_max_retry(mode, max_retry):
    """``max_retry`` counts the repetitions, so one attempt more is made."""
    mode.fails(conn_retry("Redis", "connect", max_retry, wait=NO_WAIT)(mode.function(ConnectionError)))
    assert mode.attempts == max_retry + 1


def test_a_hundred_repetitions_are_the_default(mode):
    """Without ``max_retry``, a call that never succeeds makes 101 attempts."""
    raised = mode.fails(conn_retry("Redis", "connect", wait=NO_WAIT)(mode.function(ConnectionError)))
    assert mode.attempts == 101
    assert raised.__notes__ == ["Redis.connect: gave up after 101 attempts, reason: attempts (no attempt is left)"]


def test_a_success_is_two_lines(mode, log):
    """The start and the success of a call are INFO lines."""
    assert mode.run(conn_retry("Redis", "connect")(mode.function("connection"))) == "connection"
    assert without_prefix(log) == [("INFO", "connect started..."), ("INFO", "connect completed successfully.")]


def test_a_recovery_has_a_line_for_each_failure(mode, log):
    """Between start and success there is one WARNING for each failed attempt."""
    outcomes = [ConnectionError("refused"), TimeoutError("slow"), "connection"]
    mode.run(conn_retry("Redis", "connect", wait=NO_WAIT)(mode.function(*outcomes)))
    assert without_prefix(log) == [
        ("INFO", "connect started..."),
        ("WARNING", "connect failed: refused. Retrying now..."),
        ("WARNING", "connect failed: slow. Retrying now..."),
        ("INFO", "connect completed successfully."),
    ]


def test_giving_up_is_one_line_and_the_last_failure_has_no_other(mode, log):
    """The last failure is logged once, as an ERROR, and not as one that will be retried."""
    outcomes = [ConnectionError("first"), ConnectionError("second"), ConnectionError("third")]
    mode.fails(conn_retry("Redis", "connect", 2, wait=NO_WAIT)(mode.function(*outcomes)))
    assert without_prefix(log) == [
        ("INFO", "connect started..."),
        ("WARNING", "connect failed: first. Retrying now..."),
        ("WARNING", "connect failed: second. Retrying now..."),
        ("ERROR", "connect failed after retries: third"),
    ]


def test_an_excluded_error_is_one_line(mode, log):
    """An error that is not retried ends the call with the one line of giving up."""
    raised = mode.fails(
        conn_retry("Redis", "connect", exclude_exceptions=PermissionError)(mode.function(PermissionError))
    )
    assert mode.attempts == 1
    assert without_prefix(log) == [("INFO", "connect started..."), ("ERROR", "connect failed after retries: refused")]
    assert raised.__notes__ == [
        "Redis.connect: gave up after 1 attempt, reason: excluded (errors of this type are not retried)"
    ]


def test_only_retry_on_is_retried(mode):
    """``retry_on`` limits what is retried, as for every decorator."""
    connect = conn_retry("Redis", "connect", retry_on=ConnectionError, wait=NO_WAIT)
    mode.fails(connect(mode.function(ConnectionError, ValueError)), ValueError)
    assert mode.attempts == 2


def test_all_lines_of_a_call_carry_one_conn_id(mode, log):
    """Start, failures and end of a call share their connection id."""
    mode.run(conn_retry("Redis", "connect", wait=NO_WAIT)(mode.function(KeyError, KeyError, "connection")))
    ids = conn_ids(log)
    assert len(ids) == 4
    assert len(set(ids)) == 1


def test_each_call_has_a_conn_id_of_its_own(mode, log):
    """Calls of one decorated function, made one after the other, have different connection ids."""
    connect = conn_retry("Redis", "connect")(mode.function("connection"))
    for _ in range(50):
        mode.run(connect)
    ids = conn_ids(log)
    assert ids[::2] == ids[1::2]
    assert len(set(ids)) == 50


def test_the_conn_id_is_in_the_record_too(mode, log):
    """What the prefix says is also a field of each record."""
    mode.fails(conn_retry("Redis", "connect", 1, wait=NO_WAIT)(mode.function(KeyError)))
    assert [vars(record)["conn_id"] for record in log.records] == conn_ids(log)


def test_the_prefix_names_process_thread_service_and_resource(mode, log):
    """The prefix is that of `log_prefix`, read in the thread that runs the call."""
    with configured(service_name="billing"):
        mode.run(conn_retry("Postgres-9", "connect")(mode.function("connection")))
        expected = log_prefix("Postgres-9", vars(log.records[0])["conn_id"])
    assert log.lines == [
        ("INFO", f"{expected} connect started..."),
        ("INFO", f"{expected} connect completed successfully."),
    ]


def test_log_prefix():
    """The prefix has the process id, the native thread id, the service, and resource and connection."""
    with configured(service_name="billing"):
        prefix = log_prefix("Redis", "5f3a9c01")
    assert prefix == f"[PID-{os.getpid()}|THREAD-{threading.get_native_id()}|billing|Redis-5f3a9c01]"


def test_thread_and_service_are_those_of_the_moment(sync_mode, log):
    """A function that is decorated in one thread and called in another logs the other's id and today's service."""
    connect = conn_retry("Redis", "connect")(sync_mode.function("connection"))
    native = []

    def call():
        native.append(threading.get_native_id())
        connect()

    with configured(service_name="before"):
        connect()
        configure(service_name="after")
        thread = threading.Thread(target=call)
        thread.start()
        thread.join()
    found = [PREFIX.match(text) for _, text in log.lines]
    assert [(match[2], match[3]) for match in found if match] == [
        (str(threading.get_native_id()), "before"),
        (str(threading.get_native_id()), "before"),
        (str(native[0]), "after"),
        (str(native[0]), "after"),
    ]


def test_the_process_id_is_read_for_each_line(sync_mode, log, monkeypatch):
    """A process that forks in the middle of a call logs its own id from then on."""

    def fork_and_fail():
        monkeypatch.setattr(os, "getpid", lambda: 4711)
        raise ConnectionError("refused")

    sync_mode.fails(conn_retry("Redis", "connect", 0)(sync_mode.of(fork_and_fail)))
    processes = [match[1] for match in (PREFIX.match(text) for _, text in log.lines) if match]
    assert [process == "4711" for process in processes] == [False, True]


@pytest.mark.parametrize("level", ["WARNING", "ERROR", "CRITICAL"])
def test_switched_off_levels_leave_the_rest_as_it_is(mode, log, caplog, level):
    """Without INFO the failures are logged just the same, under one connection id."""
    caplog.set_level(level, logger="resilience")
    mode.fails(conn_retry("Redis", "connect", 1, wait=NO_WAIT)(mode.function(ConnectionError)))
    expected = [
        ("WARNING", "connect failed: refused. Retrying now..."),
        ("ERROR", "connect failed after retries: refused"),
    ]
    kept = {"WARNING": expected, "ERROR": expected[1:], "CRITICAL": []}[level]
    assert without_prefix(log) == kept
    assert len(set(conn_ids(log))) == min(len(kept), 1)


def test_hostile_names_forge_no_line(mode, log):
    """Newlines and format characters in resource and action are shown as text."""
    mode.run(conn_retry("Re\ndis %s", "con\rnect {0} %d")(mode.function("connection")))
    for _, text in log.lines:
        assert "\n" not in text
        assert "\r" not in text
        assert "Re\\ndis %s" in text
        assert "con\\rnect {0} %d" in text


def test_functions_of_one_resource_share_a_failpoint_name(mode):
    """The place is named after resource and action, not after the function."""
    made = conn_retry("Redis", "connect")
    assert made(mode.function("a", name="a")).failpoint == "Redis.connect"
    assert made(mode.function("b", name="b")).failpoint == "Redis.connect"
