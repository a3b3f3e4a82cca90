"""Every check on the body of a message."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pytest_resilience.discord._answers import Fault
from tests.discord_server.rules import faults_of


def embeds(**embed):
    """Make a body with one embed."""
    return {"embeds": [embed]}


@pytest.mark.parametrize("value", [{}, {"name": "x"}, {"name": "", "value": " "}, {"name": None, "value": "y"}])
def test_fields_need_a_name_and_a_value(value):
    """What a field lacks is required; white space is nothing."""
    lacking = [name for name in ("name", "value") if not (value.get(name) or "").strip()]
    assert faults_of(embeds(fields=[value])) == [
        Fault(f"embeds.0.fields.0.{name}", "BASE_TYPE_REQUIRED", "This field is required") for name in lacking
    ]


@pytest.mark.parametrize("kind", ["users", "roles"])
def test_a_hundred_mentions_of_a_kind_may_be_named(kind):
    """A list of ids has a hundred of them at most."""
    assert faults_of({"allowed_mentions": {kind: ["1"] * 100}}) == []
    assert faults_of({"allowed_mentions": {kind: ["1"] * 101}}) == [
        Fault(f"allowed_mentions.{kind}", "BASE_TYPE_MAX_LENGTH", "Must be 100 or fewer in length.")
    ]


TYPES = [
    ({"tts": "yes"}, "tts", "BOOLEAN_TYPE_CONVERT"),
    (embeds(color="#ff0000"), "embeds.0.color", "NUMBER_TYPE_COERCE"),
    (embeds(color=True), "embeds.0.color", "NUMBER_TYPE_COERCE"),
    (embeds(color=-1), "embeds.0.color", "NUMBER_TYPE_MIN"),
    (embeds(color=0x1000000), "embeds.0.color", "NUMBER_TYPE_MAX"),
    (embeds(timestamp="yesterday"), "embeds.0.timestamp", "DATE_TIME_TYPE_PARSE"),
    (embeds(timestamp=5), "embeds.0.timestamp", "DATE_TIME_TYPE_PARSE"),
    (embeds(url="ftp://x.org"), "embeds.0.url", "URL_TYPE_INVALID_SCHEME"),
    (embeds(url="attachment://x.png"), "embeds.0.url", "URL_TYPE_INVALID_SCHEME"),
    (embeds(url="https://"), "embeds.0.url", "URL_TYPE_INVALID_URL"),
    (embeds(url="https://[x"), "embeds.0.url", "URL_TYPE_INVALID_URL"),
    (embeds(author={"name": "x", "url": 5}), "embeds.0.author.url", "STRING_TYPE_CONVERT"),
    ({"avatar_url": "x"}, "avatar_url", "URL_TYPE_INVALID_SCHEME"),
    ({"flags": "4"}, "flags", "NUMBER_TYPE_COERCE"),
    ({"thread_name": ""}, "thread_name", "BASE_TYPE_BAD_LENGTH"),
    ({"thread_name": "x" * 101}, "thread_name", "BASE_TYPE_BAD_LENGTH"),
    ({"applied_tags": ["x"]}, "applied_tags.0", "NUMBER_TYPE_COERCE"),
    ({"allowed_mentions": {"users": ["x"]}}, "allowed_mentions.users.0", "NUMBER_TYPE_COERCE"),
    ({"allowed_mentions": {"users": ["9" * 20]}}, "allowed_mentions.users.0", "NUMBER_TYPE_COERCE"),
    ({"allowed_mentions": {"users": [True]}}, "allowed_mentions.users.0", "NUMBER_TYPE_COERCE"),
    ({"allowed_mentions": {"parse": ["all"]}}, "allowed_mentions.parse.0", "BASE_TYPE_CHOICES"),
    ({"allowed_mentions": []}, "allowed_mentions", "MODEL_TYPE_CONVERT"),
    ({"username": ""}, "username", "BASE_TYPE_BAD_LENGTH"),
    ({"username": "My Discord bot"}, "username", "USERNAME_INVALID_CONTAINS"),
    ({"username": "cLyDe"}, "username", "USERNAME_INVALID_CONTAINS"),
    ({"username": " Everyone"}, "username", "USERNAME_INVALID"),
    ({"username": "here"}, "username", "USERNAME_INVALID"),
]


@pytest.mark.parametrize(("body", "path", "code"), TYPES, ids=[f"{path}-{code}" for _, path, code in TYPES])
def test_values_have_their_type_and_range(body, path, code):
    """Each wrong value has one fault with its code, where it stands in the body."""
    assert [(fault.path, fault.code) for fault in faults_of(body)] == [(path, code)]


@pytest.mark.parametrize(
    "body",
    [
        {"content": None, "embeds": None, "username": None, "allowed_mentions": None, "tts": None, "flags": None},
        {"tts": True, "flags": 4 | 4096, "thread_name": "x" * 100, "applied_tags": ["1", 2]},
        embeds(color=0xFFFFFF, timestamp="2024-01-01T00:00:00.000Z", url="https://x.org", footer=None),
        embeds(image={"url": "attachment://x.png"}, thumbnail={"url": "http://x.org/x.png"}, type="rich", other=[1]),
        {"allowed_mentions": {"parse": ["users"], "roles": ["1"], "users": []}},
        {"allowed_mentions": {"parse": ["roles"], "users": [str(2**64 - 1), 0], "replied_user": False}},
        {"username": " \u200b "},
        {"wait": True, "allow_mentions": 5},
    ],
)
def test_good_bodies_have_no_errors(body):
    """What Discord takes, and what it does not look at, has no faults."""
    assert faults_of(body) == []


@pytest.mark.parametrize("kind", ["users", "roles"])
def test_parsing_and_naming_exclude_each_other(kind):
    """To parse all mentions of a kind and to name some is a conflict of its own."""
    assert faults_of({"allowed_mentions": {"parse": [kind], kind: ["1"]}}) == [
        Fault(
            "allowed_mentions",
            "MESSAGE_ALLOWED_MENTIONS_PARSE_EXCLUSIVE",
            f'parse:["{kind}"] and {kind}: [ids...] are mutually exclusive.',
        )
    ]


LEAVES = st.sampled_from(["", "x", "users", "everyone", 5, None, True, "1", "https://[", "clyde"])
NAMES = st.sampled_from(
    ["content", "username", "embeds", "allowed_mentions", "parse", "users", "flags", "fields", "url"]
)
VALUES = st.recursive(LEAVES, lambda inner: st.lists(inner, max_size=3) | st.dictionaries(NAMES, inner, max_size=4))


@settings(max_examples=25, deadline=None)
@given(body=st.dictionaries(NAMES, VALUES, max_size=4), order=st.randoms(use_true_random=False))
def test_the_order_of_keys_makes_no_difference(body, order):
    """The faults of a body do not depend on the order in which it is written."""

    def shuffled(value):
        if isinstance(value, dict):
            items = [(name, shuffled(each)) for name, each in value.items()]
            order.shuffle(items)
            return dict(items)
        return [shuffled(each) for each in value] if isinstance(value, list) else value

    assert faults_of(shuffled(body)) == faults_of(body)
