"""Two decorated functions to have log lines of, and what has them fail."""

from __future__ import annotations

import contextlib

from pytest_resilience import Faults
from resilience import conn_retry, create_retry_decorator


@conn_retry("Attic", "open", max_retry=3, max_wait=0)
def open_attic():
    """Open it."""
    return "open"


@create_retry_decorator(max_attempts=3, max_wait=0, context="upstairs")
def fetch_box():
    """Fetch it."""
    return "box"


def struck(script, function=open_attic):
    """Call a function under a script, whatever it raises."""
    with Faults() as faults:
        faults.inject(function, script, strict=False)
        with contextlib.suppress(OSError, ValueError):
            function()
