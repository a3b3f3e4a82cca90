"""The log lines of the kit's contract, at every level, read back into their parts."""

from __future__ import annotations

import contextlib
import logging
import re
import threading
import urllib.parse
from collections.abc import Callable, Collection, Iterator
from dataclasses import dataclass, field
from typing import Any, Final, Self, final
from unittest import mock

from pytest_resilience._objections import Objections
from pytest_resilience._timeline.reader import TimelineReader
from pytest_resilience._timeline.timeline import Timeline
from pytest_resilience._wording import check_number, counted, shown, type_named, unknown

_PREFIX: Final = re.compile(
    r"\[PID-(?P<pid>\d+)\|THREAD-(?P<thread>\d+)\|(?P<service>.*?)\|(?P<resource>.*?)-(?P<conn_id>[^-\]]*)\](?: |$)"
)
_GAVE_UP: Final = re.compile(
    r"(?:(?P<context>.*): )?Giving up after (?P<attempts>\d+) attempts for '(?P<function>.*?)': "
    r"(?P<type>\w+): (?P<msg>.*)"
)
_NOT_RETRIED: Final = re.compile(r"(?:(?P<context>.*): )?Not retried '(?P<function>.*?)': (?P<type>\w+): (?P<msg>.*)")
_CONNECTION_GAVE_UP: Final = re.compile(r"\[PID-.*?\] (?P<action>.*) failed after retries: (?P<msg>.*)")
_OWN: Final = ("attempt", "failpoint", "conn_id", "error_type", "wait_s", "trace_id")


@final
@dataclass(frozen=True, slots=True)
class Prefix:
    """The prefix of a connection's line: ``[PID-1|THREAD-1|billing|Redis-5f3a9c01]``."""

    pid: int
    thread: int
    service: str
    resource: str
    conn_id: str


@final
@dataclass(frozen=True, slots=True)
class LogLine:
    """One record of the logger ``resilience``.

    Attributes:
        at: Seconds since the test began.
        level: ``DEBUG`` to ``CRITICAL``.
        text: The finished line.
        fields: What the record carries as ``extra``.
        prefix: The parsed prefix; None for lines that have none.
        record: The record itself.
    """

    at: float
    level: str
    text: str
    fields: dict[str, Any]
    prefix: Prefix | None
    record: logging.LogRecord = field(repr=False, compare=False)

    def __str__(self) -> str:
        return f"{self.at:>12.3f}  {self.level:<8} {self.text}"


@final
class RetryLog(TimelineReader):
    """Records what the logger ``resilience`` is given, for the length of a ``with`` block.

    Every level is recorded, whatever logging is set to, also where it is disabled; other handlers get what they would
    get anyway.

    Example:
        ``with RetryLog() as log: ...; log.assert_gave_up("fetch", attempts=5)``
    """

    def __init__(self, timeline: Timeline | None = None, objections: Objections | None = None) -> None:
        super().__init__(timeline, objections)
        self._lines: list[LogLine] = []
        self._recording = threading.Lock()

    def __enter__(self) -> Self:
        super().__enter__()
        self._open.enter_context(_recording(self._record))
        return self

    @property
    def lines(self) -> list[LogLine]:
        """Every line so far, in order."""
        with self._recording:
            return list(self._lines)

    @property
    def records(self) -> list[logging.LogRecord]:
        """Every record so far, in order."""
        return [line.record for line in self.lines]

    @property
    def text(self) -> str:
        """Every line so far, as one text."""
        return "\n".join(line.text for line in self.lines)

    @property
    def prefixes(self) -> list[Prefix]:
        """The prefix of each line that has one, in order."""
        return [line.prefix for line in self.lines if line.prefix is not None]

    def assert_prefix(self, *, resource: str | None = None, service: str | None = None) -> None:
        """Assert that some line has a prefix, and that all prefixes name the resource and service that are given.

        With ``resource``, prefixes of other resources are passed over.
        """
        __tracebackhide__ = True
        prefixes = self.prefixes
        of_resource = [prefix for prefix in prefixes if resource in {None, prefix.resource}]
        if not of_resource:
            seen = ", ".join(sorted({repr(prefix.resource) for prefix in prefixes})) or "none"
            wanted = "no line has a prefix" if resource is None else f"no line has the prefix of resource {resource!r}"
            self._fail(f"{wanted}; resources seen: {seen}")
        wrong = sorted({prefix.service for prefix in of_resource if service not in {None, prefix.service}})
        if wrong:
            self._fail(f"the service {service!r} was expected in every prefix, got {', '.join(map(repr, wrong))}")

    def assert_gave_up(
        self,
        name: str | Callable[..., Any] | None = None,
        *,
        attempts: int | None = None,
        error: type[BaseException] | str | None = None,
        match: str | None = None,
        times: int = 1,
    ) -> None:
        """Assert that giving up was logged, exactly ``times``.

        That is at ERROR; an error that is not retried at all has a line at INFO instead, which counts as well.

        Args:
            name: A failpoint, the name of a function, or the function; without it, all calls count.
            attempts: How many attempts the line is to name.
            error: The type of the error, one of its bases, or its name.
            match: A regular expression to be found in the line.
            times: How many such lines there are to be; 1 says that it was logged once.
        """
        __tracebackhide__ = True
        check_number("attempts", attempts)
        check_number("times", times)
        wanted_name = None if name is None else shown(name)
        wanted_type = None if error is None else type_named(error)
        wanted_types = {wanted_type, *_names_of_subtypes(error)}
        found = [
            line
            for line in self.lines
            if _is_give_up(line)
            and (wanted_name is None or wanted_name in _names(line))
            and attempts in {None, line.fields["attempt"]}
            and (error is None or line.fields["error_type"] in wanted_types)
            and (match is None or re.search(match, line.text))
        ]
        functions = {str(line.record.funcName) for line in self.lines}
        if not found and wanted_name is not None and (problem := unknown(wanted_name, functions)):
            self._objections.object(f"retry_log.assert_gave_up({wanted_name!r}): {problem}")
        if len(found) != times:
            wanted = [
                "" if wanted_name is None else f" of {wanted_name}",
                "" if attempts is None else f" after {counted(attempts, 'attempt')}",
                "" if wanted_type is None else f" with {wanted_type}",
                "" if match is None else f" matching {match!r}",
            ]
            self._fail(f"{counted(times, 'give-up')}{''.join(wanted)} expected in the log, found {len(found)}")

    def assert_no_secret(self, text: str) -> None:
        """Assert that a text is in no line, traceback or field, neither as it is nor quoted as in a URL."""
        __tracebackhide__ = True
        if not isinstance(text, str):
            raise TypeError(f"assert_no_secret() needs the secret to look for as a str, got {type(text).__name__}")
        if not text:
            raise ValueError("assert_no_secret() needs the secret to look for, got an empty text")
        forms = {text, urllib.parse.quote(text, safe=""), urllib.parse.quote_plus(text)}
        for line in self.lines:
            for place, content in _contents(line):
                if any(form in content for form in forms):
                    self._fail(f"the secret is in {place} of a {line.level} line at {line.at:.3f} s", hide=forms)

    def _record(self, record: logging.LogRecord) -> None:
        try:
            text = record.getMessage()
        except Exception:  # noqa: BLE001  # a wrong logging call; whoever handles the record says so, if anybody does
            text = str(record.msg)
        fields = {name: getattr(record, name, None) for name in _OWN}
        line = LogLine(self._timeline.now(), record.levelname, text, fields, _prefix_of(text), record)
        with self._recording:
            self._lines.append(line)

    def _fail(self, text: str, hide: Collection[str] = ()) -> None:
        __tracebackhide__ = True
        lines = "\n".join(map(str, self.lines)) or f"{'':>12}  nothing was logged"
        shown = f"log lines, in seconds since the test began:\n{lines}\n\n{self._timeline}"
        for secret in hide:
            shown = shown.replace(secret, "<the secret>")
        raise AssertionError(f"{text}\n\n{shown}")


_recorders: Final[list[Callable[[logging.LogRecord], None]]] = []
_tapped: Final = contextlib.ExitStack()
_tapping: Final = threading.RLock()


@contextlib.contextmanager
def _recording(record: Callable[[logging.LogRecord], None]) -> Iterator[None]:
    """Have every record of the kit's logger recorded; blocks of several threads may overlap in any way."""
    with _tapping:
        _recorders.append(record)
        if len(_recorders) == 1:
            _tapped.enter_context(_tap(logging.getLogger("resilience")))
    try:
        yield
    finally:
        with _tapping:
            _recorders.remove(record)
            if not _recorders:
                _tapped.close()


@contextlib.contextmanager
def _tap(logger: logging.Logger) -> Iterator[None]:
    """Hand every record of a logger to the recorders, and pass on those alone that would have been made anyway.

    A handler with the logger's level lowered would do the first, and let other handlers see records that are new to
    them.
    """
    enabled, handle = logger.isEnabledFor, logger.handle

    def record_and_handle(each: logging.LogRecord) -> None:
        for record in _recorders:
            record(each)
        if enabled(each.levelno):
            handle(each)

    with mock.patch.multiple(logger, isEnabledFor=lambda _level: True, handle=record_and_handle):
        yield


def _prefix_of(text: str) -> Prefix | None:
    found = _PREFIX.match(text)
    if found is None:
        return None
    return Prefix(int(found["pid"]), int(found["thread"]), found["service"], found["resource"], found["conn_id"])


def _is_give_up(line: LogLine) -> bool:
    if line.level == "INFO":
        return bool(_NOT_RETRIED.fullmatch(line.text))
    return line.level == "ERROR" and bool(_GAVE_UP.fullmatch(line.text) or _CONNECTION_GAVE_UP.fullmatch(line.text))


def _names(line: LogLine) -> set[str]:
    failpoint = str(line.fields["failpoint"])
    return {failpoint, failpoint.rpartition(":")[2].rpartition(".")[2], str(line.record.funcName)}


def _names_of_subtypes(error: object) -> Iterator[str]:
    """Yield the names of all types derived from an exception type; a record has no more than the name of its own."""
    subtypes: list[type] = type.__subclasses__(error) if isinstance(error, type) else []
    for subtype in subtypes:
        yield subtype.__name__
        yield from _names_of_subtypes(subtype)


def _contents(line: LogLine) -> list[tuple[str, str]]:
    record = line.record
    error = record.exc_info[1] if record.exc_info else None
    return [
        ("the text", line.text),
        ("the traceback", record.exc_text or ""),
        ("the exception", f"{error!r} {error}" if error is not None else ""),
        *(
            (f"the field {name!r}", str(value))
            for name, value in vars(record).items()
            if name not in {"exc_info", "exc_text"}
        ),
    ]
