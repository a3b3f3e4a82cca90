"""The lines of the log: texts, levels, fields, and what hostile errors can't do to them."""

from __future__ import annotations

import logging

import pytest
import tenacity

from resilience import configure, conn_retry, continuous_retry, create_retry_decorator, log_prefix
from resilience._config import configured
from resilience.events import AlertDelivered, AlertFailed, CallStarted, stream
from tests.resilience.conftest import DSN, KINDS, run_failing

NO_WAIT = tenacity.wait_none()
FIELDS = ("attempt", "failpoint", "conn_id", "error_type", "wait_s", "trace_id")


class UnreadableError(Exception):
    """Its text can't be had."""

    def __str__(self):
        raise RuntimeError("no text")


def test_a_retried_failure_and_the_giving_up(mode, log):
    """Each failure that will be retried is a WARNING, and giving up is an ERROR, once."""
    outcomes = [ConnectionError("first"), TimeoutError("second"), KeyError("third")]
    mode.fails(create_retry_decorator(3, wait=NO_WAIT)(mode.function(*outcomes)))
    assert log.lines == [
        ("WARNING", "Retry attempt 1 for 'fetch': ConnectionError: first"),
        ("WARNING", "Retry attempt 2 for 'fetch': TimeoutError: second"),
        ("ERROR", "Giving up after 3 attempts for 'fetch': KeyError: 'third'"),
    ]


def test_an_error_without_a_text_is_its_type_alone(mode, log):
    """Where the type is all that there is to say, it is not said twice."""
    mode.fails(create_retry_decorator(2, wait=NO_WAIT)(mode.function(TimeoutError(), TimeoutError())))
    mode.fails(create_retry_decorator(exclude_exceptions=OSError)(mode.function(TimeoutError())))
    assert log.lines == [
        ("WARNING", "Retry attempt 1 for 'fetch': TimeoutError"),
        ("ERROR", "Giving up after 2 attempts for 'fetch': TimeoutError"),
        ("INFO", "Not retried 'fetch': TimeoutError"),
    ]


def test_the_context_comes_first(mode, log):
    """A context stands before both texts, with a colon."""
    mode.fails(create_retry_decorator(2, context="billing", wait=NO_WAIT)(mode.function(ConnectionError)))
    assert log.lines == [
        ("WARNING", "billing: Retry attempt 1 for 'fetch': ConnectionError: refused"),
        ("ERROR", "billing: Giving up after 2 attempts for 'fetch': ConnectionError: refused"),
    ]


def test_success_and_recovery_of_a_plain_retry(mode, log):
    """A success is silent, and a recovery says at which attempt it came."""
    mode.run(create_retry_decorator()(mode.function("stock")))
    assert log.lines == []
    mode.run(create_retry_decorator(wait=NO_WAIT)(mode.function(ConnectionError, "stock")))
    assert log.lines == [
        ("WARNING", "Retry attempt 1 for 'fetch': ConnectionError: refused"),
        ("INFO", "Recovered at attempt 2 for 'fetch'"),
    ]


@pytest.mark.parametrize("outcome", [ValueError, PermissionError])
def test_an_error_that_is_not_retried_is_given_up_on_once(mode, log, outcome):
    """An error that is excluded, or outside ``retry_on``, at the first attempt is a line at INFO, and no failure."""
    fetch = create_retry_decorator(exclude_exceptions=PermissionError, retry_on=OSError)(mode.function(outcome))
    mode.fails(fetch)
    assert log.lines == [("INFO", f"Not retried 'fetch': {outcome.__name__}: refused")]


def test_an_error_that_is_not_retried_later_is_a_give_up(mode, log):
    """After a failure that was retried, an excluded error ends the call as any other does."""
    fetch = create_retry_decorator(3, PermissionError, wait=NO_WAIT)(mode.function(KeyError, PermissionError))
    mode.fails(fetch)
    assert log.lines[1:] == [("ERROR", "Giving up after 2 attempts for 'fetch': PermissionError: refused")]


def test_the_context_comes_before_the_lines_at_info_too(mode, log):
    """Whether a call recovers or is not retried, its line begins with the context."""
    decorator = create_retry_decorator(3, PermissionError, context="billing", wait=NO_WAIT)
    mode.run(decorator(mode.function(KeyError, "stock")))
    mode.fails(decorator(mode.function(PermissionError)))
    assert log.texts("INFO") == [
        "billing: Recovered at attempt 2 for 'fetch'",
        "billing: Not retried 'fetch': PermissionError: refused",
    ]


def test_without_reraise_the_lines_name_the_real_error(mode, log):
    """The lines are about what happened, not about the RetryError that it is raised as."""
    mode.fails(create_retry_decorator(1, reraise=False)(mode.function(ConnectionError)), tenacity.RetryError)
    assert log.lines == [("ERROR", "Giving up after 1 attempts for 'fetch': ConnectionError: refused")]


@pytest.mark.parametrize(
    ("last", "text"),
    [
        (tenacity.Future.construct(1, ConnectionError("refused"), True), "ConnectionError: refused"),
        (tenacity.Future.construct(1, 0, False), "RetryError[<Future state=finished returned int>]"),
        (tenacity.Future(1), "RetryError[<Future state=pending>]"),
    ],
)
def test_a_retry_error_that_is_raised_by_hand_is_shown_without_an_address(mode, log, last, text):
    """The error of its last attempt is named, or what else came of that."""
    mode.fails(create_retry_decorator(1)(mode.function(tenacity.RetryError(last))), tenacity.RetryError)
    assert log.lines == [("ERROR", f"Giving up after 1 attempts for 'fetch': RetryError: {text}")]


def test_a_deadline_is_given_up_on_once(mode, log):
    """A call that ends at its deadline has the one line of giving up."""
    mode.fails(create_retry_decorator(timeout=5.0, wait=tenacity.wait_fixed(6))(mode.function(ConnectionError)))
    assert log.lines == [("ERROR", "Giving up after 1 attempts for 'fetch': ConnectionError: refused")]


def test_nested_calls_each_have_their_own_lines(mode, log):
    """An inner call that gives up says so once for each time it was tried."""
    inner = create_retry_decorator(1, context="inner")(mode.function(ConnectionError, name="inner"))
    mode.fails(create_retry_decorator(2, context="outer", wait=NO_WAIT)(inner))
    assert [text.partition(" for")[0] for _, text in log.lines] == [
        "inner: Giving up after 1 attempts",
        "outer: Retry attempt 1",
        "inner: Giving up after 1 attempts",
        "outer: Giving up after 2 attempts",
    ]


def test_the_name_is_that_of_the_function(mode, log):
    """``{func}`` is the ``__name__``, not the qualified name."""
    function = mode.function(ConnectionError, name="reserve")
    function.__qualname__ = "Stock.reserve"
    mode.fails(create_retry_decorator(1)(function))
    assert log.texts("ERROR") == ["Giving up after 1 attempts for 'reserve': ConnectionError: refused"]


def test_a_delivered_alert_is_a_critical_line(sync_mode, log):
    """Each decorator has its own text for an alert that has reached its channel."""
    calls = []
    end = stream.subscribe(calls.append, CallStarted)
    try:
        for kind in ("retry", "connection"):
            sync_mode.run(KINDS[kind](sync_mode.function("stock")))
    finally:
        end()
    for event in calls:
        stream.emit(AlertDelivered(event.call, 50))
    assert log.texts("CRITICAL") == [
        "CRITICAL ALERT SENT: Operation fetch at attempt 50",
        "INFRASTRUCTURE ALERT SENT: Redis at 50 attempts",
    ]


def test_an_alert_that_fails_is_an_error_line(caplog):
    """An alert that could not be delivered is reported, by a record with all fields."""
    stream.emit(AlertFailed("HTTP 500"))
    record = caplog.records[0]
    assert (record.name, record.levelname) == ("resilience", "ERROR")
    assert record.getMessage() == "Failed to send Discord alert: HTTP 500"
    assert [vars(record)[name] for name in FIELDS] == [None] * 6


def test_fields_of_a_plain_retry(mode, log):
    """Each record carries its fields, None where they have no meaning."""
    mode.fails(create_retry_decorator(2, wait=tenacity.wait_fixed(0))(mode.function(ConnectionError)))
    assert [[vars(record)[name] for name in FIELDS] for record in log.records] == [
        [1, "shop.stock:fetch", None, "ConnectionError", 0.0, None],
        [2, "shop.stock:fetch", None, "ConnectionError", None, None],
    ]


def test_fields_of_a_connection(mode, log):
    """Start and success of a connection have no error, and the start has no attempt yet."""
    mode.run(conn_retry("Redis", "connect", wait=NO_WAIT)(mode.function(ConnectionError, "connection")))
    conn_id = vars(log.records[0])["conn_id"]
    assert [[vars(record)[name] for name in FIELDS] for record in log.records] == [
        [None, "Redis.connect", conn_id, None, None, None],
        [1, "Redis.connect", conn_id, "ConnectionError", 0.0, None],
        [2, "Redis.connect", conn_id, None, None, None],
    ]


def test_fields_of_a_continuous_retry(mode, log):
    """A failure of a loop says how long it waits."""
    fetch = continuous_retry(retry_delay=2.5)(mode.function(ConnectionError, "stock"))
    mode.waits_of(fetch)
    mode.run(fetch)
    assert [[vars(record)[name] for name in FIELDS] for record in log.records] == [
        [1, "shop.stock:fetch", None, "ConnectionError", 2.5, None]
    ]


def test_the_active_trace_is_a_field(mode, log):
    """Inside a span of OpenTelemetry each record carries the id of the trace."""
    from opentelemetry.sdk.trace import TracerProvider

    fetch = create_retry_decorator(1)(mode.function(ConnectionError))
    with TracerProvider().get_tracer("shop").start_as_current_span("order") as span:
        mode.fails(fetch)
    mode.fails(fetch)
    inside, outside = log.records
    assert vars(inside)["trace_id"] == f"{span.get_span_context().trace_id:032x}"
    assert vars(outside)["trace_id"] is None


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("100 %s of %(disk)s and {0} {disk} full", "100 %s of %(disk)s and {0} {disk} full"),
        ("down\n[PID-1|THREAD-1|billing|Redis-0] connect completed successfully.", "down\\n[PID-1"),
        ("down\r\n\x1b[31m\x00\u2028\u202e", "down\\r\\n\\x1b[31m\\x00\\u2028\\u202e"),
        ("lone \ud800 surrogate", "lone \\ud800 surrogate"),
        (DSN, "postgres://app:[redacted]@db:5432/orders"),
        ("", "ConnectionError"),
    ],
    ids=["formats", "forged line", "controls", "surrogate", "secret", "empty"],
)
def test_hostile_texts_stay_one_clean_line(mode, log, kind, text, shown):
    """Whatever an error says, each line is a single one, names it, encodes as UTF-8, and holds no secret."""
    run_failing(mode, kind, ConnectionError(text))
    texts = [text for level, text in log.lines if level != "INFO"]
    assert len(texts) == (11 if kind == "continuous" else 12)
    for written in texts:
        assert shown in written
        assert len(written.splitlines()) == 1
        assert written.encode()
        assert "hunter2" not in written


@pytest.mark.parametrize(
    ("error", "said"),
    [
        (TimeoutError(), "TimeoutError"),
        (
            ExceptionGroup("two tasks", [OSError(DSN), KeyError()]),
            "two tasks (2 sub-exceptions): OSError: {dsn}; KeyError",
        ),
    ],
    ids=["no text", "group"],
)
def test_every_line_says_what_failed(sync_mode, log, error, said):
    """An error without a text is named by its type, and of a group the leaves are."""
    said = said.format(dsn="postgres://app:[redacted]@db:5432/orders")
    sync_mode.fails(conn_retry("Redis", "connect", max_retry=1, wait=NO_WAIT)(sync_mode.function(error, error)))
    lines = [text.partition("] ")[2] for _, text in log.lines[1:]]
    assert lines == [f"connect failed: {said}. Retrying now...", f"connect failed after retries: {said}"]


@pytest.mark.parametrize("kind", KINDS)
def test_a_text_of_ten_megabytes_is_cut(sync_mode, log, kind):
    """An enormous error text gives a line of bounded length, and the retry goes on."""
    run_failing(sync_mode, kind, ConnectionError("x" * 10_000_000))
    assert all(len(text) < 3_000 for _, text in log.lines)
    assert all(len(record.exc_text or "") < 20_000 for record in log.records)
    assert sync_mode.attempts == 12


@pytest.mark.parametrize("kind", KINDS)
def test_an_error_whose_text_raises_is_described(mode, log, kind):
    """An exception whose ``__str__`` raises is logged all the same, and retried like any other."""
    run_failing(mode, kind, UnreadableError())
    lines = [text for level, text in log.lines if level != "INFO"]
    assert mode.attempts == 12
    assert all("<UnreadableError whose text could not be read: RuntimeError>" in text for text in lines)


def test_no_secret_is_anywhere_in_the_tenth_record(mode, log):
    """The traceback of every tenth failure is redacted: as text, as exc_info, and as a handler formats it."""

    def body():
        try:
            raise ValueError(f"bad {DSN}")
        except ValueError as error:
            error.add_note(f"while using {DSN}")
            raise ConnectionError(f"could not reach {DSN}") from error

    fetch = continuous_retry(retry_delay=0)(mode.of(body))
    fetch.retry.stop = tenacity.stop_after_attempt(11)
    mode.fails(fetch, ConnectionError)
    tenth = log.records[9]
    assert tenth.exc_text is not None
    assert tenth.exc_text.count("[redacted]") == 3
    assert "hunter2" not in repr([vars(record) for record in log.records])
    assert "hunter2" not in logging.Formatter().format(tenth)
    tenth.exc_text = None
    assert "hunter2" not in logging.Formatter().format(tenth)
    assert tenth.exc_info is not None
    assert "ConnectionError: could not reach postgres://app:[redacted]@db" in logging.Formatter().format(tenth)


class OwnTextError(Exception):
    """Its text is its own, whatever it is made with."""

    def __str__(self):
        return f"could not reach {DSN}\n[PID-1] forged"


class OwnReprError(Exception):
    """Its repr is its own."""

    def __repr__(self):
        return f"OwnReprError({DSN!r})"


HostileNameError = type("Hostile\nError", (Exception,), {})


@pytest.mark.parametrize("kind", [OwnTextError, OwnReprError, HostileNameError], ids=["text", "repr", "name"])
def test_an_error_that_can_not_be_made_safe_is_replaced(sync_mode, log, kind):
    """Where an exception's own text, repr or name would show what must not be seen, exc_info holds another one."""
    run_failing(sync_mode, "continuous", kind("down"))
    tenth = log.records[9]
    tenth.exc_text = None
    assert tenth.exc_info is not None
    shown = tenth.exc_info[1]
    assert type(shown) is RuntimeError
    for text in (str(shown), repr(shown), logging.Formatter().format(tenth)):
        assert "hunter2" not in text
        assert "\n[PID-1]" not in text
        assert "Hostile\n" not in text


def test_no_line_of_the_traceback_is_forged(sync_mode, log):
    """A newline in a message begins no line of its own in the traceback either."""
    run_failing(sync_mode, "continuous", ConnectionError("down\n[PID-1|forged] connect completed successfully."))
    tenth = log.records[9].exc_text
    assert tenth is not None
    assert not any(line.startswith("[PID-1") for line in tenth.splitlines())


def test_hostile_names_of_functions_and_contexts(mode, log):
    """Context and function name are cleaned as error texts are."""
    function = mode.function(ConnectionError, name="fetch\n%s")
    mode.fails(create_retry_decorator(1, context="bil\nling %d {}")(function))
    assert log.lines == [
        ("ERROR", "bil\\nling %d {}: Giving up after 1 attempts for 'fetch\\n%s': ConnectionError: refused")
    ]


def test_a_hostile_service_name_forges_no_line():
    """Service, resource and connection id are a single clean line in the prefix."""
    with configured(service_name="a\nb"):
        prefix = log_prefix("Re\ndis", "0\n1")
        numbered = log_prefix("Redis", 7)
    assert prefix.endswith("|a\\nb|Re\\ndis-0\\n1]")
    assert numbered.endswith("|Redis-7]")


def test_a_type_with_a_hostile_name(mode, log):
    """The name of an exception's type is cleaned too, in the text and in the field."""
    mode.fails(create_retry_decorator(1)(mode.function(type("Bad\nError", (Exception,), {})("refused"))))
    assert log.lines == [("ERROR", "Giving up after 1 attempts for 'fetch': Bad\\nError: refused")]
    assert vars(log.records[0])["error_type"] == "Bad\\nError"


def test_the_service_name_is_read_when_the_line_is_written(mode, log):
    """A service that is configured in the middle of a call is named from the next line on."""
    names = iter(["second", "third"])

    def body():
        configure(service_name=next(names))
        raise ConnectionError("refused")

    with configured(service_name="first"):
        mode.fails(conn_retry("Redis", "connect", 1, wait=NO_WAIT)(mode.of(body)))
    assert [text.split("|")[2] for _, text in log.lines] == ["first", "second", "third"]
