"""How far an exploration goes, as the marker, the options and `explore` say."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, Final, final

from resilience.testing import parse_duration

_MOST_RUNS: Final = 1_000_000_000  # nobody waits for so many; keeps int() away from texts of any length
_MOST_FAULTS: Final = 5  # the number of plans grows with this power
BUDGET_FORMS: Final = "a number of runs, such as 200, or real time, such as 30s or 5m"


@final
@dataclass(frozen=True, slots=True)
class Budget:
    """What an exploration may cost.

    Attributes:
        runs: How many runs with a plan; None where time decides.
        seconds: How much real time; None where the number of runs decides.
    """

    runs: int | None = 200
    seconds: float | None = None


@final
@dataclass(frozen=True, slots=True, kw_only=True)
class Limits:
    """The checked arguments of `explore`."""

    faults: int = 1
    schedules: int = 1
    points: tuple[str | Callable[..., Any], ...] = ()
    allowed: tuple[type[BaseException], ...] = ()
    budget: Budget = Budget()


def limits_of(
    *, faults: Any = 1, schedules: Any = 1, points: Any = (), allowed: Any = (), budget: Any = None
) -> Limits:
    """Check what a user has written.

    Raises:
        TypeError: An argument of the wrong type.
        ValueError: One that makes no sense. Both name the argument, the value and what is valid.
    """
    names = [points] if isinstance(points, str) or callable(points) else points
    kinds = [allowed] if isinstance(allowed, type) else allowed
    if not isinstance(names, Sequence) or not all(isinstance(each, str) or callable(each) for each in names):
        raise TypeError(
            f"points must be a list of functions or of patterns of names, such as 'orders.stock:*', got {points!r}"
        )
    if not isinstance(kinds, Sequence) or not all(
        isinstance(each, type) and issubclass(each, BaseException) for each in kinds
    ):
        raise TypeError(f"allowed must be a list of exception types, got {allowed!r}")
    limits = Limits(
        faults=_count("faults", faults),
        schedules=_count("schedules", schedules),
        points=tuple(names),
        allowed=tuple(kinds),
        budget=Budget() if budget is None else budget_of(budget),
    )
    if not limits.faults and not limits.schedules:
        raise ValueError("faults and schedules are both 0, which leaves nothing to explore")
    return limits


def budget_of(value: object) -> Budget:
    """Return the budget that a number of runs or a text stands for.

    >>> budget_of("30s")
    Budget(runs=None, seconds=30.0)

    Raises:
        TypeError, ValueError: It stands for none.
    """
    if isinstance(value, Budget):
        return value
    if isinstance(value, bool) or not isinstance(value, (int, str)):
        raise TypeError(f"budget must be {BUDGET_FORMS}, got {value!r}")
    text = str(value).strip()
    with contextlib.suppress(ValueError):
        if text.isdecimal() and 0 < (runs := int(text)) < _MOST_RUNS:
            return Budget(runs=runs)
        if text[-1:].isalpha() and (nanoseconds := parse_duration(text)):
            return Budget(runs=None, seconds=nanoseconds / 1e9)
    raise ValueError(f"budget must be {BUDGET_FORMS}, got {value!r}")


def _count(name: str, value: object) -> int:
    if isinstance(value, bool) or not isinstance(value, int):
        raise TypeError(f"{name} must be an int, got {value!r}")
    if not 0 <= value <= _MOST_FAULTS:
        raise ValueError(f"{name} must be from 0 to {_MOST_FAULTS}, got {value!r}")
    return value
