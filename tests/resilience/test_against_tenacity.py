"""The engine against plain tenacity: the same random policy, outcomes and hooks through both, and everything compared.

The deliberate differences are listed in `resilience._engine`. What the statistics say of the start of a call whose first
attempt was called directly is one of them, so first attempts take no time where statistics are compared.
"""

from __future__ import annotations

import contextlib
import dataclasses
import inspect
import time
import traceback
from dataclasses import dataclass, field
from typing import Any

import pytest
import tenacity
from hypothesis import example, given, settings
from hypothesis import strategies as st

from resilience import create_retry_decorator

HOOKS = ("before", "after", "before_sleep")


class Custom(tenacity.RetryError):
    """A RetryError of the user's own."""


@dataclass(frozen=True)
class Outcome:
    """What one attempt does: how long it takes, what it raises or returns, and with what cause or context."""

    kind: type[Exception] | None
    text: str = ""
    takes: int = 0
    chained: str = ""

    def happen(self, clock):
        """Let it happen."""
        clock.pass_by(self.takes)
        if self.kind is None:
            return self.text
        if self.chained == "cause":
            raise self.kind(self.text) from LookupError("cause")
        if self.chained == "context":
            try:
                raise LookupError("context")
            except LookupError:
                raise self.kind(self.text)  # noqa: B904  # the point of it
        raise self.kind(self.text)


@dataclass(frozen=True)
class Plan:
    """One policy and what it meets."""

    outcomes: list[Outcome]
    stop: tuple[Any, ...]
    wait: tuple[Any, ...] = ("fixed", 1)
    predicate: tuple[Any, ...] = ("errors", Exception)
    hooks: dict[str, str] = field(default_factory=dict)
    callback: str = ""
    reraise: bool = True
    error: type[tenacity.RetryError] = tenacity.RetryError
    one_object: bool = False
    in_handler: bool = False
    by_attribute: bool = False
    calls: int = 1


class Clock:
    """A monotonic clock of whole nanoseconds."""

    def __init__(self):
        self.now_ns = 1_000 * 10**9

    def pass_by(self, seconds):
        """Let time pass."""
        self.now_ns += round(seconds * 1e9)

    @contextlib.contextmanager
    def running(self):
        """Stand in for the clock of the process."""
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(time, "monotonic", lambda: self.now_ns / 1e9)
            patch.setattr(time, "monotonic_ns", lambda: self.now_ns)
            yield


def made_async(function):
    """The same as an async function."""

    async def run(*args, **kwargs):
        return function(*args, **kwargs)

    return run


def finish(coroutine):
    """Run a coroutine that never really waits."""
    try:
        coroutine.send(None)
    except StopIteration as stop:
        return stop.value
    raise AssertionError("it waits for something")


def shown(error):
    """An error as plain data, with its cause and its context."""
    if error is None:
        return None
    held = shown(error.last_attempt.exception()) if isinstance(error, tenacity.RetryError) else error.args
    context = (
        None if isinstance(error, ArithmeticError) else shown(error.__context__)
    )  # a hook raised it: see the differences
    return type(error).__name__, held, shown(error.__cause__), context, error.__suppress_context__


def users_frames(error):
    """The frames of a traceback that are neither tenacity's nor ours nor this module's own machinery."""
    names = [frame.name for frame in traceback.extract_tb(error.__traceback__)]
    return [name for name in names if name in {"happen", "raise_in_hook"}]


class Run:
    """One plan, run by one engine, and everything that could be seen of it."""

    def __init__(self, plan, *, is_async):
        self.plan = plan
        self.is_async = is_async
        self.clock = Clock()
        self.seen = []
        self._left = list(plan.outcomes)
        self._objects = {}

    def go(self, decorate):
        """Decorate, call as often as planned, and return what was seen."""

        def fetch(*args, **kwargs):
            outcome = self._left.pop(0) if len(self._left) > 1 else self._left[0]
            self.seen.append(("attempt", self.clock.now_ns, args, kwargs))
            try:
                return outcome.happen(self.clock)
            except Exception as error:
                if not self.plan.one_object:
                    raise
                one = self._objects.setdefault(type(error), error)
            raise one

        decorated = decorate(made_async(fetch) if self.is_async else fetch, self._arguments())
        with self.clock.running():
            for number in range(self.plan.calls):
                self._call(decorated, number)
                self.seen.append(self._statistics(decorated.statistics))
        return self.seen

    def _call(self, decorated, number):
        def call():
            result = decorated(number, key="value")
            return finish(result) if inspect.iscoroutine(result) else result

        try:
            if self.plan.in_handler:
                try:
                    raise OSError("handled")
                except OSError:
                    result = call()
            else:
                result = call()
        except Exception as error:
            frames = [] if self.plan.one_object else users_frames(error)  # one object grows in tenacity, not with us
            self.seen.append(("raised", shown(error), frames))
        else:
            self.seen.append(("returned", result))

    def _statistics(self, statistics):
        """What can be compared: the time of the start is not, after a success at once."""
        known = dict(statistics)
        if known.get("attempt_number") == 1 and self.seen[-1][0] == "returned":
            known.pop("start_time", None)
        return "statistics", known

    def _arguments(self):
        plan = self.plan
        arguments = {
            "sleep": self._flavoured("async" if self.is_async else "sync", self._sleep),
            "stop": self._stop(plan.stop),
            "wait": self._wait(plan.wait),
            "retry": self._predicate(plan.predicate),
            "reraise": plan.reraise,
            "retry_error_cls": plan.error,
        }
        hooks = plan.hooks | ({"retry_error_callback": plan.callback} if plan.callback else {})
        return arguments | {name: self._hook(name, flavour) for name, flavour in hooks.items()}

    def _flavoured(self, flavour, function):
        return made_async(function) if self.is_async and "async" in flavour else function

    def _sleep(self, seconds):
        self.seen.append(("sleep", seconds, type(seconds)))
        self.clock.pass_by(seconds)

    def _hook(self, name, flavour):
        def hook(state):
            self.seen.append((name, *self._state(state)))
            if "raises" in flavour and state.attempt_number == 2:
                self.raise_in_hook(name)
            return f"from {name}"

        return self._flavoured(flavour, hook)

    @staticmethod
    def raise_in_hook(name):
        """Fail as a user's hook does."""
        raise ArithmeticError(name)

    def _state(self, state):
        outcome = state.outcome
        return (
            state.attempt_number,
            state.args,
            state.kwargs,
            state.fn is not None and state.fn.__qualname__,
            state.get_fn_name(),
            None if outcome is None else (outcome.attempt_number, outcome.failed),
            None if outcome is None else shown(outcome.exception()) or outcome.result(),
            state.start_time,
            state.outcome_timestamp,
            state.seconds_since_start,
            state.idle_for,
            state.upcoming_sleep,
            state.next_action and (state.next_action.sleep, str(state.next_action)),
            isinstance(state.retry_object, tenacity.AsyncRetrying if self.is_async else tenacity.Retrying),
            dict(state.retry_object.statistics),
            state.retry_object.reraise,
        )

    def _stop(self, described):
        kind, *values = described
        if kind in {"any", "all"}:
            combined = tenacity.stop_any if kind == "any" else tenacity.stop_all
            return combined(*(self._stop(value) for value in values))
        if kind == "function":
            return self._flavoured(values[1], lambda state: state.attempt_number >= values[0])
        kinds = {
            "attempts": tenacity.stop_after_attempt,
            "delay": tenacity.stop_after_delay,
            "before delay": tenacity.stop_before_delay,
        }
        return kinds[kind](values[0])

    def _wait(self, described):
        kind, *values = described
        if kind == "sum":
            return self._wait(values[0]) + self._wait(values[1])
        if kind == "function":
            return self._flavoured(values[1], lambda state: values[0] * state.attempt_number)
        kinds = {
            "fixed": tenacity.wait_fixed,
            "exponential": lambda value: tenacity.wait_exponential(multiplier=value, max=20),
            "incrementing": lambda value: tenacity.wait_incrementing(value, 2),
            "chain": lambda value: tenacity.wait_chain(tenacity.wait_fixed(value), tenacity.wait_none()),
            "by error": lambda value: tenacity.wait_exception(lambda error: float(value + len(str(error)))),
        }
        return kinds[kind](values[0])

    def _predicate(self, described):
        kind, *values = described
        if kind in {"any", "all"}:
            combined = tenacity.retry_any if kind == "any" else tenacity.retry_all
            return combined(*(self._predicate(value) for value in values))
        if kind == "function":
            return self._flavoured(values[0], lambda state: state.outcome is not None and state.outcome.failed)
        kinds = {
            "errors": tenacity.retry_if_exception_type,
            "not errors": tenacity.retry_if_not_exception_type,
            "unless": tenacity.retry_unless_exception_type,
            "result": lambda value: tenacity.retry_if_result(lambda result: result == value),
            "message": lambda value: tenacity.retry_if_exception_message(match=value),
            "cause": lambda _value: tenacity.retry_if_exception_cause_type(LookupError),
            "always": lambda _value: tenacity.retry_always,
            "never": lambda _value: tenacity.retry_never,
        }
        return kinds[kind](values[0] if values else None)


def by_tenacity(function, arguments):
    """Decorate with tenacity itself."""
    return tenacity.retry(**arguments)(function)


def by_us(plan):
    """Decorate with our engine and the same arguments, as users may give them."""

    def decorate(function, arguments):
        decorated = create_retry_decorator(reraise=plan.reraise)(function)
        if plan.predicate == ("errors", Exception):
            del arguments["retry"]  # what the decorator has by itself means the same, and allows the direct call
        if not plan.by_attribute:
            return decorated.retry_with(**arguments)
        for name, value in arguments.items():
            setattr(decorated.retry, name, value)
        return decorated

    return decorate


errors = st.sampled_from([ValueError, KeyError, ConnectionError, tenacity.TryAgain])
failures = st.builds(
    Outcome, errors, st.sampled_from(["a", "bb", ""]), st.integers(0, 5), st.sampled_from(["", "", "cause", "context"])
)
results = st.builds(Outcome, st.none(), st.sampled_from(["ok", "again", ""]), st.integers(0, 5))
outcomes = st.lists(st.one_of(failures, failures, results), min_size=1, max_size=7)
flavours = st.sampled_from(["sync", "async"])
simple_stops = st.one_of(
    st.tuples(st.just("attempts"), st.integers(1, 5)),
    st.tuples(st.sampled_from(["delay", "before delay"]), st.integers(1, 12)),
    st.tuples(st.just("function"), st.integers(1, 5), st.just("sync")),
)
stops = st.one_of(
    st.tuples(st.just("attempts"), st.integers(1, 5)),
    st.tuples(st.just("function"), st.integers(1, 5), flavours),
    st.tuples(st.just("any"), simple_stops, st.just(("attempts", 12))),
    st.tuples(st.just("any"), st.tuples(st.just("all"), simple_stops, simple_stops), st.just(("attempts", 12))),
)
simple_waits = st.one_of(
    st.tuples(st.sampled_from(["fixed", "exponential", "incrementing", "chain", "by error"]), st.integers(0, 4)),
)
waits = st.one_of(
    simple_waits,
    st.tuples(st.just("sum"), simple_waits, simple_waits),
    st.tuples(st.just("function"), st.integers(0, 3), flavours),
)
simple_predicates = st.one_of(
    st.tuples(st.sampled_from(["errors", "not errors", "unless"]), st.sampled_from([Exception, ValueError, KeyError])),
    st.tuples(st.just("result"), st.sampled_from(["again", "ok"])),
    st.tuples(st.just("message"), st.just("a")),
    st.tuples(st.sampled_from(["cause", "always", "never"])),
    st.just(("function", "sync")),
)
predicates = st.one_of(
    st.just(("errors", Exception)),
    simple_predicates,
    st.just(("function", "async")),
    st.tuples(st.sampled_from(["any", "all"]), simple_predicates, simple_predicates),
)
hook_flavours = st.sampled_from(["sync", "async", "sync raises", "async raises"])


@st.composite
def plans(draw):
    """Any plan in which first attempts take no time."""
    happen = draw(outcomes)
    calls = draw(st.integers(1, 3))
    takes = [0] + [draw(st.integers(0, 5)) if calls == 1 else 0 for _ in happen[1:]]
    return Plan(
        outcomes=[dataclasses.replace(each, takes=long) for each, long in zip(happen, takes, strict=True)],
        stop=draw(stops),
        wait=draw(waits),
        predicate=draw(predicates),
        hooks=draw(st.dictionaries(st.sampled_from(HOOKS), hook_flavours, max_size=3)),
        callback=draw(st.sampled_from(["", "", "sync", "async", "sync raises"])),
        reraise=draw(st.booleans()),
        error=draw(st.sampled_from([tenacity.RetryError, Custom])),
        one_object=draw(st.booleans()),
        in_handler=draw(st.booleans()),
        by_attribute=draw(st.booleans()),
        calls=calls,
    )


@pytest.mark.parametrize("is_async", [False, True], ids=["sync", "async"])
@settings(max_examples=40, deadline=None)
@given(plan=plans())
@example(plan=Plan([Outcome(ValueError, "a"), Outcome(None, "ok")], ("attempts", 3), calls=3))
@example(plan=Plan([Outcome(ValueError, "a")], ("attempts", 3), reraise=False, in_handler=True, calls=2))
@example(plan=Plan([Outcome(ValueError, "a")], ("attempts", 3), one_object=True, calls=3))
def test_calls_go_as_tenacitys_do(is_async, plan):
    """Attempts, waits, hooks and what they see, results, errors with cause and context, and statistics are the same."""
    expected = Run(plan, is_async=is_async).go(by_tenacity)
    assert Run(plan, is_async=is_async).go(by_us(plan)) == expected


@pytest.mark.parametrize("is_async", [False, True], ids=["sync", "async"])
@settings(max_examples=30, deadline=None)
@given(happen=outcomes, stop=stops, wait=waits)
@example(happen=[Outcome(ValueError, takes=8)] * 3, stop=("delay", 15), wait=("fixed", 0))
def test_time_counts_from_the_start_of_the_call(is_async, happen, stop, wait):
    """However long the first attempt takes, a stop that depends on time ends the call where tenacity's does."""
    plan = Plan(
        [Outcome(None, "a success, after which the next call may be made directly"), *happen], stop, wait, calls=2
    )

    def seen(decorate):
        return [each for each in Run(plan, is_async=is_async).go(decorate) if each[0] != "statistics"]

    assert seen(by_us(plan)) == seen(by_tenacity)
