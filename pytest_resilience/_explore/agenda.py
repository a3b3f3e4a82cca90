"""Which plans come next: those with fewer decisions first, and of these faults before deviations of the schedule."""

from __future__ import annotations

import random
from collections import deque
from collections.abc import Sequence
from typing import Final, final

from pytest_resilience._explore.decisions import SEPARATOR, Asked, Draw, Plan, Taken
from pytest_resilience._explore.findings import Exploration
from pytest_resilience._explore.menu import Fault
from pytest_resilience._explore.priorities import Priorities

_SAMPLED: Final = 0.5
"""The share of plans with one deviation more where not all can be run; the others have random priorities.

One pre-emption of the usual order finds most bugs; priorities find those that need another order to begin with.
"""


@final
class Agenda:
    """The plans that are known and have not been run.

    Args:
        exploration: Has the limits, and is told how many plans are known.
        seed: From which chance draws where the deviations are more than can be run.
    """

    def __init__(self, exploration: Exploration, seed: int) -> None:
        self._exploration = exploration
        self._limits = exploration.limits
        self._chance = random.Random(seed)  # noqa: S311  # replays are the point
        self._seen: set[frozenset[Taken]] = set()
        self._queue: deque[Plan] = deque()
        self._striking: dict[int, list[Plan]] = {}  # by the number of decisions
        self._deviating: dict[int, list[Plan]] = {}
        self._sample: list[Plan] = []
        self._drawn_from: list[Plan] = []

    def add_first(self, plans: Sequence[Plan]) -> None:
        """Put plans before all others."""
        self._queue.extend(filter(self.is_new, plans))

    def extend(self, plan: Plan, asked: Sequence[Asked]) -> None:
        """Add the plans that go on from a run: its own, and one more at a decision that came after these."""
        taken = [index for index, each in enumerate(asked) if each.choice]
        later = asked[taken[-1] + 1 :] if taken else asked
        faults = sum(is_fault(asked[index]) for index in taken)
        ranks = _ranks(later)
        strikes = [
            (ranks[each.about], choice, index, Taken(each.about, choice))
            for index, each in enumerate(later)
            if is_fault(each) and faults < self._limits.faults
            for choice in range(1, len(each.options) + 1)
        ]
        deviations = [
            Taken(each.about, choice)
            for each in later
            if not is_fault(each) and len(taken) - faults < self._limits.schedules
            for choice in range(1, len(each.options) + 1)
        ]
        self._add(self._striking, [(*plan, each) for *_, each in sorted(strikes)])
        self._add(self._deviating, [(*plan, each) for each in deviations])

    def is_new(self, plan: Plan) -> bool:
        """Note a plan; False where it is known already."""
        key = frozenset(plan)
        if key in self._seen:
            return False
        self._seen.add(key)
        self._exploration.known += 1
        return True

    def upcoming(self, left: float, steps: int) -> tuple[Plan, Draw | None] | None:
        """Take out the next plan, and what draws where it says nothing; None where there is no more.

        Args:
            left: How many plans can still be run.
            steps: How many decisions about the schedule a run has to take.
        """
        if not self._queue:
            self._take_up_more(left)
        if self._queue:
            return self._queue.popleft(), None
        if self._sample and self._chance.random() < _SAMPLED:
            return self._sample.pop(), None
        return self._drawn(steps) if self._drawn_from else None

    def _add(self, levels: dict[int, list[Plan]], plans: Sequence[Plan]) -> None:
        for plan in filter(self.is_new, plans):
            levels.setdefault(len(plan), []).append(plan)

    def _take_up_more(self, left: float) -> None:
        """Queue the next level of faults, or of deviations if they can all be run; else chance decides from now on."""
        levels = [*self._striking, *self._deviating]
        if not levels or self._drawn_from:
            return
        level = min(levels)
        if level in self._striking:
            self._queue.extend(self._striking.pop(level))
        elif len(self._deviating[level]) <= left:
            self._queue.extend(self._deviating.pop(level))
        else:
            bases = [plan[:-1] for plans in self._deviating.values() for plan in plans]
            self._drawn_from = [*dict.fromkeys(bases)]
            self._sample = self._deviating.pop(level)
            self._chance.shuffle(self._sample)

    def _drawn(self, steps: int) -> tuple[Plan, Draw]:
        """Draw a schedule: every other one on average beside the first of the plans, which has the fewest faults."""
        is_first = self._chance.random() < 0.5
        plan = self._drawn_from[0] if is_first else self._chance.choice(self._drawn_from)
        return plan, Priorities(self._chance, self._limits.schedules + 1, steps)


def is_fault(asked: Asked) -> bool:
    """Tell whether a decision is about a fault, and not about the schedule."""
    return isinstance(asked.options[0], Fault)


def _ranks(asked: Sequence[Asked]) -> dict[str, int]:
    """Return in which order decisions are tried: the first call of each point, the second, the last, then the rest."""
    calls: dict[str, list[str]] = {}
    for each in asked:
        calls.setdefault(each.about.rpartition(SEPARATOR)[0], []).append(each.about)
    ranks: dict[str, int] = {}
    for abouts in calls.values():
        order = [*abouts[:2], *abouts[-1:], *abouts[2:-1]]
        for rank, about in enumerate(order):
            ranks.setdefault(about, rank)
    return ranks
