"""A debugger's prompt: while a person reads it, virtual time stands still, whatever other threads wait for."""

from __future__ import annotations

import sys
from contextlib import ExitStack

import pytest

_HELD = pytest.StashKey[ExitStack]()


def hold_time(config: pytest.Config) -> None:
    """Keep the time of the clock that is open where it is."""
    per_clock = sys.modules.get("pytest_resilience.clock._bubble.per_clock")
    for clock in [] if per_clock is None else per_clock.open_clocks:
        config.stash.setdefault(_HELD, ExitStack()).enter_context(clock.hold())


def let_time_go_on(config: pytest.Config) -> None:
    """Let it move again."""
    config.stash.setdefault(_HELD, ExitStack()).close()
