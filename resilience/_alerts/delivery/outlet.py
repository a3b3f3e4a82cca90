"""Where the alerts of a test go, whatever is configured: to a stand-in, or nowhere."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, final

if TYPE_CHECKING:
    import httpx


@final
@dataclass(frozen=True, slots=True)
class Outlet:
    """Takes the place of all destinations: no alert leaves for Discord itself, and no notifier is called.

    Attributes:
        transport: What requests to Discord are handed to; None where no alert is sent at all.
        reason: Why none is, as the rest of "An alert was due and is not sent, because".
    """

    transport: httpx.BaseTransport | None = None
    reason: str = "this is a test"
