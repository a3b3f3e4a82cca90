"""What the tests of exploring share."""

from __future__ import annotations

import pytest


@pytest.fixture(autouse=True)
def no_garbage_but_its_own(frozen_heap):
    """Each exploration collects what there is before it begins, which in a large suite takes longer than the rest."""
