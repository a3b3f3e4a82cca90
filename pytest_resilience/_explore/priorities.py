"""Random schedules that find a bug of a given depth with a known chance: probabilistic concurrency testing (PCT).

After Burckhardt, Kothari, Musuvathi and Nagarakatte, ASPLOS 2010: each thread gets a random priority, the one with the
highest goes on, and at d - 1 steps, drawn from all, the one that runs falls below all others. A bug that needs d
orderings is hit with a chance of at least 1 / (n * k^(d - 1)) in each run of n threads and k steps.
"""

from __future__ import annotations

import random
from collections.abc import Sequence
from typing import Any, final

from pytest_resilience._explore.schedule import Deviation


@final
class Priorities:
    """Draws the schedule of one run; everything else stays as the plan says.

    Args:
        chance: Draws the priorities and the steps.
        depth: How many orderings it should be able to hit: one more than the changes of priority.
        steps: How many decisions about the schedule the run is expected to ask.
    """

    def __init__(self, chance: random.Random, depth: int, steps: int) -> None:
        self._chance = chance
        self._changes = set(chance.sample(range(1, steps + 1), min(depth - 1, steps)))
        self._step = 0
        self._priorities: dict[int, float] = {}

    def __call__(self, options: Sequence[Any]) -> int:
        """Say what happens at one decision: 0, or the number of an option."""
        if not isinstance(options[0], Deviation):
            return 0
        self._step += 1
        changes = self._step in self._changes
        if options[0].is_late:
            return self._chance.randint(1, len(options)) if changes else 0
        threads = [options[0].first, *(each.instead for each in options)]
        priorities = [self._priorities.setdefault(each, self._chance.random()) for each in threads]
        if changes:
            self._priorities[threads[0]] = priorities[0] = -float(self._step)
        return max(range(len(threads)), key=priorities.__getitem__)
