"""Messages as Discord stores them, and as it shows them to clients that wait for it.

Source: Discord developer documentation, "Message Structure" and "Snowflakes".
"""

from __future__ import annotations

import time
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any, Final

from pytest_resilience.discord._mentions import notified
from pytest_resilience.discord._records import Message
from pytest_resilience.discord._validation import shown_username
from pytest_resilience.discord._webhooks import Webhook

_EPOCH_MS: Final = 1_420_070_400_000
_TIMESTAMP_SHIFT: Final = 22
_NAME: Final = "Alerts"
_CHANNEL_ID: Final = "990000000000000000"
_SHOWN: Final = (
    "title",
    "description",
    "url",
    "timestamp",
    "color",
    "footer",
    "image",
    "thumbnail",
    "author",
    "fields",
)


def new_message(webhook: Webhook, body: Mapping[str, Any], at: float, user_agent: str, *, after: int) -> Message:
    """Return the message that a body without faults makes, with an id of its own.

    Args:
        webhook: By which it comes.
        body: The body.
        at: When, in seconds since the test began.
        user_agent: What the client calls itself.
        after: The last id that was given.
    """
    made = (int(time.time() * 1000) - _EPOCH_MS) << _TIMESTAMP_SHIFT
    content = (body.get("content") or "").strip()
    return Message(
        id=str(max(made, after + 1)),
        at=at,
        webhook=webhook.id,
        channel=webhook.channel,
        username=shown_username(body.get("username"), _NAME),
        content=content,
        embeds=tuple(body.get("embeds") or ()),
        notified=notified(content, body.get("allowed_mentions")),
        user_agent=user_agent,
    )


def message_json(message: Message) -> dict[str, Any]:
    """Return the message object of the API."""
    mentions = message.notified
    stored_at = datetime.fromtimestamp(((int(message.id) >> _TIMESTAMP_SHIFT) + _EPOCH_MS) / 1000, UTC)
    return {
        "id": message.id,
        "type": 0,
        "content": message.content,
        "channel_id": _CHANNEL_ID,
        "author": {
            "id": message.webhook,
            "username": message.username,
            "avatar": None,
            "discriminator": "0000",
            "bot": True,
        },
        "attachments": [],
        "embeds": [
            {"type": "rich", **{name: embed[name] for name in _SHOWN if embed.get(name) is not None}}
            for embed in message.embeds
        ],
        "mentions": [
            {"id": each.strip("<@!>")} for each in mentions if each.startswith(("<@!", "<@")) and "&" not in each
        ],
        "mention_roles": [each.strip("<@&>") for each in mentions if each.startswith("<@&")],
        "mention_everyone": any(each.startswith("@") for each in mentions),
        "pinned": False,
        "tts": False,
        "timestamp": stored_at.isoformat(),
        "edited_timestamp": None,
        "flags": 0,
        "components": [],
        "webhook_id": message.webhook,
    }
