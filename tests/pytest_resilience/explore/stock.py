"""What the tests of the oracle explore with."""

from __future__ import annotations

from pytest_resilience import explore
from resilience import create_retry_decorator


@create_retry_decorator(max_attempts=2, retry_on=ConnectionError)
def fetch():
    return "stock"


@create_retry_decorator(max_attempts=2, retry_on=ConnectionError)
async def fetch_async():
    return "stock"


def found(function, **limits):
    """What exploring a function finds."""
    return [str(finding) for finding in explore(function, **limits).findings]
