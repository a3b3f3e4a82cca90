"""The clock of one test of pytest, and its state from its beginning to what is to be said at its end."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import pytest

from pytest_resilience._pytest.fixture_state import FixtureState
from pytest_resilience._pytest.stash import OPTIONS, STATE
from pytest_resilience.clock import VirtualClock


def clock_of(item: pytest.Item) -> VirtualClock:
    """Make the clock of a test, as its closest marker says, if it has one; a wrong marker fails the test."""
    marker = item.get_closest_marker("virtual_clock") or pytest.mark.virtual_clock().mark
    unknown = marker.kwargs.keys() - {"start", "grace"}
    if marker.args or unknown:
        given = ", ".join([*map(repr, marker.args), *(f"{name}=" for name in sorted(unknown))])
        wrong = f" takes start= and grace=, by name, and was given {given}"
    else:
        try:
            return VirtualClock(**marker.kwargs)
        except (TypeError, ValueError) as error:
            wrong = f": {error}"
    example = "@pytest.mark.virtual_clock(start='2030-01-31T12:00', grace=5)"
    pytest.fail(f"@pytest.mark.virtual_clock{wrong}; write for example {example}", pytrace=False)


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
