"""Calls and their attempts, read from a timeline."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import final

from pytest_resilience._timeline.timeline import Timeline
from resilience.events import AttemptFailed, CallEnded, CallStarted, Outcome, Reason
from resilience.events import Call as RunningCall
from resilience.testing import counted
from resilience.typing import Policy


@final
@dataclass(frozen=True, slots=True)
class Attempt:
    """One run of the decorated function.

    Attributes:
        number: 1 for the first.
        at: When it ended, in seconds since the test began.
        error: What it raised; None where it succeeded.
        wait: Seconds until the next attempt; None for the last one.
    """

    number: int
    at: float
    error: BaseException | None
    wait: float | None


@final
@dataclass(slots=True)
class Call:
    """All attempts made for one invocation.

    Attributes:
        failpoint: ``Resource.action`` or ``module:qualname``.
        function: The ``__name__`` of the decorated callable.
        policy: What its decorator was told.
        at: When it began, in seconds since the test began.
        attempts: In order. A call that a stop event ended in its sleep has no further attempt.
        outcome: ``succeeded``, ``recovered``, ``gave_up`` or ``cancelled``; None while it runs.
        reason: ``attempts``, ``deadline``, ``excluded``, ``stop_event`` or ``cancelled``; None where it succeeded.
        error: The last error; None where it succeeded.
    """

    failpoint: str
    function: str
    policy: Policy
    at: float
    attempts: list[Attempt] = field(default_factory=list)
    outcome: Outcome | None = None
    reason: Reason | None = None
    error: BaseException | None = None

    @property
    def waits(self) -> list[float]:
        """The waits between the attempts, in seconds."""
        return [attempt.wait for attempt in self.attempts if attempt.wait is not None]

    def __str__(self) -> str:
        end = "still running" if self.outcome is None else self.outcome.replace("_", " ")
        reason = "" if self.reason in {None, self.outcome} else f" ({self.reason})"
        error = "" if self.error is None else f" with {type(self.error).__name__}"
        return f"{end}{reason} after {counted(len(self.attempts), 'attempt')}{error}"


def calls_of(timeline: Timeline) -> list[Call]:
    """Return the calls that a timeline has seen, in the order in which they began."""
    calls: dict[int, Call] = {}

    def known(running: RunningCall, at: float) -> Call:
        return calls.setdefault(id(running), Call(running.failpoint, running.function, running.policy, at))

    for entry in timeline.entries:
        match entry.event:
            case CallStarted(call=running):
                known(running, entry.at)
            case AttemptFailed(call=running, attempt=number, error=error, wait_s=wait):
                known(running, entry.at).attempts.append(Attempt(number, entry.at, error, wait))
            case CallEnded(call=running) as end:
                call = known(running, entry.at)
                call.outcome, call.reason, call.error = end.outcome, end.reason, end.error
                if len(call.attempts) < end.attempts:
                    call.attempts.append(Attempt(end.attempts, entry.at, end.error, None))
            case _:
                pass
    return list(calls.values())
