"""A stand-in for Discord's webhooks: the simulated server, and the mock that puts it in Discord's place.

Importing this package imports httpx; entering a `DiscordMock` imports respx.
"""

from pytest_resilience.discord._mock import DiscordMock
from pytest_resilience.discord._records import Alert, Message, WebhookRequest
from pytest_resilience.discord._replies import edge_ban, lost_answer, rate_limited
from pytest_resilience.discord._server import DiscordServer

__all__ = [
    "Alert",
    "DiscordMock",
    "DiscordServer",
    "Message",
    "WebhookRequest",
    "edge_ban",
    "lost_answer",
    "rate_limited",
]
