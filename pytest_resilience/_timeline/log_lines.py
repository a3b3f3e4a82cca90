"""The lines of the kit's log contract: recorded, whatever logging is set to, and read back into their parts."""

from __future__ import annotations

import contextlib
import logging
import re
import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Any, Final, Self, final
from unittest import mock

_PREFIX: Final = re.compile(
    r"\[PID-(?P<pid>\d+)\|THREAD-(?P<thread>\d+)\|(?P<service>.*?)\|(?P<resource>.*?)-(?P<conn_id>[^-\]]*)\](?: |$)"
)
_GIVE_UPS: Final = {
    "ERROR": re.compile(
        r"(.*: )?Giving up after \d+ attempts for '.*?': \w+(: .*)?|\[PID-.*?\] .* failed after retries: .*"
    ),
    "INFO": re.compile(r"(.*: )?Not retried '.*?': \w+(: .*)?"),
}
_OWN: Final = ("attempt", "failpoint", "conn_id", "error_type", "wait_s", "trace_id")


@final
@dataclass(frozen=True, slots=True)
class Prefix:
    """The prefix of a connection's line: ``[PID-1|THREAD-1|billing|Redis-5f3a9c01]``.

    Attributes:
        pid: The process that wrote the line.
        thread: The native id of the thread that did.
        service: As configured; see `resilience.configure`.
        resource: The first argument of ``conn_retry``.
        conn_id: The call, of which all lines have the same.
    """

    pid: int
    thread: int
    service: str
    resource: str
    conn_id: str

    @classmethod
    def of(cls, text: str) -> Self | None:
        """Return the prefix that a line begins with; None where it has none."""
        found = _PREFIX.match(text)
        if found is None:
            return None
        return cls(int(found["pid"]), int(found["thread"]), found["service"], found["resource"], found["conn_id"])


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

    @classmethod
    def of(cls, record: logging.LogRecord, at: float) -> Self:
        """Return the line of a record that was made at some time."""
        try:
            text = record.getMessage()
        except Exception:  # noqa: BLE001  # a wrong logging call, of which the handlers of the record tell
            text = str(record.msg)
        fields = {name: getattr(record, name, None) for name in _OWN}
        return cls(at, record.levelname, text, fields, Prefix.of(text), record)

    @property
    def is_give_up(self) -> bool:
        """Whether the line says that a call gave up, or was not retried at all."""
        pattern = _GIVE_UPS.get(self.level)
        return pattern is not None and pattern.fullmatch(self.text) is not None

    @property
    def names(self) -> set[str]:
        """The names of the call that the line is about: its failpoint, and the names of its function."""
        failpoint = str(self.fields["failpoint"])
        return {failpoint, failpoint.rpartition(":")[2].rpartition(".")[2], str(self.record.funcName)}

    def contents(self) -> Iterator[tuple[str, str]]:
        """Yield each part of the record, with the name of its kind."""
        record = self.record
        error = record.exc_info[1] if record.exc_info else None
        yield "the text", self.text
        yield "the traceback", record.exc_text or ""
        yield "the exception", f"{error!r} {error}" if error is not None else ""
        for name, value in vars(record).items():
            if name not in {"exc_info", "exc_text"}:
                yield f"the field {name!r}", str(value)

    def __str__(self) -> str:
        return f"{self.at:>12.3f}  {self.level:<8} {self.text}"


_recorders: Final[list[Callable[[logging.LogRecord], None]]] = []
_tapped: Final = contextlib.ExitStack()
_tapping: Final = threading.RLock()


@contextlib.contextmanager
def recording(record: Callable[[logging.LogRecord], None]) -> Iterator[None]:
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
