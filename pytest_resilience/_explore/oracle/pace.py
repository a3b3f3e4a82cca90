"""Whether calls come again as they should: not before the time that a server asks for, and not in step."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from itertools import pairwise
from typing import Final

from pytest_resilience._explore.oracle.suspicion import Suspicion
from pytest_resilience._explore.points import Strike
from resilience.redact import clean
from resilience.testing import Status

_ALIKE_S: Final = 1e-4  # more than floats and clocks round by, and less than any two draws of a jitter differ by
_MOST_ALIKE: Final = 3  # waits in a row; of those that are drawn, no two are alike
_NANOSECONDS: Final = 1_000_000_000


def too_early(
    strikes: Sequence[Strike], times: Mapping[str, Sequence[float]], usual: Mapping[str, int]
) -> Iterator[Suspicion]:
    """Yield the requests that came again although the server had asked to wait.

    Args:
        strikes: The faults that struck.
        times: When the calls of each point came.
        usual: How many calls come without faults: only who makes more has tried again.
    """
    for strike in strikes:
        asked_ns = strike.action.retry_after if isinstance(strike.action, Status) else None
        if not asked_ns:
            continue
        asked_s = asked_ns / _NANOSECONDS
        again = times[strike.point][max(strike.call, usual.get(strike.point, 0)) :]
        early = [at - strike.at for at in again if at - strike.at < asked_s - _ALIKE_S]
        if early:
            told = f"the server asked to wait {asked_s:.0f} s, and was asked again after {early[0]:.1f} s"
            yield Suspicion("Retry-After ignored", f"{clean(strike.point)}: {told}")


def in_step(strikes: Sequence[Strike]) -> Iterator[Suspicion]:
    """Yield the points that are tried again with a wait that grows, up to a limit, and then is always the same."""
    times: dict[tuple[str, object], list[float]] = {}
    for strike in strikes:
        times.setdefault((strike.point, strike.caller), []).append(strike.at)
    for (point, _), at in times.items():
        waits = [later - earlier for earlier, later in pairwise(at)]
        last = waits[-_MOST_ALIKE:]
        is_capped = len(last) == _MOST_ALIKE and max(last) - min(last) < _ALIKE_S < last[0]
        if is_capped and waits[0] < last[0] - _ALIKE_S:
            told = f"waits grow to {last[0]:.1f} s and stay there without jitter: many clients come back at once"
            yield Suspicion("no jitter", f"{clean(point)}: {told}")
