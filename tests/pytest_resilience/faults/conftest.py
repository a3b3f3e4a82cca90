"""What the tests of other processes share, and those of requests of httpx."""

from __future__ import annotations

import os
import sys

import pytest

from tests.pytest_resilience.faults.children import HOUSE, SHOP
from tests.pytest_resilience.faults.upstream import Upstream


@pytest.fixture
def shop(tmp_path, monkeypatch):
    """The folder with the module ``shop``, which is on the path of all processes."""
    (tmp_path / "shop.py").write_text(SHOP, "utf-8")
    monkeypatch.syspath_prepend(tmp_path)
    monkeypatch.setenv("PYTHONPATH", f"{tmp_path}{os.pathsep}{HOUSE}")
    yield tmp_path
    sys.modules.pop("shop", None)


@pytest.fixture
def upstream():
    return Upstream()
