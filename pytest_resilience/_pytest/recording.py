"""The state of one test of pytest, from its beginning to what is to be said at its end."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import pytest

from pytest_resilience._pytest.fixture_state import FixtureState
from pytest_resilience._pytest.stash import OPTIONS, STATE
from pytest_resilience.clock import VirtualClock


@contextmanager
def recording(item: pytest.Item, clock: VirtualClock | None) -> Iterator[FixtureState]:
    """Keep what the fixtures of a test share, for the length of a ``with`` block; fail where it has complaints."""
    options = item.config.stash[OPTIONS]
    state = item.stash[STATE] = FixtureState(f"{options.seed}:{item.nodeid}", options, clock)
    with state:
        yield state
    complaints = state.complaints()
    if complaints and state.passed:
        pytest.fail("\n".join(complaints), pytrace=False)
