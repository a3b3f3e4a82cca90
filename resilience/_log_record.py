"""How a line is written: as a record of the logger ``resilience`` that no handler can lose, or show too much of."""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterator
from typing import Final

from resilience._events import Call
from resilience._support.fork import importing
from resilience._support.loaded import loaded
from resilience.redact import clean, message_of, traceback_of, type_name

logger: Final = logging.getLogger("resilience")

_LONGEST_CHAIN: Final = 5  # of causes and contexts that a handler may format


def write_record(
    level: int,
    call: Call | None,
    text: str,
    *values: object,
    attempt: int | None = None,
    error: BaseException | None = None,
    wait_s: float | None = None,
    with_traceback: bool = False,
) -> None:
    """Hand a record to the handlers of the logger.

    It has the file and line of the function that is called. Texts from outside among the ``values``, which stand in the
    format ``text``, have to be cleaned already.
    """
    extra = {
        "attempt": attempt,
        "failpoint": None if call is None else call.failpoint,
        "conn_id": None if call is None else call.conn_id,
        "error_type": None if error is None else type_name(error),
        "wait_s": wait_s,
        "trace_id": _trace_id(),
    }
    fit = _fit_for(list(_encodings()))
    if fit(text) != text:
        text = fit(text.replace("—", "-"))
    values = tuple(fit(value) if isinstance(value, str) else value for value in values)
    file, line, function = (__file__, 0, None) if call is None else (call.file, call.line, call.function)
    record = logger.makeRecord(logger.name, level, file, line, text, values, None, function)
    given = vars(record)  # and not by makeRecord, which refuses fields that a user's record factory has set
    given.update({name: value for name, value in extra.items() if value is not None or name not in given})
    if with_traceback and error is not None:
        shown = _chain_of_stand_ins(error, fit)
        record.exc_info, record.exc_text = (type(shown), shown, shown.__traceback__), fit(traceback_of(error))
    logger.handle(record)


def _encodings() -> Iterator[str]:
    """Yield the encodings of the streams and files that a record goes to, of those that can't hold any character."""
    each: logging.Logger | None = logger
    while each is not None:
        for handler in each.handlers:
            place = getattr(handler, "stream", None) or handler  # a file that is opened late has no stream yet
            encoding, errors = getattr(place, "encoding", None), getattr(place, "errors", None)
            if isinstance(encoding, str) and errors in {None, "strict"} and not encoding.lower().startswith("utf"):
                yield encoding
        each = each.parent if each.propagate else None


def _fit_for(encodings: list[str]) -> Callable[[str], str]:
    """Return what writes as escapes what is not in some encoding: a handler would lose the line for one character."""

    def fit(text: str) -> str:
        for encoding in encodings:
            try:
                text = text.encode(encoding, "backslashreplace").decode(encoding)
            except (UnicodeError, LookupError):  # an encoding of the user's own may do anything
                text = text.encode("ascii", "backslashreplace").decode("ascii")
        return text

    return fit


def _chain_of_stand_ins(error: BaseException, fit: Callable[[str], str]) -> BaseException:
    """Return what stands for an error and for what led to it, newest first."""
    first = shown = _stand_in(error, fit)
    for _ in range(_LONGEST_CHAIN):
        cause, context = error.__cause__, None if error.__suppress_context__ else error.__context__
        if cause is not None:
            error = cause
            shown.__cause__ = shown = _stand_in(error, fit)
        elif context is not None:
            error = context
            shown.__context__ = shown = _stand_in(error, fit)
        else:
            break
    return first


def _stand_in(error: BaseException, fit: Callable[[str], str]) -> BaseException:
    """Return an exception that holds no secret and no variable, for handlers that format it themselves."""
    with importing:
        from resilience._support.traceback_text import bare_traceback

    kind, text = type(error), fit(message_of(error))
    try:
        shown = kind.__new__(kind, text)
        shown.args = (text,)
        texts = (repr(shown), kind.__module__, kind.__qualname__)  # nothing in them may have to be hidden or escaped
        safe = str(shown) == text and all(clean(each, limit=len(each) + 1) == each for each in texts)
    except Exception:  # noqa: BLE001  # an exception class may do anything when it is made
        safe = False
    if not safe:
        shown = RuntimeError(f"{type_name(error)}: {text}")
    return BaseException.with_traceback(shown, bare_traceback(error.__traceback__, clean))


def _trace_id() -> str | None:
    """Return the id of OpenTelemetry's active trace, if the program has loaded OpenTelemetry and is in a trace."""
    opentelemetry = loaded("opentelemetry.trace")
    if opentelemetry is None:
        return None
    context = opentelemetry.get_current_span().get_span_context()
    return opentelemetry.format_trace_id(context.trace_id) if context.is_valid else None
