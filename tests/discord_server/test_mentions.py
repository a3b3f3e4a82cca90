from __future__ import annotations

import pytest

from tests.discord_server import ExactServer, notified
from tests.discord_server.posting import post

CONTENT = "<@1> <@!2> <@&3> @everyone @here <@1> <#4> <:x:5> <@x> @nobody <@٣>"

TABLE = [
    (None, ("<@1>", "<@!2>")),
    ({"parse": []}, ()),
    ({}, ()),
    ({"parse": ["users"]}, ("<@1>", "<@!2>")),
    ({"parse": ["roles"]}, ("<@&3>",)),
    ({"parse": ["everyone"]}, ("@everyone", "@here")),
    ({"parse": ["users", "roles", "everyone"]}, ("<@1>", "<@!2>", "<@&3>", "@everyone", "@here")),
    ({"users": ["2", "9"]}, ("<@!2>",)),
    ({"users": [1]}, ("<@1>",)),
    ({"parse": [], "roles": ["3"]}, ("<@&3>",)),
    ({"parse": None, "users": None, "roles": None}, ()),
]


@pytest.mark.parametrize(("allowed", "expected"), TABLE)
def test_who_is_notified(allowed, expected):
    """Only who is mentioned in the content and allowed is notified, each once; without rules, users are."""
    assert notified(CONTENT, allowed) == expected


def test_embeds_notify_nobody():
    """A mention in an embed is drawn and notifies nobody."""
    server = ExactServer()
    post(server, {"content": "hello", "embeds": [{"description": "<@1> @everyone"}]})
    assert server.notified == [()]
