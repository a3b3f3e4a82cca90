"""Where the plugin keeps what it knows: keys of pytest's own stashes."""

from __future__ import annotations

from contextlib import ExitStack
from typing import TYPE_CHECKING, Any, Final, TypeAlias

import pytest

if TYPE_CHECKING:
    from pytest_resilience._pytest.fixture_state import FixtureState
    from pytest_resilience._pytest.options import Options

_OptionsKey: TypeAlias = "pytest.StashKey[Options]"
_StateKey: TypeAlias = "pytest.StashKey[FixtureState]"

OPTIONS: Final[_OptionsKey] = pytest.StashKey()
"""What the command line and the ini file ask for, kept for the run."""

STATE: Final[_StateKey] = pytest.StashKey()
"""What the fixtures of a test share, kept for the test."""

OPEN: Final = pytest.StashKey[list[tuple[pytest.FixtureDef[Any], Any]]]()
"""The fixtures of the kit that a test has set up, in that order."""

OPEN_BEFORE: Final = pytest.StashKey[tuple[Any, ...]]()
"""The tools of the kit that were open before a test, and are none of its own."""

HELD: Final = pytest.StashKey[ExitStack]()
"""The holds of clocks while a debugger waits for its user."""

EXPLORED: Final = pytest.StashKey[bool]()
"""There while a test is explored."""

TALLY: Final = "resilience"
"""The property of a report that says what its test has done, in numbers."""

EXPLORATION: Final = "resilience-explored"
"""The property of a report that says in one line what exploring its test came to."""

EXPLORATION_FACTS: Final = "resilience-exploration"
"""The property of a report that holds all that exploring its test came to."""

TIMELINE_FACTS: Final = "resilience-timeline"
"""The property of a report that holds the timeline of its test."""

EXPLORED_TEXT: Final = "one run of an exploration"
"""What stands in place of the traceback of a run that nobody is shown."""
