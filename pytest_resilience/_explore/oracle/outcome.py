"""Whether what came out of the test is right: it passed, or it says what went wrong."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterator, Sequence
from typing import Final

import pytest

from pytest_resilience._explore.oracle.clients import is_a_timeout, is_of_a_client, is_raised_by_the_program
from pytest_resilience._explore.oracle.suspicion import Kind, Suspicion, happened_during, of_error
from pytest_resilience._explore.patience import TooLongError
from pytest_resilience._explore.points import EndlessError, Strike
from pytest_resilience.clock import DeadlockError, GuessWarning, LeftoverThreadWarning
from resilience.errors import Crash
from resilience.testing import Hang, Status

_VERDICT: Final = pytest.fail.Exception.__mro__[1]  # of pytest: failed, skipped, exit


def judge(
    errors: Sequence[BaseException],
    strikes: Sequence[Strike],
    allowed: tuple[type[BaseException], ...],
    beyond: str | None,
) -> Iterator[Suspicion]:
    """Yield what is wrong with the way in which a run ended.

    Args:
        errors: What came out of the test, and of the end of its fixtures.
        strikes: The faults that struck.
        allowed: The types that may come out besides.
        beyond: Which limit of the run was reached; None where none was.
    """
    if hangs_for_ever(errors, strikes, beyond):
        return
    stuck = next((each for each in errors if isinstance(each, (EndlessError, DeadlockError))), None)
    if stuck is not None:
        yield of_error("stuck", stuck)
        return
    if beyond is not None:
        yield Suspicion("stuck", beyond)
        return
    is_injected = _injected_in(strikes)
    for kind, word in ((Crash, "crash"), (asyncio.CancelledError, "cancellation")):
        struck = [each for each in strikes if isinstance(each.error, kind)]
        if not struck:
            continue
        if struck[0].is_own and not any(_says(each, struck, kind) for each in errors):
            yield _swallowed(word, struck[0], errors)
        elif struck[0].went_on:
            told = f"the task went on after the cancellation at {struck[0].point}"
            yield Suspicion("swallowed cancellation", told, struck[0].went_on)
        return  # the program has died, or a task that others have cancelled: what it left says nothing
    for error in errors:
        if isinstance(error, (LeftoverThreadWarning, GuessWarning)):  # the first is a leak, which is told as one
            continue
        if isinstance(error, (*allowed, pytest.skip.Exception)) or comes_from(error, is_injected):
            continue
        is_verdict = isinstance(error, (AssertionError, _VERDICT))
        yield of_error("wrong result" if is_verdict else "other error", error)


def _swallowed(word: str, strike: Strike, errors: Sequence[BaseException]) -> Suspicion:
    kind: Kind = "swallowed crash" if word == "crash" else "swallowed cancellation"
    if not errors:
        return Suspicion(kind, f"the test went on after the {word} at {strike.point}, and passed")
    seen = of_error(kind, errors[0])
    return Suspicion(kind, f"the test went on after the {word} at {strike.point}, to {seen.text}", seen.where)


def hangs_for_ever(errors: Sequence[BaseException], strikes: Sequence[Strike], beyond: str | None) -> bool:
    """Whether a run ended because a call hung whose client has no timeout, which tells nothing of the program."""
    if not any(isinstance(each.action, Hang) for each in strikes):
        return False
    return beyond is not None or any(isinstance(each, (DeadlockError, TooLongError)) for each in errors)


def _says(error: BaseException, struck: Sequence[Strike], kind: type[BaseException]) -> bool:
    """Whether an error is the injected crash or cancellation; asyncio makes a new one of the latter at each future.

    A program that dies tidies nothing up, so that an error of that which came in place of the crash is no claim.
    """
    if kind is asyncio.CancelledError and isinstance(error, kind):
        return True
    return comes_from(error, _injected_in(struck[:1])) or (kind is Crash and happened_during(error, struck[0].error))


def _injected_in(strikes: Sequence[Strike]) -> Callable[[BaseException], bool]:
    """Return what tells whether an error is one that a fault has raised, or what a client makes of a fault."""
    raised = [each.error for each in strikes if each.error is not None]
    is_up_to_a_client = any(each.error is None for each in strikes)
    is_told_by_a_status = any(isinstance(each.action, Status) for each in strikes)

    def is_injected(error: BaseException) -> bool:
        return (
            any(error is each for each in raised)
            or (bool(strikes) and is_a_timeout(error))
            or (is_up_to_a_client and is_of_a_client(error))
            or (is_told_by_a_status and is_raised_by_the_program(error))
        )

    return is_injected


def comes_from(error: BaseException | None, is_injected: Callable[[BaseException], bool], depth: int = 0) -> bool:
    """Tell whether an error is an injected one, or was made from it on purpose."""
    if error is None or depth > 50:  # a chain that is longer is a circle
        return False
    if is_injected(error):
        return True
    if isinstance(error, BaseExceptionGroup) and any(
        comes_from(each, is_injected, depth + 1) for each in error.exceptions
    ):
        return True
    if comes_from(error.__cause__, is_injected, depth + 1):
        return True
    return not _merely_happened(error) and comes_from(error.__context__, is_injected, depth + 1)


def _merely_happened(error: BaseException) -> bool:
    """Whether an error is of a type that mistakes have, so that its context tells of no purpose."""
    if isinstance(error, _VERDICT):
        return True
    return type(error).__module__ == "builtins" and not isinstance(error, OSError)
