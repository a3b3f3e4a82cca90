"""The state of one call, from its first attempt to its one terminal event."""

from __future__ import annotations

import contextlib
import os
import time
from collections.abc import Callable
from types import TracebackType
from typing import Any, Final, final

import tenacity

from resilience import events
from resilience._engine.callables import Target
from resilience._engine.controller import Controller
from resilience._engine.deadline import nearest_deadline_ns
from resilience._engine.outcome import Outcome
from resilience._engine.stop import stops
from resilience._engine.stopping import loops_are_stopped, retries_are_off
from resilience._engine.strategies import StopWithReason, wait_as_asked
from resilience._events import AttemptFailed, Call, CallEnded, CallStarted, Reason, stream
from resilience._failpoints.table import declare
from resilience._matching import is_signal
from resilience._policy import Policy
from resilience._support.wording import counted
from resilience.errors import DeadlineExceededError

_WHY: Final[dict[Reason, str]] = {
    "attempts": "no attempt is left",
    "deadline": "no time is left for another attempt",
    "excluded": "errors of this type are not retried",
    "stop_event": "the stop event is set",
}
_WHY_STOPPED: Final = "retry loops are stopped"
_WHY_OFF: Final = "retries are turned off"
_WHY_ASKED: Final = "the server asked to wait {asked:.0f} s, more than max_retry_after, {most:g} s"


@final
class Retried:
    """What all calls of one decorated callable share. None of it changes, but for what users set on ``.retry``."""

    __slots__ = ("__weakref__", "announced", "controller", "failpoint", "policy", "target", "timeout_ns")

    def __init__(
        self, target: Target, policy: Policy, controller: Controller, announced: Callable[[], bool] | None
    ) -> None:
        self.target = target
        self.policy = policy
        self.controller = controller
        self.announced = announced
        self.timeout_ns = None if policy.timeout is None else round(policy.timeout * 1e9)
        self.failpoint = target.place if policy.resource is None else f"{policy.resource}.{policy.action}"
        declare(self, self.failpoint)

    def __reduce__(self) -> tuple[Any, ...]:
        return type(self), (self.target, self.policy, self.controller, self.announced)


@final
class Run:
    """One call: its attempts so far, its last error, and from the first failure on tenacity's view of both.

    Args:
        retried: What is called.
        args: Its positional arguments.
        kwargs: Its keyword arguments.
        started_ns: When a direct first attempt began; 0 where the call begins now, or nobody will ask.

    Attributes:
        sleep: What waits between the attempts.
        handed_over: Whether the call, begun by a plain function, goes on asynchronously.
        begin_attempt: What an asynchronous attempt calls and awaits: the function, unless that returns no coroutine.
    """

    def __init__(self, retried: Retried, args: tuple[Any, ...], kwargs: dict[str, Any], started_ns: int = 0) -> None:
        self.retried = retried
        self.args = args
        self.kwargs = kwargs
        self.sleep = retried.controller.sleep
        self.handed_over = False
        self.begin_attempt = retried.target.function
        self._attempt = 1
        self._started_ns = started_ns or time.monotonic_ns()
        self._ended = False
        self._error: BaseException | None = None
        self._frames: TracebackType | None = None
        self._call: Call | None = None
        self._stop: StopWithReason | None = None
        self._controller: Controller | None = None
        self._state: tenacity.RetryCallState | None = None

    @property
    def call(self) -> Call:
        """The call as events show it."""
        if self._call is None:
            retried = self.retried
            conn_id = os.urandom(4).hex() if retried.policy.kind == "connection" else None
            target = retried.target
            self._call = Call(
                retried.failpoint, target.name, retried.policy, conn_id, self._started_ns, target.file, target.line
            )
        return self._call

    @property
    def deadline_ns(self) -> int | None:
        """When the call has to be over; None without a deadline."""
        timeout_ns = self.retried.timeout_ns
        return None if timeout_ns is None else self._started_ns + timeout_ns

    def begin(self, failure: Exception | None) -> None:
        """Announce the call, or take it over from a direct first attempt that has failed."""
        if failure is not None:
            self.attempt_failed(failure)
        elif stream.wants(CallStarted):
            stream.emit(CallStarted(self.call))

    def state_machine(self) -> tuple[Controller, tenacity.RetryCallState]:
        """Return a controller and a state that belong to this call alone, made when they are first needed."""
        if self._controller is None or self._state is None:
            shared, target = self.retried.controller, self.retried.target
            self._stop = StopWithReason(shared.stop, self.retried.policy, nearest_deadline_ns(self.deadline_ns))
            self._controller = shared.copy(stop=self._stop.strategy(), wait=wait_as_asked(shared.wait, self._stop))
            self._controller.begin()
            self._state = tenacity.RetryCallState(self._controller, target.function, self.args, self.kwargs)
            self._state.start_time = self._controller.statistics["start_time"] = self._started_ns / 1e9
        return self._controller, self._state

    def next_step(self) -> Any:
        """Have tenacity say what comes next: an attempt, a sleep, or the result; it raises where the call ends so.

        The first attempt needs no tenacity, unless there is a hook before it, or a predicate that is not ours.
        """
        if self._state is None and self.retried.controller.plain:
            return tenacity.DoAttempt()
        controller, state = self.state_machine()
        if self._cut_off and self._error is not None and state.outcome is not None:  # whatever the predicate thinks
            raise self._as_raised(self._error, state.outcome)
        return controller.iter(state)

    def attempt_failed(self, error: Exception) -> None:
        """Keep the error of an attempt, and of its traceback the user's frames."""
        _, state = self.state_machine()
        self._frames = _users_frames(error, earlier=self._frames if error is self._error else None)
        self._error = error
        BaseException.with_traceback(error, self._frames)  # not an assignment, which an exception class may refuse
        Outcome.failure(error, state.attempt_number).become_that_of(state)

    def attempt_returned(self, result: object) -> bool:
        """Tell whether the result ends the call at once; else tenacity's predicate may yet ask for another attempt."""
        self._error = self._frames = None
        if self._state is None:
            self.returned()
            return True
        Outcome.success(result, self._state.attempt_number).become_that_of(self._state)
        return False

    def waits(self, seconds: float) -> None:
        """Announce that there will be another attempt, that many seconds from now."""
        _, state = self.state_machine()
        if stream.wants(AttemptFailed) and state.outcome is not None:
            error = self._error
            if error is None:  # a result that is to be retried
                error = tenacity.RetryError(state.outcome)
            stream.emit(AttemptFailed(self.call, self._attempt, error, seconds))

    def woke(self) -> BaseException | None:
        """Return the error to end with where the sleep was the end of the call; None where the next attempt is due."""
        _, state = self.state_machine()
        reason = self._ended_in_sleep()
        if reason is not None and self._error is not None and state.outcome is not None:
            return self._end_with(self._as_raised(self._error, state.outcome), reason)
        state.prepare_for_next_attempt()
        self._attempt += 1
        return None

    def gave_up(self, raised: Exception) -> BaseException:
        """End the call with what tenacity raised, and return that as it is to be raised.

        What a strategy or a hook has raised comes instead of the attempt's error, which is kept as its context.
        """
        if raised is self._error and is_signal(raised):
            self._end("succeeded" if self._attempt == 1 else "recovered", error=raised)
            return raised
        reason = self._stopped_by or ("deadline" if self._cut_off else "excluded")
        is_last = raised is self._error or isinstance(raised, self.retried.controller.retry_error_cls)
        broken = reason == "excluded" and not is_last
        if broken and self._error is not None:
            if raised.__context__ is None and raised.__cause__ is None:
                raised.__context__ = self._error
            self._error, self._frames = raised, raised.__traceback__
        return self._end_with(raised, reason, broken=broken)

    def returned(self) -> None:
        """End the call that returns: with a success, or with what a ``retry_error_callback`` made of its failure."""
        if self._stopped_by is not None:
            self._end("gave_up", self._stopped_by, self._error)
        else:
            self._end("succeeded" if self._attempt == 1 else "recovered")

    def interrupted(self, error: BaseException) -> None:
        """End the call that something broke off which is never retried; does nothing where the call has ended."""
        if not self._ended:
            self._end("cancelled", "cancelled", error)

    def forget(self) -> None:
        """Drop what would tie the exception to the frames in its traceback, and the call to itself."""
        if self._controller is not None:
            self._controller.iter_state.reset()  # whose actions hold the controller that holds them
        self._error = self._frames = self._call = self._stop = self._controller = self._state = None

    @property
    def _cut_off(self) -> bool:
        """Whether the last attempt was cut off at the deadline of this call, and not of one that it made itself."""
        return isinstance(self._error, DeadlineExceededError) and self._error.deadline_ns == self.deadline_ns

    @property
    def _stopped_by(self) -> Reason | None:
        return None if self._stop is None else self._stop.reason

    def _why(self, reason: Reason) -> str:
        if reason == "deadline" and self._stop is not None and self._stop.asks_too_much:
            return _WHY_ASKED.format(asked=self._stop.asked_s, most=self.retried.policy.max_retry_after)
        if reason == "stop_event" and loops_are_stopped():
            return _WHY_STOPPED
        if reason == "attempts" and retries_are_off():
            return _WHY_OFF
        return _WHY.get(reason, "")

    def _ended_in_sleep(self) -> Reason | None:
        """Why no attempt follows the sleep that has ended; None where one does.

        Waits that would pass the deadline are not begun, but any sleep may last longer than it was meant to.
        """
        deadline_ns = self.deadline_ns
        if stops(self.retried.policy.stop_event):
            return "stop_event"
        return "deadline" if deadline_ns is not None and time.monotonic_ns() > deadline_ns else None

    def _as_raised(self, error: BaseException, outcome: tenacity.Future) -> BaseException:
        """Return what tenacity would raise for the last error of a call."""
        controller, _ = self.state_machine()
        if controller.reraise:
            return error
        raised = controller.retry_error_cls(outcome)
        raised.__cause__ = error
        return raised

    def _end_with(self, raised: BaseException, reason: Reason, *, broken: bool = False) -> BaseException:
        error = self._error if self._error is not None else raised
        self._end("gave_up", reason, error, broken=broken)
        if raised is self._error:
            BaseException.with_traceback(raised, self._frames)
        elif isinstance(raised, tenacity.RetryError):
            raised.with_traceback(None)
        return raised

    def _end(
        self,
        outcome: events.Outcome,
        reason: Reason | None = None,
        error: BaseException | None = None,
        *,
        broken: bool = False,
    ) -> None:
        self._ended = True
        if self._controller is not None:
            statistics = self._controller.statistics
        else:  # as tenacity has them of a call that ends at its first attempt without a failure
            began = self._started_ns / 1e9
            statistics = {"start_time": began, "attempt_number": 1, "idle_for": 0, "delay_since_first_attempt": 0}
        self.retried.controller.publish(statistics)
        if error is not None and reason is not None:
            _note(error, self.retried.failpoint, self._attempt, reason, self._why(reason))
        if stream.wants(CallEnded):
            stream.emit(CallEnded(self.call, self._attempt, outcome, reason, error, broken))


def _users_frames(error: BaseException, *, earlier: TracebackType | None) -> TracebackType | None:
    """Return an error's traceback without the frame that called the function.

    One exception object that is raised again and again (by a mock, by a future) collects a traceback that grows with
    each attempt; ``earlier`` is what it had collected before, and is cut off.
    """
    frames = error.__traceback__.tb_next if error.__traceback__ is not None else None
    each = frames
    while each is not None and earlier is not None:
        if each.tb_next is earlier:
            each.tb_next = None
        each = each.tb_next
    return frames


def _note(error: BaseException, failpoint: str, attempts: int, reason: Reason, why: str) -> None:
    """Say on an exception how many attempts were made and why it stopped, once for each failpoint."""
    head, after = f"{failpoint}: ", f"after {counted(attempts, 'attempt')}"
    end = f"cancelled {after}" if reason == "cancelled" else f"gave up {after}, reason: {reason} ({why})"
    text = f"{head}{end}"
    with contextlib.suppress(Exception):  # a note is not worth an error
        notes = [note for note in getattr(error, "__notes__", ()) if not str(note).startswith(head)]
        BaseException.__setattr__(error, "__notes__", [*notes, text])  # also where the class refuses attributes
