"""`create_retry_decorator`: attempts, which errors are retried, and how a call ends."""

from __future__ import annotations

import contextvars
from contextvars import ContextVar
from dataclasses import dataclass

import pytest
import tenacity

from resilience import create_retry_decorator

NO_WAIT = tenacity.wait_none()
GAVE_UP = "shop.stock:fetch: gave up after {}, reason: {}"
ATTEMPTS = "attempts (no attempt is left)"
EXCLUDED = "excluded (errors of this type are not retried)"


def test_a_success_is_returned_after_one_attempt(mode):
    """A call that succeeds at once returns the function's result."""
    fetch = create_retry_decorator()(mode.function("stock"))
    assert mode.run(fetch) == "stock"
    assert mode.attempts == 1


def test_a_result_that_looks_like_a_failure_is_a_success(mode):
    """None, False and a returned exception are results; only what is raised is retried."""
    returned = ValueError("a value")

    def body():
        return returned

    assert mode.run(create_retry_decorator()(mode.of(body))) is returned
    assert mode.run(create_retry_decorator()(mode.function(None))) is None
    assert mode.run(create_retry_decorator()(mode.function(False))) is False


def test_it_recovers(mode):
    """Failures before the last attempt are retried until one succeeds."""
    fetch = create_retry_decorator(wait=NO_WAIT)(mode.function(*[ConnectionError] * 4, "stock"))
    assert mode.run(fetch) == "stock"
    assert mode.attempts == 5


def test_five_attempts_are_the_default(mode):
    """Without an argument, five attempts are made."""
    mode.fails(create_retry_decorator(wait=NO_WAIT)(mode.function(ConnectionError)), ConnectionError)
    assert mode.attempts == 5


@pytest.mark.parametrize("attempts", [1, 2, 7])
def test_it_makes_max_attempts(mode, attempts):
    """A call that never succeeds makes exactly ``max_attempts`` attempts."""
    mode.fails(create_retry_decorator(attempts, wait=NO_WAIT)(mode.function(ConnectionError)), ConnectionError)
    assert mode.attempts == attempts


def test_the_last_error_is_raised_as_it_is(mode):
    """The very object that the last attempt raised reaches the caller, with neither cause nor context."""
    first, last = ConnectionError("first"), ConnectionError("last")
    raised = mode.fails(create_retry_decorator(2, wait=NO_WAIT)(mode.function(first, last)))
    assert raised is last
    assert raised.__cause__ is None
    assert raised.__context__ is None
    assert raised.__suppress_context__ is False


def test_the_users_own_cause_is_kept(mode):
    """What the function raised ``from`` another error still has that error as its cause and its context."""
    root = KeyError("root")

    def body():
        try:
            raise root
        except KeyError as error:
            raise ConnectionError("refused") from error

    raised = mode.fails(create_retry_decorator(3, wait=NO_WAIT)(mode.of(body)))
    assert raised.__cause__ is root
    assert raised.__context__ is root
    assert root.__context__ is None


@pytest.mark.parametrize(
    ("decorator", "outcome", "note"),
    [
        (create_retry_decorator(3, wait=NO_WAIT), ConnectionError, GAVE_UP.format("3 attempts", ATTEMPTS)),
        (create_retry_decorator(1), ConnectionError, GAVE_UP.format("1 attempt", ATTEMPTS)),
        (create_retry_decorator(3, KeyError), KeyError, GAVE_UP.format("1 attempt", EXCLUDED)),
    ],
    ids=["attempts", "one attempt", "excluded"],
)
def test_a_note_says_how_many_attempts_were_made_and_why_it_stopped(mode, decorator, outcome, note):
    """The raised error carries one note, with the number of attempts and the reason."""
    raised = mode.fails(decorator(mode.function(outcome)))
    assert raised.__notes__ == [note]


def test_a_success_leaves_no_note_on_earlier_errors(mode):
    """An error that was retried with success carries no note."""
    error = ConnectionError("refused")
    mode.run(create_retry_decorator(wait=NO_WAIT)(mode.function(error, "stock")))
    assert not hasattr(error, "__notes__")


def test_without_reraise_a_retry_error_is_raised_from_the_last_error(mode):
    """``reraise=False`` raises tenacity's error, which holds the last attempt and has its error as cause."""
    last = ConnectionError("last")
    raised = mode.fails(create_retry_decorator(2, reraise=False, wait=NO_WAIT)(mode.function(KeyError, last)))
    assert type(raised) is tenacity.RetryError
    assert raised.__cause__ is last
    assert raised.last_attempt.attempt_number == 2
    assert raised.last_attempt.exception() is last


def test_without_reraise_the_note_is_on_the_last_error(mode):
    """``reraise=False`` leaves the note where every traceback shows it, on the cause."""
    raised = mode.fails(create_retry_decorator(2, reraise=False, wait=NO_WAIT)(mode.function(KeyError)))
    assert raised.__cause__.__notes__ == [GAVE_UP.format("2 attempts", ATTEMPTS)]


def test_without_reraise_an_excluded_error_is_still_raised_as_it_is(mode):
    """What is not retried at all is raised itself, as tenacity does."""
    error = KeyError("missing")
    fetch = create_retry_decorator(2, KeyError, reraise=False)(mode.function(error))
    assert mode.fails(fetch) is error


@pytest.mark.parametrize(
    "excluded",
    [
        ValueError,
        (ValueError,),
        (KeyError, ValueError),
        [ValueError],
        {ValueError},
        (LookupError, ArithmeticError, ValueError),
    ],
    ids=["one", "tuple", "several", "list", "set", "bases"],
)
def test_an_excluded_error_ends_the_call_at_once(mode, excluded):
    """``exclude_exceptions`` takes one type or several, and such an error is raised after one attempt."""
    raised = mode.fails(create_retry_decorator(exclude_exceptions=excluded)(mode.function(ValueError)))
    assert type(raised) is ValueError
    assert mode.attempts == 1


def test_a_subclass_of_an_excluded_error_is_excluded(mode):
    """Excluding a base class excludes what derives from it."""
    mode.fails(create_retry_decorator(exclude_exceptions=OSError)(mode.function(ConnectionResetError)))
    assert mode.attempts == 1


def test_an_excluded_error_ends_the_call_at_a_later_attempt_too(mode):
    """The first attempts are retried; the excluded error ends the call where it comes."""
    outcomes = [ConnectionError, ConnectionError, PermissionError]
    raised = mode.fails(
        create_retry_decorator(exclude_exceptions=PermissionError, wait=NO_WAIT)(mode.function(*outcomes))
    )
    assert type(raised) is PermissionError
    assert mode.attempts == 3
    assert raised.__notes__ == [GAVE_UP.format("3 attempts", EXCLUDED)]


def test_only_retry_on_is_retried(mode):
    """An error outside ``retry_on`` ends the call at once, one inside is retried."""
    fetch = create_retry_decorator(retry_on=(ConnectionError, TimeoutError), wait=NO_WAIT)
    raised = mode.fails(fetch(mode.function(ConnectionResetError, TimeoutError, ValueError)))
    assert type(raised) is ValueError
    assert mode.attempts == 3


def test_excluding_wins_over_retry_on(mode):
    """An error that is both to be retried and excluded is excluded."""
    fetch = create_retry_decorator(retry_on=OSError, exclude_exceptions=ConnectionError, wait=NO_WAIT)
    mode.fails(fetch(mode.function(FileNotFoundError, ConnectionResetError)))
    assert mode.attempts == 2


def test_a_group_of_errors_is_retried_like_any_exception(mode):
    """An `ExceptionGroup` of nothing but `Exception` is an `Exception`."""
    group = ExceptionGroup("both replicas", [ConnectionError("a"), ConnectionError("b")])
    assert mode.run(create_retry_decorator(wait=NO_WAIT)(mode.function(group, "stock"))) == "stock"


class EmptyError(Exception):
    """An error that is false, as one with a length of zero is."""

    def __len__(self):
        return 0


@dataclass
class UnhashableError(Exception):
    """An error that is compared by value, and so has no hash."""

    text: str


class UnequalError(Exception):
    """An error that can't be compared."""

    def __eq__(self, other):
        raise RuntimeError("can't be compared")

    __hash__ = None


@pytest.mark.parametrize("kind", [EmptyError, UnhashableError, UnequalError])
def test_odd_errors_are_errors_like_any_other(mode, log, kind):
    """An error that is false, unhashable or not comparable is retried, logged and raised as it is."""
    error = kind("refused")
    assert mode.fails(create_retry_decorator(2, wait=NO_WAIT)(mode.function(error))) is error
    assert mode.attempts == 2
    assert [text.partition("fetch': ")[2].partition(":")[0] for _, text in log.lines] == [kind.__name__] * 2


@pytest.mark.parametrize("timeout", [None, 60.0])
def test_context_variables_that_an_attempt_sets_stay_set(mode, timeout):
    """Attempts run in the context of the caller."""
    variable = ContextVar("variable", default=0)
    seen = []

    def body():
        seen.append(variable.get())
        variable.set(len(seen))
        if len(seen) < 3:
            raise ConnectionError("refused")

    fetch = create_retry_decorator(wait=NO_WAIT, timeout=timeout)(mode.of(body))
    if mode.is_async:

        async def call():
            await fetch()
            seen.append(variable.get())

        mode.run(call)
    else:
        context = contextvars.copy_context()
        context.run(mode.run, fetch)
        seen.append(context[variable])
    assert seen == [0, 1, 2, 3]


def test_arguments_may_be_given_by_position(mode):
    """Attempts, exclusions, cap, context and reraise come in this order."""
    fetch = create_retry_decorator(2, (KeyError,), 0.0, "billing", False)(mode.function(ConnectionError))
    assert type(mode.fails(fetch)) is tenacity.RetryError
    assert mode.attempts == 2


def test_arguments_of_the_call_reach_every_attempt(mode):
    """Each attempt gets the positional and keyword arguments of the call."""
    seen = []

    def body(*args, **kwargs):
        seen.append((args, kwargs))
        raise ConnectionError

    named = {
        "self": 1,
        "function": 2,
        "policy": 3,
        "run": 4,
        "retry_state": 5,
        "args": 6,
        "kwargs": 7,
    }
    with pytest.raises(ConnectionError):
        mode.run(create_retry_decorator(3, wait=NO_WAIT)(mode.of(body)), 1, "two", **named)
    assert seen == [((1, "two"), named)] * 3


def test_one_decorator_serves_many_functions(mode):
    """Functions that share a decorator object share neither attempts nor settings."""
    twice = create_retry_decorator(2, wait=NO_WAIT)
    first = twice(mode.function(KeyError, name="first"))
    second = twice(mode.function("ok", name="second"))
    assert first.retry is not second.retry
    first.retry.stop = tenacity.stop_after_attempt(4)
    mode.fails(first, KeyError)
    assert mode.attempts == 4
    assert mode.run(second) == "ok"


def test_decorators_may_be_stacked(mode):
    """A decorated function can be decorated again; the attempts multiply."""
    inner = create_retry_decorator(2, wait=NO_WAIT)(mode.function(ConnectionError))
    raised = mode.fails(create_retry_decorator(3, wait=NO_WAIT)(inner))
    assert mode.attempts == 6
    assert isinstance(raised, ConnectionError)


def test_a_function_may_call_itself(mode):
    """A decorated function that calls itself decorated keeps the attempts of each call apart."""
    tried = []

    def descend(depth):
        tried.append(depth)
        if depth < 3:
            again(depth + 1)
        raise ConnectionError(str(depth))

    async def descend_async(depth):
        tried.append(depth)
        if depth < 3:
            await again(depth + 1)
        raise ConnectionError(str(depth))

    twice = create_retry_decorator(2, wait=NO_WAIT)
    again = twice(descend_async if mode.is_async else descend)
    with pytest.raises(ConnectionError, match="3"):
        mode.run(again, 1)
    assert tried == [1, 2, 3, 3, 2, 3, 3, 1, 2, 3, 3, 2, 3, 3]
