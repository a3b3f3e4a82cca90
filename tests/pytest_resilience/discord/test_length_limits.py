"""How long what is in a message may be, and what is none of a message's parts."""

from __future__ import annotations

import json

import httpx
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pytest_resilience.discord._answers import Fault, form_errors
from pytest_resilience.discord._length_limits import faults_of
from pytest_resilience.discord._rate_limits import RateLimits
from pytest_resilience.discord._server import DiscordServer
from tests.discord_server import ExactServer
from tests.discord_server.exact import NO_LIMITS
from tests.discord_server.posting import BOT, versioned

FAMILY = "👨‍👩‍👧"


def field(name="n", value="v"):
    """Make a field of an embed."""
    return {"name": name, "value": value}


def embeds(**embed):
    """Make a body with one embed."""
    return {"embeds": [embed]}


LENGTHS = [
    ("content", lambda text: {"content": text}, 2000),
    ("username", lambda text: {"username": text}, 80),
    ("embeds.0.title", lambda text: embeds(title=text), 256),
    ("embeds.0.description", lambda text: embeds(description=text), 4096),
    ("embeds.0.footer.text", lambda text: embeds(footer={"text": text}), 2048),
    ("embeds.0.author.name", lambda text: embeds(author={"name": text}), 256),
    ("embeds.0.fields.0.name", lambda text: embeds(fields=[field(name=text)]), 256),
    ("embeds.0.fields.0.value", lambda text: embeds(fields=[field(value=text)]), 1024),
]


@pytest.mark.parametrize(("path", "body", "most"), LENGTHS, ids=[each[0] for each in LENGTHS])
def test_lengths_are_inclusive_and_count_code_points_without_white_space_at_the_ends(path, body, most):
    """A text may be as long as its limit, in code points after stripping, and not one longer."""
    assert faults_of(body("😀" * most)) == []
    assert faults_of(body(" \n" + "x" * most + "\t ")) == []
    assert faults_of(body("x" * (most + 1))) == [
        Fault(path, "BASE_TYPE_MAX_LENGTH", f"Must be {most} or fewer in length.")
    ]


def test_a_family_of_three_counts_five():
    """Joined emoji count their parts and joiners: 16 families fill 80 characters, 17 do not fit."""
    assert faults_of({"username": FAMILY * 16}) == []
    assert faults_of({"username": FAMILY * 17}) != []


COUNTS = [
    ("embeds", lambda n: {"embeds": [{"title": "x"}] * n}, 10),
    ("embeds.0.fields", lambda n: embeds(fields=[field()] * n), 25),
]


@pytest.mark.parametrize(("path", "body", "most"), COUNTS, ids=[each[0] for each in COUNTS])
def test_numbers_of_items_are_limited(path, body, most):
    """A list may have as many items as its limit says, and not one more."""
    assert faults_of(body(most)) == []
    assert faults_of(body(most + 1)) == [Fault(path, "BASE_TYPE_MAX_LENGTH", f"Must be {most} or fewer in length.")]


def test_all_embeds_together_have_6000_characters():
    """Titles, descriptions, fields, footers and authors of all embeds are summed; URLs and the rest do not count."""
    every = {
        "title": "t" * 100,
        "description": "d" * 4000,
        "footer": {"text": "f" * 200, "icon_url": "https://x.org/" + "u" * 3000},
        "author": {"name": "a" * 100, "url": "https://x.org/" + "u" * 3000},
        "fields": [field("n" * 100, "v" * 1000), field("n" * 100, "v" * 300)],
        "url": "https://x.org/" + "u" * 3000,
    }
    fits = {"content": "x" * 2000, "embeds": [every, {"description": " " + "x" * 100 + " "}]}
    assert faults_of(fits) == []
    assert faults_of({"embeds": [*fits["embeds"], {"title": "y"}]}) == [
        Fault("embeds", "MAX_EMBED_SIZE_EXCEEDED", "Embed size exceeds maximum size of 6000")
    ]


OTHER_KINDS = [
    ([], "", "MODEL_TYPE_CONVERT"),
    ("x", "", "MODEL_TYPE_CONVERT"),
    ({"content": 5}, "content", "STRING_TYPE_CONVERT"),
    ({"content": ["x"]}, "content", "STRING_TYPE_CONVERT"),
    ({"username": 5}, "username", "STRING_TYPE_CONVERT"),
    ({"embeds": {}}, "embeds", "LIST_TYPE_CONVERT"),
    ({"embeds": ["x"]}, "embeds.0", "MODEL_TYPE_CONVERT"),
    (embeds(footer="x"), "embeds.0.footer", "MODEL_TYPE_CONVERT"),
    (embeds(fields=5), "embeds.0.fields", "LIST_TYPE_CONVERT"),
    (embeds(fields=["x"]), "embeds.0.fields.0", "MODEL_TYPE_CONVERT"),
]


@pytest.mark.parametrize(("body", "path", "code"), OTHER_KINDS, ids=[repr(each[0]) for each in OTHER_KINDS])
def test_what_has_a_length_is_of_its_kind(body, path, code):
    """What is no text, list or object where one belongs has one fault, where it stands."""
    assert [(fault.path, fault.code) for fault in faults_of(body)] == [(path, code)]


def test_faults_are_answered_as_a_tree():
    """The errors follow the body: keys, indices as texts, and each fault where it stands, beside those below it."""
    body = {"content": "x" * 2001, "embeds": [{}, {"title": "x" * 257, "description": "y" * 5900}]}
    response = form_errors(faults_of(body))
    too_long = [
        {"_errors": [{"code": "BASE_TYPE_MAX_LENGTH", "message": f"Must be {most} or fewer in length."}]}
        for most in (2000, 256, 4096)
    ]
    in_all = [{"code": "MAX_EMBED_SIZE_EXCEEDED", "message": "Embed size exceeds maximum size of 6000"}]
    assert response.status_code == 400
    assert response.json() == {
        "message": "Invalid Form Body",
        "code": 50035,
        "errors": {
            "content": too_long[0],
            "embeds": {"1": {"title": too_long[1], "description": too_long[2]}, "_errors": in_all},
        },
    }


KEYS = st.sampled_from(
    ["content", "embeds", "username", "allowed_mentions", "flags", "parse", "users", "fields", "name", "value", "title",
     "footer", "text", "url", "color", "timestamp", "thread_name", "tts", "components", "poll", "author"]
)  # fmt: skip
SCALARS = (
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(max_size=30)
    | st.sampled_from(["\ud800", "@everyone", "<@5>", "https://[", "x" * 2001, "users"])
)
JSON = st.recursive(
    SCALARS,
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(KEYS | st.text(max_size=5), inner, max_size=6),
    max_leaves=25,
)
BODIES = st.dictionaries(KEYS, JSON, max_size=6) | JSON


@settings(max_examples=50, deadline=None)
@given(body=BODIES, query=st.sampled_from(["", "?wait=true", "?wait=x", "?thread_id=5"]), exact=st.booleans())
def test_any_json_gets_an_answer_of_discords_shape(body, query, exact):
    """Whatever JSON comes, the answer is one that Discord could give, and what is taken is recorded."""
    server = ExactServer(limits=NO_LIMITS) if exact else DiscordServer(RateLimits(**NO_LIMITS))
    request = httpx.Request(
        "POST",
        versioned(server.webhooks.url(None)) + query,
        content=json.dumps(body),
        headers={"User-Agent": BOT, "Content-Type": "application/json"},
    )
    response = server.handle_request(request)
    assert response.status_code in {200, 204, 400}
    assert response.headers["via"] == "1.1 google"
    assert len(server.alerts) == (response.status_code != 400)
    assert len(server.problems) == (response.status_code == 400)
    assert str(server.requests[0])
    if response.status_code == 204:
        assert response.content == b""
    elif response.status_code == 200:
        assert response.json()["content"] == server.alerts[0].content
        assert str(server.alerts[0])
    else:
        check_error(response.json())


def check_error(answer):
    """Check that an error has a shape of Discord."""
    assert isinstance(answer["code"], int)
    assert isinstance(answer["message"], str)
    assert ("errors" in answer) == (answer["code"] == 50035)
    if "errors" in answer:
        check_tree(answer["errors"])


def check_tree(tree):
    """Check a tree of form errors."""
    assert isinstance(tree, dict)
    assert tree
    for name, node in tree.items():
        if name == "_errors":
            assert node
            assert all(each.keys() == {"code", "message"} for each in node)
        else:
            check_tree(node)


@settings(max_examples=100, deadline=None)
@given(content=st.binary(max_size=200) | st.text(max_size=50).map(str.encode))
def test_any_bytes_get_an_answer(content):
    """A body of any bytes is answered, never with an exception."""
    server = DiscordServer()
    headers = {"User-Agent": BOT, "Content-Type": "application/json"}
    response = server.handle_request(
        httpx.Request("POST", versioned(server.webhooks.url(None)), content=content, headers=headers)
    )
    assert response.status_code == 400
    check_error(response.json())
