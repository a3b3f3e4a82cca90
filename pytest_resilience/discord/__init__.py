"""A stand-in for Discord's webhooks: it answers as Discord does, and fails as a test plans it.

The fixture ``discord`` is a `DiscordMock`. Importing this package imports httpx; where a mock begins, respx, too.
"""

from pytest_resilience.discord._mock import DiscordMock
from pytest_resilience.discord._planned_answers import edge_ban, lost_answer, rate_limited
from pytest_resilience.discord._records import Alert, WebhookRequest
from resilience.testing import publish as _publish

__all__ = ["Alert", "DiscordMock", "WebhookRequest", "edge_ban", "lost_answer", "rate_limited"]

_publish(__name__, __all__)
