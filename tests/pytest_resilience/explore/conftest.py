"""What the tests of exploring share."""

from __future__ import annotations

import gc

import pytest


@pytest.fixture
def ends_of_tasks():
    """What tasks say that a run inside the run has left is said in this test. Ask for it before ``suite``.

    The recorder of that run holds their errors until the test is over, and asyncio tells of them as they are collected.
    """
    yield
    gc.collect()
