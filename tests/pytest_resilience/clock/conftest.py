"""The clock as the tests of the clock use it."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from pytest_resilience.clock import VirtualClock

if TYPE_CHECKING:
    from collections.abc import Iterator


@pytest.fixture
def clock() -> Iterator[VirtualClock]:
    """A virtual clock, open during the test."""
    with VirtualClock() as clock:
        yield clock
