"""The timeline by call, and what is asserted of calls: how they end, and how long they wait."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from typing import Any, Final, final

from pytest_resilience._timeline.calls import Attempt, Call, calls_of
from pytest_resilience._timeline.reader import TimelineReader
from pytest_resilience._wording import NOT_DECORATED, check_number, is_count, shown, type_named, unknown
from resilience.testing import counted, wait_bounds

ErrorType = type[BaseException] | str
Bounds = tuple[float, float] | Callable[[int], tuple[float, float]]
_SAME: Final = 1e-9  # clocks count nanoseconds, and floats round
_MOST_ALIKE: Final = 1 / 3  # draws hardly ever repeat, but jitter in whole seconds may, by chance


@final
class Retries(TimelineReader):
    """The calls of decorated functions in a ``with`` block by their name, each with its attempts.

    ``retries["Redis.connect"]`` is the list of calls of a failpoint; a function's ``__name__``, or the function itself,
    will do too. The name of no failpoint is an objection that lists the closest ones. The fixture ``retries`` is one.

    Example:
        ::

            with Retries() as retries:
                run_the_service()
            retries.assert_recovered("Redis.connect", attempts=4)
    """

    @property
    def all(self) -> list[Call]:
        """Every call, in the order in which they began."""
        self._check_opened("retries")
        return calls_of(self._timeline)

    def __getitem__(self, name: str | Callable[..., Any]) -> list[Call]:
        wanted = shown(name)
        calls = self.all
        found = [call for call in calls if wanted == call.failpoint] or [
            call for call in calls if wanted == call.function
        ]
        problem = None if found else unknown(wanted, {call.function for call in calls})
        if problem is None:
            return found
        if not isinstance(name, str):
            self._objections.object(f"retries[{wanted}]: {NOT_DECORATED}")
        self._objections.object(f"retries[{wanted!r}]: {problem}")

    def assert_gave_up(
        self,
        name: str | Callable[..., Any],
        *,
        attempts: int | None = None,
        error: ErrorType | None = None,
        count: int | None = None,
    ) -> None:
        """Assert that calls gave up.

        Args:
            name: A failpoint, a function's name, or the function.
            attempts: After how many attempts. Default: any number.
            error: With which error: its type, one of its bases, or the name of either. Default: any error.
            count: How many such calls there are to be; 0 for none. Default: at least one.

        Raises:
            AssertionError: There were not so many; the text says what the calls did instead, and shows the timeline.
            TypeError: A number or an error of a wrong type.
            ValueError: A number below 0.
            pytest.fail.Exception: There is no such failpoint, and no such function was called.

        Example:
            ``retries.assert_gave_up("Redis.connect", attempts=101, error=ConnectionError)``
        """
        self._assert_ended(name, "gave_up", attempts, error, count)

    def assert_recovered(
        self, name: str | Callable[..., Any], *, attempts: int | None = None, count: int | None = None
    ) -> None:
        """Assert that calls failed first and then succeeded.

        Args:
            name: A failpoint, a function's name, or the function.
            attempts: At which attempt they succeeded. Default: any.
            count: How many such calls there are to be; 0 for none. Default: at least one.

        Raises:
            AssertionError: There were not so many; the text says what the calls did instead, and shows the timeline.
            TypeError: A number of a wrong type.
            ValueError: A number below 0.
            pytest.fail.Exception: There is no such failpoint, and no such function was called.

        Example:
            ``retries.assert_recovered("Redis.connect", attempts=4)``
        """
        self._assert_ended(name, "recovered", attempts, None, count)

    def assert_waits(self, name: str | Callable[..., Any], bounds: Bounds | None = None) -> None:
        """Assert that there were waits between attempts, each within the policy of its call.

        Args:
            name: A failpoint, a function's name, or the function.
            bounds: The shortest and longest wait in seconds, or a function from the number of the attempt to them; for
                a call whose ``wait=`` is its own. A longer ``Retry-After`` of the error counts as its bounds. Default:
                those of the decorator.

        Raises:
            AssertionError: A wait was shorter or longer, or there was none; the text shows the timeline around it.
            ValueError: The bounds are no pair of numbers in order.
            pytest.fail.Exception: What the decorator's own ``wait=`` may wait is not known, and no bounds were given;
                or there is no such failpoint, and no such function was called.

        Example:
            ``retries.assert_waits("Redis.connect", bounds=lambda attempt: (0, 2**attempt))``
        """
        waits = self._waits(name)
        for call, attempt, wait in waits:
            low, high = self._bounds(call, attempt, bounds)
            if not low - _SAME <= wait <= high + _SAME:
                self._fail(
                    f"{call.failpoint} waited {wait:.3f} s after attempt {attempt.number}; "
                    f"between {low:g} s and {high:g} s was expected",
                    at=attempt.at,
                )
        if not waits:
            self._fail(f"no wait of {shown(name)} to assert: none of its calls has failed and been retried")

    def assert_jittered(self, name: str | Callable[..., Any]) -> None:
        """Assert that the waits of several calls differ, at each attempt, also at the cap.

        A fleet whose waits are the same retries in step, and hits the recovering server all at once. At least two calls
        of the test must have waited; twenty tell more.

        Args:
            name: A failpoint, a function's name, or the function.

        Raises:
            AssertionError: More than a third of the waits after one attempt are the same, or there are no two to be
                compared; the text shows the timeline.
            pytest.fail.Exception: There is no such failpoint, and no such function was called.

        Example:
            ``retries.assert_jittered("Redis.connect")``
        """
        by_attempt: dict[int, list[float]] = {}
        for _, attempt, wait in self._waits(name):
            by_attempt.setdefault(attempt.number, []).append(wait)
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

    def _assert_ended(
        self,
        name: str | Callable[..., Any],
        outcome: str,
        attempts: int | None,
        error: ErrorType | None,
        count: int | None,
    ) -> None:
        check_number("attempts", attempts)
        check_number("count", count)
        calls = self[name]
        kind = None if error is None else type_named(error)
        found = [
            call
            for call in calls
            if call.outcome == outcome and attempts in {None, len(call.attempts)} and _is_a(call.error, error)
        ]
        if is_count(len(found), count):
            return
        end = outcome.replace("_", " ")
        if attempts is not None:
            end += f" after {counted(attempts, 'attempt')}" if outcome == "gave_up" else f" at attempt {attempts}"
        end += "" if kind is None else f" with {kind}"
        wanted = (
            f"no call of {shown(name)} {end}"
            if count is None
            else f"{counted(count, 'call')} of {shown(name)} that {end} expected, got {len(found)}"
        )
        made = [f"{counted(times, 'call')} that {each}" for each, times in Counter(map(str, calls)).items()]
        self._fail(f"{wanted}; it made {'; '.join(made) or 'no call'}")

    def _waits(self, name: str | Callable[..., Any]) -> list[tuple[Call, Attempt, float]]:
        return [(call, each, each.wait) for call in self[name] for each in call.attempts if each.wait is not None]

    def _bounds(self, call: Call, attempt: Attempt, bounds: Bounds | None) -> tuple[float, float]:
        own = None if bounds is None else _checked(bounds(attempt.number) if callable(bounds) else bounds)
        found = wait_bounds(call.policy, attempt.number, attempt.error, own)
        if found is not None:
            return found
        self._objections.object(
            f"assert_waits({call.failpoint!r}): what its wait strategy, {type(call.policy.wait).__name__}, may wait is "
            "not known; pass bounds=(shortest, longest) in seconds, or a function from the attempt to them"
        )

    def _fail(self, text: str, at: float | None = None) -> None:
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
