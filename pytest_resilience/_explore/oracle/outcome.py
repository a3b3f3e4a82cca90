"""Whether what came out of the test is right: it passed, or it says what went wrong."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator, Sequence
from typing import Final

import pytest

from pytest_resilience._explore.oracle.suspicion import Kind, Suspicion, of_error
from pytest_resilience._explore.points import EndlessError, Strike
from pytest_resilience.clock import DeadlockError, GuessWarning, LeftoverThreadWarning
from resilience.errors import Crash

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
    stuck = next((each for each in errors if isinstance(each, (EndlessError, DeadlockError))), None)
    if stuck is not None:
        yield of_error("stuck", stuck)
        return
    if beyond is not None:
        yield Suspicion("stuck", beyond)
        return
    injected = [each.error for each in strikes]
    for kind, word in ((Crash, "crash"), (asyncio.CancelledError, "cancellation")):
        struck = [each for each in strikes if isinstance(each.error, kind)]
        if not struck:
            continue
        if struck[0].is_own and not any(_says(each, struck[0].error, kind) for each in errors):
            yield _swallowed(word, struck[0], errors)
        return  # the program has died, or a task that somebody else has cancelled: what it left is nobody's claim
    for error in errors:
        if isinstance(error, (LeftoverThreadWarning, GuessWarning)):  # the first is a leak, which is told as one
            continue
        if isinstance(error, (*allowed, pytest.skip.Exception)) or comes_from(error, injected):
            continue
        is_verdict = isinstance(error, (AssertionError, _VERDICT))
        yield of_error("wrong result" if is_verdict else "other error", error)


def _swallowed(word: str, strike: Strike, errors: Sequence[BaseException]) -> Suspicion:
    kind: Kind = "swallowed crash" if word == "crash" else "swallowed cancellation"
    if not errors:
        return Suspicion(kind, f"the test went on after the {word} at {strike.point}, and passed")
    seen = of_error(kind, errors[0])
    return Suspicion(kind, f"the test went on after the {word} at {strike.point}, to {seen.text}", seen.where)


def _says(error: BaseException, injected: BaseException, kind: type[BaseException]) -> bool:
    """Whether an error is the injected crash or cancellation; asyncio makes a new one of the latter at each future."""
    return comes_from(error, [injected]) or (kind is asyncio.CancelledError and isinstance(error, kind))


def comes_from(error: BaseException | None, injected: Sequence[BaseException], depth: int = 0) -> bool:
    """Tell whether an error is an injected one, or was made from it on purpose."""
    if error is None or depth > 50:  # a chain that is longer is a circle
        return False
    if any(error is each for each in injected):
        return True
    if isinstance(error, BaseExceptionGroup) and any(
        comes_from(each, injected, depth + 1) for each in error.exceptions
    ):
        return True
    if comes_from(error.__cause__, injected, depth + 1):
        return True
    return not _merely_happened(error) and comes_from(error.__context__, injected, depth + 1)


def _merely_happened(error: BaseException) -> bool:
    """Whether its type is one that mistakes have, so that a context says nothing about a purpose."""
    if isinstance(error, _VERDICT):
        return True
    return type(error).__module__ == "builtins" and not isinstance(error, OSError)
