"""What all tests of the service share."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest

from resilience import configure

sys.path.insert(0, str(Path(__file__).parent))  # the service is a folder here, and not an installed package


@pytest.fixture(autouse=True)
def service_name() -> Iterator[None]:
    """Name the service as its ``__main__`` does."""
    configure(service_name="orders")
    yield
    configure(service_name=None)


@pytest.fixture
def payments() -> Iterator[httpx.Client]:
    """A client of the payment provider."""
    with httpx.Client(base_url="https://payments.example") as client:
        yield client
