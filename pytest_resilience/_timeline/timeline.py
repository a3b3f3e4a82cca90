"""Everything that happened in a test, in order and with its time; what the fixtures show are views of it."""

from __future__ import annotations

import bisect
import contextlib
import functools
import sys
import threading
import time
from collections.abc import Callable
from contextlib import AbstractContextManager
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Final, Self, TypeVar, final

from pytest_resilience._openings import note_closed, note_open
from pytest_resilience._uninterrupted import Uninterrupted
from pytest_resilience._usage import note
from resilience.events import (
    AlertDelivered,
    AlertFailed,
    AlertRefused,
    AlertSuppressed,
    AttemptFailed,
    CallEnded,
    CallStarted,
    Event,
    FaultInjected,
    NoWebhook,
    RecoveryDelivered,
    WindowShared,
    stream,
)
from resilience.redact import clean, summary_of
from resilience.testing import counted

E = TypeVar("E", bound=Event)
_open: Final[list[Timeline]] = []
_real_seconds: Final = functools.partial(time.perf_counter)  # freezegun replaces references to the function itself
TITLE: Final = "timeline, in seconds since the test began:"
_SHOWN_FIRST: Final = 20  # with the last and those around the failure, one screen
_SHOWN_LAST: Final = 20  # as above
_SHOWN_AROUND: Final = 5  # before it and after it, as above
_LONGEST_ACTION: Final = 200  # characters of a script, so that a line stays one
_KINDS: Final = (
    CallStarted, AttemptFailed, CallEnded, FaultInjected, AlertDelivered, AlertFailed, AlertSuppressed, AlertRefused,
    RecoveryDelivered, NoWebhook, WindowShared,
)  # fmt: skip


@final
@dataclass(frozen=True, slots=True)
class Entry:
    """One thing that happened.

    Attributes:
        at: Seconds since the timeline began, of virtual time where there is a virtual clock.
        event: What happened.
    """

    at: float
    event: Event


@final
class Timeline:
    """Records what happens to decorated callables, faults and alerts for the length of a ``with`` block.

    All fixtures of one test share one, and a failed assertion prints it. By itself it shows what a piece of code does;
    ``str()`` keeps its beginning and its end where it is long.

    Attributes:
        started_ns: When it began, in nanoseconds of ``time.monotonic_ns()``.

    Example:
        ::

            with Timeline() as timeline:
                run_the_service()
            print(timeline)
            waits = [event.wait_s for at, event in timeline.of(resilience.events.AttemptFailed)]
    """

    def __init__(self) -> None:
        self.started_ns = time.monotonic_ns()
        self._stopwatch = Stopwatch()
        self._entries: list[Entry] = []
        self._recording = threading.Lock()
        self._end: Callable[[], None] | None = None
        self._began = 0.0

    def __enter__(self) -> Self:
        self.started_ns = time.monotonic_ns()
        self._stopwatch = Stopwatch()
        self._began = _real_seconds()
        self._end = stream.subscribe(self._record, *_KINDS)
        _open.append(self)
        note_open(self)
        return self

    def __exit__(self, *_: object) -> None:
        with Uninterrupted():
            note_closed(self)
            if self._end is not None:
                self._end()
                self._end = None
                if _open[0] is self:  # what happens in those inside is in this one, too
                    note(**self._counts(), real_s=_real_seconds() - self._began)
                _open.remove(self)

    def __repr__(self) -> str:
        return f"<Timeline of {counted(len(self.entries), 'event')}>"

    def now(self) -> float:
        """Return the seconds since the timeline began."""
        return self._stopwatch.seconds()

    def now_ns(self) -> int:
        """Return the whole nanoseconds since the timeline began."""
        return self._stopwatch.nanoseconds()

    def of(self, kind: type[E]) -> list[tuple[float, E]]:
        """Return the events of one type of `resilience.events`, each with its time in seconds, in order."""
        return [(entry.at, entry.event) for entry in self.entries if isinstance(entry.event, kind)]

    @property
    def entries(self) -> list[Entry]:
        """What has happened so far, in order."""
        with self._recording:
            return list(self._entries)

    def release(self) -> None:
        """Let go of the frames, and all that is in them, of the errors that are told here: the test is over."""
        for entry in self.entries:
            error = getattr(entry.event, "error", None)
            while isinstance(error, BaseException) and error.__traceback__ is not None:
                BaseException.with_traceback(error, None)
                error = error.__context__

    def lines(self) -> list[tuple[float, str]]:
        """Return what has happened so far, each with its time in seconds and as a line without secrets."""
        return [(entry.at, _described(entry.event)) for entry in self.entries]

    def __str__(self) -> str:
        return self.around(None)

    def around(self, at: float | None) -> str:
        """Return the beginning and the end as text and, where a time is given, what happened around it."""
        entries = self.entries
        middle = len(entries) if at is None else bisect.bisect_left(entries, at, key=lambda entry: entry.at)
        shown = [
            index
            for index in range(len(entries))
            if index < _SHOWN_FIRST or index >= len(entries) - _SHOWN_LAST or abs(index - middle) <= _SHOWN_AROUND
        ]
        lines = []
        for before, index in zip([-1, *shown], [*shown, len(entries)], strict=True):
            if index - before > 1:
                lines.append(f"{'...':>12}  {index - before - 1} more")
            if index < len(entries):
                lines.append(f"{entries[index].at:>12.3f}  {_described(entries[index].event)}")
        return "\n".join([TITLE, *(lines or [f"{'':>12}  nothing happened"])])

    def _counts(self) -> dict[str, float]:
        """Count the faults and attempts, and the seconds that the call which waited longest was to wait."""
        ends, failures = self.of(CallEnded), self.of(AttemptFailed)
        ended = {event.call for _, event in ends}
        waits: dict[object, float] = {}
        for _, event in failures:
            waits[event.call] = waits.get(event.call, 0.0) + event.wait_s
        return {
            "faults": len(self.of(FaultInjected)),
            "attempts": sum(event.attempts for _, event in ends)
            + sum(event.call not in ended for _, event in failures),
            "slept_s": max((waits.get(call, 0.0) for call in ended), default=0.0),
        }

    def _record(self, event: Event) -> None:
        with self._recording:
            self._entries.append(Entry(self.now(), event))


def opened(timeline: Timeline | None) -> AbstractContextManager[Timeline]:
    """Return a block with the timeline itself, which is open already, or with a new one of its own."""
    return Timeline() if timeline is None else contextlib.nullcontext(timeline)


def _described(event: Any) -> str:
    """Return a line about an event. Names and scripts may hold secrets and newlines, as error texts may."""
    call = getattr(event, "call", None)
    name = "" if call is None else clean(call.failpoint)
    match event:
        case CallStarted():
            return f"{name}: call started"
        case AttemptFailed(attempt=attempt, error=error, wait_s=wait):
            return f"{name}: attempt {attempt} failed with {_error(error)}, waits {wait:.3f} s"
        case CallEnded(attempts=attempts, outcome=outcome, error=None):
            return f"{name}: {outcome} at attempt {attempts}"
        case CallEnded(attempts=attempts, outcome=outcome, reason=reason, error=error):
            end = outcome if outcome == reason else f"{outcome.replace('_', ' ')} ({reason})"
            return f"{name}: {end} after {counted(attempts, 'attempt')} with {_error(error)}"
        case FaultInjected(failpoint=failpoint, action=action):
            return f"{clean(failpoint)}: fault injected: {clean(action, limit=_LONGEST_ACTION)}"
        case AlertDelivered(attempt=attempt):
            return f"{name}: alert delivered for attempt {attempt}"
        case AlertSuppressed(attempt=attempt):
            return f"{name}: alert held back at attempt {attempt}"
        case RecoveryDelivered(attempt=attempt):
            return f"{name}: notice of the recovery delivered for attempt {attempt}"
        case _:
            return _described_alerting(event)


def _described_alerting(event: Event) -> str:
    """Return a line about what concerns no call. The problems of these events are cleaned already."""
    match event:
        case AlertFailed(problem=problem):
            return f"an alert could not be delivered: {problem}"
        case AlertRefused(problem=problem):
            return f"an alert was refused, and is sent without its details: {problem}"
        case NoWebhook(reason=reason):
            return f"an alert was due and is not sent: {reason or 'there is neither a webhook nor a notifier'}"
        case WindowShared(shared=True):
            return "the alert window is shared with other processes again"
        case WindowShared(problem=problem):
            return f"the alert window is not shared with other processes: {problem}"
        case _:
            return repr(event)


def _error(error: BaseException | None) -> str:
    return "no error" if error is None else summary_of(error, limit=100)


_BEGINNING: Final = datetime(1970, 1, 1)  # noqa: DTZ001  # freezegun's instants have no zone
_found = getattr(sys.modules.get("freezegun.api"), "real_monotonic_ns", time.monotonic_ns)
_monotonic_ns: Final = functools.partial(_found)  # freezegun replaces references to the function itself
del _found


@final
class Stopwatch:
    """Counts from when it was made: virtual time where a virtual clock is open, else frozen time, else real time.

    Freezing the time, and letting it go again, sets clocks to another instant; that is no time that passes.
    """

    def __init__(self) -> None:
        self._reading = threading.Lock()
        self._passed_ns = 0
        self._frozen, self._last_ns = _read()

    def seconds(self) -> float:
        """Return the seconds that have passed; never less than before."""
        return self.nanoseconds() / 1e9

    def nanoseconds(self) -> int:
        """Return the whole nanoseconds that have passed."""
        with self._reading:
            frozen, now_ns = _read()
            if frozen is self._frozen:
                self._passed_ns += max(now_ns - self._last_ns, 0)
            self._frozen, self._last_ns = frozen, now_ns
            return self._passed_ns


def _read() -> tuple[Any, int]:
    """Return what has frozen the time, if anything, and the instant on whatever clock goes on."""
    factories = getattr(sys.modules.get("freezegun.api"), "freeze_factories", ())
    if not factories:
        clocks = sys.modules.get("pytest_resilience.clock._calls.clocks")
        virtual = None if clocks is None else clocks.bubble_ns()
        return None, _monotonic_ns() if virtual is None else virtual
    frozen = factories[-1]
    return frozen, (frozen() - _BEGINNING) // timedelta(microseconds=1) * 1000
