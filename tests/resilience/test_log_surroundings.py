"""The lines of the log beside what a program does about logging: its handlers, filters and record factories."""

from __future__ import annotations

import io
import logging

import pytest
import tenacity

from resilience import create_retry_decorator
from tests.resilience.conftest import DSN, KINDS, run_failing

NO_WAIT = tenacity.wait_none()
FIELDS = ("attempt", "failpoint", "conn_id", "error_type", "wait_s", "trace_id")


def test_records_belong_to_the_logger_resilience(mode, log):
    """Handlers, levels and filters of the logger ``resilience`` apply to every record."""
    logger = logging.getLogger("resilience")
    written = io.StringIO()
    handler = logging.StreamHandler(written)
    handler.setFormatter(logging.Formatter("%(name)s %(levelname)s %(attempt)s %(funcName)s %(message)s"))
    handler.addFilter(lambda record: record.levelno >= logging.ERROR)
    logger.addHandler(handler)
    try:
        mode.fails(create_retry_decorator(2, wait=NO_WAIT)(mode.function(ConnectionError)))
    finally:
        logger.removeHandler(handler)
    assert written.getvalue() == (
        "resilience ERROR 2 fetch Giving up after 2 attempts for 'fetch': ConnectionError: refused\n"
    )
    assert len(log.records) == 2


@pytest.mark.parametrize("kind", KINDS)
def test_a_filter_that_raises_costs_neither_the_call_nor_the_next_line(mode, log, kind, monkeypatch):
    """What a user's logging filter raises reaches no caller, and the lines after it are written."""
    monkeypatch.setattr(logging, "raiseExceptions", False)
    logger = logging.getLogger("resilience")
    refused = []

    def refuse_the_first(record):
        if not refused:
            refused.append(record)
            raise ValueError("a filter's bug")
        return True

    logger.addFilter(refuse_the_first)
    try:
        run_failing(mode, kind, ConnectionError("refused"))
    finally:
        logger.removeFilter(refuse_the_first)
    assert refused
    assert mode.attempts == 12
    assert len(log.records) >= 10


def test_a_field_that_has_no_meaning_here_is_left_to_the_record_factory(mode, log):
    """A trace id that the program itself puts on its records stays where no trace of OpenTelemetry is active."""
    before = logging.getLogRecordFactory()

    def factory(*args, **kwargs):
        record = before(*args, **kwargs)
        record.trace_id = "of the user"
        return record

    logging.setLogRecordFactory(factory)
    try:
        mode.fails(create_retry_decorator(1)(mode.function(ConnectionError)))
    finally:
        logging.setLogRecordFactory(before)
    assert [(vars(record)["trace_id"], vars(record)["attempt"]) for record in log.records] == [("of the user", 1)]


@pytest.mark.parametrize("name", [*FIELDS, "message_id"])
def test_a_record_factory_of_ones_own_loses_no_line(mode, log, name):
    """A factory that puts fields of its own on every record, whatever they are called, goes with ours."""
    before = logging.getLogRecordFactory()

    def factory(*args, **kwargs):
        record = before(*args, **kwargs)
        setattr(record, name, "of the user")
        return record

    logging.setLogRecordFactory(factory)
    try:
        mode.fails(create_retry_decorator(2, wait=NO_WAIT)(mode.function(ConnectionError)))
    finally:
        logging.setLogRecordFactory(before)
    assert log.lines == [
        ("WARNING", "Retry attempt 1 for 'fetch': ConnectionError: refused"),
        ("ERROR", "Giving up after 2 attempts for 'fetch': ConnectionError: refused"),
    ]


def test_what_is_shown_of_a_broken_filter_holds_no_secret(sync_mode, capsys, monkeypatch):
    """A filter's bug is shown on stderr, as logging itself does, but without the error that was to be logged."""
    monkeypatch.setattr(logging, "raiseExceptions", True)
    logger = logging.getLogger("resilience")

    def refuse(record):
        raise ValueError("a filter's bug")

    logger.addFilter(refuse)
    try:
        sync_mode.fails(create_retry_decorator(2, wait=NO_WAIT)(sync_mode.function(ConnectionError(DSN))))
    finally:
        logger.removeFilter(refuse)
    shown = capsys.readouterr().err
    assert "a filter's bug" in shown
    assert "hunter2" not in shown


def test_a_disabled_logger_changes_no_outcome(mode, caplog):
    """With the logger switched off, calls are retried as ever."""
    caplog.set_level(logging.CRITICAL + 1, logger="resilience")
    for kind in KINDS:
        run_failing(mode, kind, ConnectionError("refused"))
    assert mode.attempts == 36
    assert caplog.records == []
