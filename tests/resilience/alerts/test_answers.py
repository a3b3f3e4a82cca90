"""Reading answers that are no success, of Discord and of the edge."""

from __future__ import annotations

import json

import httpx
import pytest
from hypothesis import given
from hypothesis import strategies as st

from resilience._alerts.discord.refusals import DiscordError

FORM_ERROR = {
    "message": "Invalid Form Body",
    "code": 50035,
    "errors": {
        "content": {"_errors": [{"code": "BASE_TYPE_MAX_LENGTH", "message": "Must be 2000 or fewer in length."}]},
        "embeds": {"0": {"title": {"_errors": [{"code": "X", "message": "Too long."}]}}},
    },
}


def answer(status, body=b"", **headers):
    """Make the error of an answer."""
    content = body if isinstance(body, bytes) else json.dumps(body).encode()
    return DiscordError(
        status, httpx.Headers({name.replace("_", "-"): value for name, value in headers.items()}), content
    )


@pytest.mark.parametrize(
    ("error", "text"),
    [
        (answer(500), "HTTP 500"),
        (
            answer(502, b"<html><head><style>b {}</style></head>\n<b>Bad  gateway</b> token=s3cr3t-t0ken-value"),
            "HTTP 502: Bad gateway token=[redacted]",
        ),
        (answer(502, b"x" * 1000), "HTTP 502: " + "x" * 100),
        (
            answer(404, {"message": "Unknown Webhook", "code": 10015}),
            "HTTP 404, code 10015: Unknown Webhook",
        ),
        (
            answer(400, FORM_ERROR),
            (
                "HTTP 400, code 50035: Invalid Form Body "
                "(content: Must be 2000 or fewer in length.; embeds.0.title: Too long.)"
            ),
        ),
        (answer(400, {"embeds": ["0"]}), 'HTTP 400: {"embeds": ["0"]}'),
        (answer(429, {"message": "line\nbreak", "retry_after": 1}), "HTTP 429: line\\nbreak"),
        (
            answer(400, {"code": "odd", "message": 7, "errors": [1]}),
            'HTTP 400: {"code": "odd", "message": 7, "errors": [1]}',
        ),
        (answer(400, {"message": "postgres://a:hunter2@db/x"}), "HTTP 400: postgres://a:[redacted]@db/x"),
    ],
)
def test_an_answer_is_described_in_one_clean_line(error, text):
    """Status, code, message and the flattened form errors make one line without secrets."""
    assert str(error) == text


@pytest.mark.parametrize(
    ("error", "seconds"),
    [
        (answer(429, {"retry_after": 1.5}, Retry_After="2"), 2.0),
        (answer(429, {"retry_after": 64.57}, Retry_After="1"), 64.57),
        (answer(429, {"retry_after": 3}), 3.0),
        (answer(429, {"retry_after": "4.5"}), 4.5),
        (answer(429, b"error code: 1015", Retry_After="3600"), 3600.0),
        (answer(429), 0.0),
        (answer(429, {"retry_after": -1}), 0.0),
        (answer(429, {"retry_after": None}), 0.0),
        (answer(429, {"retry_after": True}), 0.0),
        (answer(429, b'{"retry_after": NaN}'), 0.0),
        (answer(429, [1]), 0.0),
    ],
)
def test_the_larger_wait_of_body_and_header_counts(error, seconds):
    """A 429 asks for the larger of the two, and nonsense asks for nothing."""
    assert error.asks_to_wait_s == seconds


@pytest.mark.parametrize(
    ("error", "scope"),
    [
        (answer(429, {"retry_after": 1, "global": False}, X_RateLimit_Scope="user"), "user"),
        (answer(429, {"retry_after": 1, "global": False}, X_RateLimit_Scope="shared"), "shared"),
        (answer(429, {"retry_after": 1, "global": True}), "global"),
        (answer(429, {"retry_after": 1}, X_RateLimit_Global="true"), "global"),
        (answer(429, {"retry_after": 1}, X_RateLimit_Scope="global"), "global"),
        (answer(429), "user"),
    ],
)
def test_whose_limit_it_was(error, scope):
    """The scope comes from the body or from either header."""
    assert error.scope == scope


@pytest.mark.parametrize(
    ("error", "is_ban"),
    [
        (answer(429, {"retry_after": 1}, Via="1.1 google"), False),
        (answer(429, {"retry_after": 1}), True),
        (answer(429, {"code": 0, "message": "You are being blocked"}, Via="1.1 google"), True),
        (answer(429, {"retry_after": 0, "global": False}, Via="1.1 google"), False),
        (answer(429, {"retry_after": 0.0}, Via="1.1 google", Retry_After="0"), False),
        (answer(429, {"retry_after": 0}), True),
        (answer(429, {"retry_after": False}, Via="1.1 google"), True),
        (answer(429, {"code": 20028, "retry_after": 1}, Via="1.1 google"), False),
        (answer(429, b"error code: 1015", Retry_After="600"), True),
        (answer(429, {"message": "no number"}, Via="1.1 google"), True),
    ],
)
def test_a_429_that_the_edge_made_is_a_ban(error, is_ban):
    """Without Via, with code 0, or without a wait, a 429 concerns the whole address."""
    assert error.is_ban is is_ban


@pytest.mark.parametrize(
    ("error", "is_block"),
    [
        (answer(403, b"error code: 1010"), True),
        (answer(403, {"code": 40333, "message": "internal network error"}), True),
        (answer(403, {"code": 50013, "message": "Missing Permissions"}), False),
        (answer(403), False),
    ],
)
def test_a_403_that_the_edge_made_is_a_block(error, is_block):
    """The edge's own 403 is told from one that Discord made about the message."""
    assert error.is_edge_block is is_block


@given(
    st.binary(max_size=200)
    | st.recursive(st.none() | st.integers() | st.text(), st.lists, max_leaves=20).map(json.dumps).map(str.encode)
)
def test_no_body_breaks_the_reading(body):
    """Whatever bytes come back, reading them gives a description and numbers that can be used."""
    error = answer(429, body)
    assert str(error).startswith("HTTP 429")
    assert error.asks_to_wait_s >= 0
    assert error.scope in {"user", "global"}
    assert error.is_ban


def test_a_deeply_nested_body_is_no_body():
    """A body made to exhaust the parser's stack is read as none."""
    assert str(answer(400, b"[" * 100_000)) == "HTTP 400: " + "[" * 100
    deep = b'{"errors":' * 500 + b"1" + b"}" * 500
    assert str(answer(400, deep)).startswith('HTTP 400: {"errors":')
