"""What an attempt came to, in the form in which tenacity and its hooks see it."""

from __future__ import annotations

import time
from typing import Any, Final, Self, final

import tenacity

_LONGEST_TEXT: Final = 100  # characters of a result or an error in the text of a `RetryError`


@final
class Outcome(tenacity.Future):
    """A result or an exception.

    Unlike that of `concurrent.futures` it says in its text what it is, and not where it is in memory, as that text is
    all that `tenacity.RetryError` says; and an exception that counts as false is an exception all the same.
    """

    _error: BaseException | None = None

    @classmethod
    def success(cls, result: object, attempt: int) -> Self:
        outcome = cls(attempt)
        outcome.set_result(result)
        return outcome

    @classmethod
    def failure(cls, error: BaseException, attempt: int) -> Self:
        outcome = cls(attempt)
        outcome._error = error
        outcome.set_exception(error)
        return outcome

    def become_that_of(self, state: tenacity.RetryCallState) -> None:
        state.outcome, state.outcome_timestamp = self, time.monotonic()

    def result(self, timeout: float | None = None) -> Any:
        if self._error is None:
            return super().result(timeout)
        try:
            raise self._error
        finally:
            del self  # or the exception would keep this frame alive, and this frame the exception

    def __repr__(self) -> str:
        did, what = ("returned", super().result()) if self._error is None else ("raised", self._error)
        try:
            text = repr(what)
        except Exception:  # noqa: BLE001  # a foreign __repr__ may raise anything
            text = f"a {type(what).__name__}"
        return f"{did} {text if len(text) <= _LONGEST_TEXT else f'{text[:_LONGEST_TEXT]}…'}"
