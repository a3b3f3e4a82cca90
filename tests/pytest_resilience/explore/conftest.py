"""What the tests of exploring share."""

from __future__ import annotations

import asyncio
import gc

import pytest


@pytest.fixture
def ends_of_tasks():
    """Of tasks that a run inside the run has left nothing is said in a later test. Ask for it before ``suite``.

    The recorder of that run holds their errors until the test is over, and asyncio tells of them as they are collected.
    To collect them takes far longer than to look for them, among all that the suite has loaded.
    """
    yield
    for each in gc.get_objects():
        if issubclass(type(each), asyncio.Future) and each.done() and not each.cancelled():
            each.exception()
