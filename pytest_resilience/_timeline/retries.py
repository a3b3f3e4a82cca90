"""The timeline by call, and what is asserted of calls: how they end, and how long they wait."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable
from typing import Any, Final, final

from pytest_resilience._timeline.calls import Attempt, Call, calls_of
from pytest_resilience._timeline.reader import TimelineReader
from pytest_resilience._wording import check_number, counted, shown, type_named, unknown
from resilience.testing import wait_bounds

ErrorType = type[BaseException] | str
Bounds = tuple[float, float] | Callable[[int], tuple[float, float]]
_SAME: Final = 1e-9
_MOST_ALIKE: Final = 1 / 3  # draws hardly ever repeat, but jitter in whole seconds may, by chance


@final
class Retries(TimelineReader):
    """The calls of a test by their name, each with its attempts.

    ``retries["Redis.connect"]`` is the list of calls of a failpoint; a function's ``__name__``, or the function itself,
    will do too. The name of no failpoint is an objection that lists the closest ones.

    Example:
        ``with Retries() as retries: ...; retries.assert_recovered("Redis.connect", attempts=4)``
    """

    @property
    def all(self) -> list[Call]:
        """Every call, in the order in which they began."""
        return calls_of(self._timeline)

    def __getitem__(self, name: str | Callable[..., Any]) -> list[Call]:
        __tracebackhide__ = True
        wanted = shown(name)
        calls = self.all
        found = [call for call in calls if wanted == call.failpoint] or [
            call for call in calls if wanted == call.function
        ]
        problem = None if found else unknown(wanted, {call.function for call in calls})
        if problem is None:
            return found
        if not isinstance(name, str):
            self._objections.object(f"retries[{wanted}]: only calls of decorated callables are kept, and it is none")
        self._objections.object(f"retries[{wanted!r}]: {problem}")

    def assert_gave_up(
        self, name: str | Callable[..., Any], attempts: int | None = None, error: ErrorType | None = None
    ) -> None:
        """Assert that a call gave up, after that many attempts and with that type of error where they are given.

        The type of the error, one of its bases, or the name of either.
        """
        __tracebackhide__ = True
        self._assert_some(name, "gave_up", attempts, error)

    def assert_recovered(self, name: str | Callable[..., Any], attempts: int | None = None) -> None:
        """Assert that a call failed first and then succeeded, at that attempt where it is given."""
        __tracebackhide__ = True
        self._assert_some(name, "recovered", attempts, None)

    def assert_waits(self, name: str | Callable[..., Any], bounds: Bounds | None = None) -> None:
        """Assert that there were waits, each within the policy of its call.

        Args:
            name: A failpoint, a function's name, or the function.
            bounds: The shortest and longest wait in seconds, or a function from the number of the attempt to them; for
                a call whose ``wait=`` is its own. A longer ``Retry-After`` of the error counts as its bounds.
        """
        __tracebackhide__ = True
        waits = 0
        for call in self[name]:
            for attempt in call.attempts:
                if attempt.wait is None:
                    continue
                waits += 1
                low, high = self._bounds(call, attempt, bounds)
                if not low - _SAME <= attempt.wait <= high + _SAME:
                    self._fail(
                        f"{call.failpoint} waited {attempt.wait:.3f} s after attempt {attempt.number}; "
                        f"between {low:g} s and {high:g} s was expected",
                        at=attempt.at,
                    )
        if not waits:
            self._fail(f"no wait of {shown(name)} to assert: none of its calls has failed and been retried")

    def assert_jittered(self, name: str | Callable[..., Any]) -> None:
        """Assert that the waits of several calls differ, at each attempt, also at the cap.

        A fleet whose waits are the same retries in step, and hits the recovering server all at once.
        """
        __tracebackhide__ = True
        by_attempt: dict[int, list[float]] = {}
        for call in self[name]:
            for attempt in call.attempts:
                if attempt.wait is not None:
                    by_attempt.setdefault(attempt.number, []).append(attempt.wait)
        compared = {number: waits for number, waits in by_attempt.items() if len(waits) > 1}
        if not compared:
            self._fail(
                f"the jitter of {shown(name)} shows in the waits of several calls, and there are not two of them to "
                "compare: make the call fail a few times in the same test"
            )
        for number, waits in sorted(compared.items()):
            wait, times = Counter(waits).most_common(1)[0]
            if times > max(len(waits) * _MOST_ALIKE, 1):
                self._fail(
                    f"{shown(name)} is not jittered: after attempt {number}, {times} of {len(waits)} calls waited "
                    f"exactly {wait:g} s, so they would retry in step"
                )

    def _assert_some(
        self, name: str | Callable[..., Any], outcome: str, attempts: int | None, error: ErrorType | None
    ) -> None:
        __tracebackhide__ = True
        check_number("attempts", attempts)
        calls = self[name]
        kind = None if error is None else type_named(error)
        for call in calls:
            if call.outcome == outcome and attempts in {None, len(call.attempts)} and _is_a(call.error, error):
                return
        after = ""
        if attempts is not None:
            after = f" after {counted(attempts, 'attempt')}" if outcome == "gave_up" else f" at attempt {attempts}"
        after += "" if kind is None else f" with {kind}"
        self._fail(
            f"no call of {shown(name)} {outcome.replace('_', ' ')}{after}; it made "
            f"{_listed(calls) if calls else 'no call'}"
        )

    def _bounds(self, call: Call, attempt: Attempt, bounds: Bounds | None) -> tuple[float, float]:
        __tracebackhide__ = True
        own = None if bounds is None else _checked(bounds(attempt.number) if callable(bounds) else bounds)
        found = wait_bounds(call.policy, attempt.number, attempt.error, own)
        if found is not None:
            return found
        self._objections.object(
            f"assert_waits({call.failpoint!r}): what its wait strategy, {type(call.policy.wait).__name__}, may wait is "
            "not known; pass bounds=(shortest, longest) in seconds, or a function from the attempt to them"
        )

    def _fail(self, text: str, at: float | None = None) -> None:
        __tracebackhide__ = True
        raise AssertionError(f"{text}\n\n{self._timeline.around(at)}")


def _is_a(error: BaseException | None, kind: ErrorType | None) -> bool:
    if isinstance(kind, str):
        return kind in {each.__name__ for each in type(error).__mro__}
    return kind is None or isinstance(error, kind)


def _checked(bounds: object) -> tuple[float, float]:
    match bounds:
        case (int() | float() as low, int() | float() as high) if low <= high:
            return low, high
        case _:
            raise ValueError(f"bounds must be (shortest, longest) in seconds, such as (1, 30), got {bounds!r}")


def _listed(calls: Iterable[Call]) -> str:
    return "; ".join(f"{counted(times, 'call')} that {each}" for each, times in Counter(map(str, calls)).items())
