"""The log contract: which event becomes which line, on the logger ``resilience``.

The texts are read by dashboards and by the test plugin. Error texts are redacted and made a single line, and handed to
logging as arguments, so that nothing in them is ever taken for a format.
"""

from __future__ import annotations

import functools
import logging
import os
import sys
import threading
from collections.abc import Callable, Mapping
from contextvars import ContextVar
from typing import Any, Final

from resilience import _config as config
from resilience._events import AttemptFailed, Call, CallEnded, CallStarted, Event, ListenerRemoved, stream
from resilience._log_record import logger, write_record
from resilience._support.signals import raised_by_signal_handler
from resilience._support.wording import counted
from resilience.redact import clean, message_of, summary_of, traceback_of

_TRACEBACK_EVERY: Final = 10  # failures of a `continuous_retry`, which may go on for days
_handling: Final[ContextVar[bool]] = ContextVar("resilience_handling_a_line", default=False)


def log_prefix(resource_name: str, conn_id: str) -> str:
    """Return the prefix of a connection's log lines: process, thread, service, resource and connection.

    Process, thread and service are those of the moment, so the prefix is right after a fork and in every thread.

    Example:
        ``[PID-4711|THREAD-4711|billing|Redis-5f3a9c01]``
    """
    service, resource, connection = map(clean, map(str, (config.service_name(), resource_name, conn_id)))
    return f"[PID-{os.getpid()}|THREAD-{threading.get_native_id()}|{service}|{resource}-{connection}]"


def install() -> None:
    """Write the log lines of every event from now on; those of alerting are installed with their events."""
    write_lines("log", _WRITERS)


def write_lines(owner: str, writers: Mapping[type[Event], Callable[[Any], None]]) -> None:
    """Have each type of event written as a line by its function."""
    stream.install(owner, {kind: functools.partial(_guarded, write) for kind, write in writers.items()})


def _guarded(write: Any, event: Event) -> None:
    """Do as logging's own handlers do about an error in a user's filter: show it, and go on.

    What happens while a line is being handled has no line of its own: a handler that ships its records by a function
    that is retried would be handed lines about that, and ship these, without end. Nor has what a task does that the
    handler has made, which is where one in an event loop ships: it has a copy of the context.
    """
    if _handling.get():
        return
    handling = _handling.set(True)
    try:
        write(event)
    except Exception as error:  # a filter is foreign code; a lost line must not cost the call, nor the next line
        if raised_by_signal_handler(error):
            raise
        if logging.raiseExceptions and sys.stderr is not None:
            sys.stderr.write(f"--- Logging error ---\n{traceback_of(error)}\n")
    finally:
        _handling.reset(handling)


def _call_started(event: CallStarted) -> None:
    if event.call.policy.kind == "connection" and logger.isEnabledFor(logging.INFO):
        write_record(logging.INFO, event.call, "%s %s started...", _prefix(event.call), _action(event.call))


def _attempt_failed(event: AttemptFailed) -> None:
    call, attempt, error = event.call, event.attempt, event.error
    with_traceback = call.policy.kind == "continuous" and attempt % _TRACEBACK_EVERY == 0
    level = logging.ERROR if with_traceback else logging.WARNING
    if not logger.isEnabledFor(level):
        return
    values: tuple[object, ...]
    if call.policy.kind == "connection":
        text, values = "%s %s failed: %s. Retrying now...", (_prefix(call), _action(call), message_of(error))
    elif call.policy.kind == "continuous":
        text = "%s failed for the %d times, error: [%s] — retrying in %.2fs"
        values = (clean(call.function), attempt, message_of(error), event.wait_s)
    else:
        text, values = "%sRetry attempt %d for '%s': %s", _failure(call, attempt, error)
    write_record(
        level, call, text, *values, attempt=attempt, error=error, wait_s=event.wait_s, with_traceback=with_traceback
    )


def _call_ended(event: CallEnded) -> None:
    call, attempts, error = event.call, event.attempts, event.error
    connection = call.policy.kind == "connection"
    level = _level_of_end(event)
    if level is None or not logger.isEnabledFor(level):
        return
    values: tuple[object, ...]
    if error is None and connection:
        text, values = "%s %s completed successfully.", (_prefix(call), _action(call))
    elif error is None:
        text, values = "%sRecovered at attempt %d for '%s'", (_context(call), attempts, clean(call.function))
    elif event.outcome == "cancelled" and connection:
        after = f"cancelled after {counted(attempts, 'attempt')}"
        text, values = "%s %s %s: %s", (_prefix(call), _action(call), after, message_of(error))
    elif event.outcome == "cancelled":
        text, values = "%sCancelled after %d attempts for '%s': %s", _failure(call, attempts, error)
    elif connection:
        text, values = "%s %s failed after retries: %s", (_prefix(call), _action(call), message_of(error))
    elif event.reason == "excluded" and event.foreseen:
        context, _, *rest = _failure(call, attempts, error)
        text, values = "%sNot retried '%s': %s", (context, *rest)
    else:
        text, values = "%sGiving up after %d attempts for '%s': %s", _failure(call, attempts, error)
    write_record(level, call, text, *values, attempt=attempts, error=error)


def _level_of_end(event: CallEnded) -> int | None:
    """Return the level that the end of a call is logged at; None where it is not logged."""
    kind = event.call.policy.kind
    if event.outcome in {"succeeded", "recovered"}:
        tells = kind == "connection" or (kind == "retry" and event.outcome == "recovered")
        return logging.INFO if tells and event.error is None else None
    if event.outcome == "cancelled":
        return logging.DEBUG
    return logging.INFO if event.foreseen else logging.ERROR


def _listener_removed(event: ListenerRemoved) -> None:
    if logger.isEnabledFor(logging.ERROR):
        text, error = "The listener %s was removed, because it raised %s", event.error
        values = clean(event.listener), summary_of(error)
        write_record(logging.ERROR, None, text, *values, error=error, with_traceback=True)


_WRITERS: Final[dict[type[Event], Any]] = {
    CallStarted: _call_started,
    AttemptFailed: _attempt_failed,
    CallEnded: _call_ended,
    ListenerRemoved: _listener_removed,
}


def _failure(call: Call, attempts: int, error: BaseException) -> tuple[str, int, str, str]:
    return _context(call), attempts, clean(call.function), summary_of(error)


def _context(call: Call) -> str:
    return f"{clean(call.policy.context)}: " if call.policy.context else ""


def _prefix(call: Call) -> str:
    return log_prefix(call.policy.resource or "", call.conn_id or "")


def _action(call: Call) -> str:
    return clean(call.policy.action or "")
