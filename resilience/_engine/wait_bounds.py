"""How long a call may wait between two attempts, for whoever checks that it does."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tenacity import wait_fixed

from resilience._engine.retry_after import retry_after_of
from resilience._engine.strategies import wait_equal_jitter

if TYPE_CHECKING:
    from resilience._policy import Policy

Bounds = tuple[float, float]


def wait_bounds(policy: Policy, attempt: int, error: BaseException | None, own: Bounds | None = None) -> Bounds | None:
    """Return the shortest and the longest wait after a failed attempt, in seconds.

    Args:
        policy: What the decorator was told.
        attempt: The number of the attempt; 1 for the first.
        error: What it raised. Its ``Retry-After`` is never undercut, and may make the wait longer.
        own: The bounds instead of those of the policy, for a ``wait=`` of the user's own.

    Returns:
        None where nobody knows what such a wait strategy may wait.

    Example:
        ``wait_bounds(call.policy, 3, None) == (4.0, 8.0)``
    """
    wait = policy.wait
    if own is None and isinstance(wait, wait_equal_jitter):
        own = wait.bounds(attempt)
    if own is None and isinstance(wait, wait_fixed):
        own = wait.wait_fixed, wait.wait_fixed
    if own is None:
        return None
    asked = 0.0 if error is None else retry_after_of(error)
    return max(own[0], asked), max(own[1], asked)
