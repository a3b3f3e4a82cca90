from __future__ import annotations

import json

import httpx
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pytest_resilience.discord._server import DiscordServer
from pytest_resilience.discord._validation import body_errors, query_errors, shown_username

FAMILY = "👨‍👩‍👧"


def field(name: str = "n", value: str = "v") -> dict[str, str]:
    """Make a field of an embed."""
    return {"name": name, "value": value}


def embeds(**embed: object) -> dict[str, object]:
    """Make a body with one embed."""
    return {"embeds": [embed]}


def at(path: str, code: str, message: str) -> dict[str, object]:
    """Make a tree with one fault, which stands at a dotted path."""
    tree: dict[str, object] = {"_errors": [{"code": code, "message": message}]}
    for name in reversed(path.split(".")):
        tree = {name: tree}
    return tree


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
def test_lengths_are_inclusive_and_count_code_points_without_white_space_at_the_ends(path, body, most) -> None:
    """A text may be as long as its limit, in code points after stripping, and not one longer."""
    assert body_errors(body("😀" * most)) == {}
    assert body_errors(body(" \n" + "x" * most + "\t ")) == {}
    assert body_errors(body("x" * (most + 1))) == at(
        path, "BASE_TYPE_MAX_LENGTH", f"Must be {most} or fewer in length."
    )


def test_a_family_of_three_counts_five() -> None:
    """Joined emoji count their parts and joiners: 16 families fill 80 characters, 17 do not fit."""
    assert body_errors({"username": FAMILY * 16}) == {}
    assert body_errors({"username": FAMILY * 17}) != {}


COUNTS = [
    ("embeds", lambda n: {"embeds": [{"title": "x"}] * n}, 10),
    ("embeds.0.fields", lambda n: embeds(fields=[field()] * n), 25),
    ("allowed_mentions.users", lambda n: {"allowed_mentions": {"users": ["1"] * n}}, 100),
    ("allowed_mentions.roles", lambda n: {"allowed_mentions": {"roles": ["1"] * n}}, 100),
]


@pytest.mark.parametrize(("path", "body", "most"), COUNTS, ids=[each[0] for each in COUNTS])
def test_numbers_of_items_are_limited(path, body, most) -> None:
    """A list may have as many items as its limit says, and not one more."""
    assert body_errors(body(most)) == {}
    assert body_errors(body(most + 1)) == at(path, "BASE_TYPE_MAX_LENGTH", f"Must be {most} or fewer in length.")


def test_all_embeds_together_have_6000_characters() -> None:
    """Titles, descriptions, fields, footers and authors of all embeds are summed; URLs and the rest do not count."""
    every = {
        "title": "t" * 100,
        "description": "d" * 4000,
        "footer": {"text": "f" * 200, "icon_url": "https://x.org/" + "u" * 3000},
        "author": {"name": "a" * 100, "url": "https://x.org/" + "u" * 3000},
        "fields": [field("n" * 100, "v" * 1000), field("n" * 100, "v" * 300)],
        "url": "https://x.org/" + "u" * 3000,
    }
    fits = {"embeds": [every, {"description": " " + "x" * 100 + " "}]}
    assert body_errors(fits) == {}
    assert body_errors({"embeds": [*fits["embeds"], {"title": "y"}]}) == at(
        "embeds", "MAX_EMBED_SIZE_EXCEEDED", "Embed size exceeds maximum size of 6000"
    )


def test_faults_are_found_together() -> None:
    """One tree has all faults, those of a node beside those below it."""
    body = {"content": "x" * 2001, "embeds": [{}, {"title": "x" * 257, "description": "y" * 5900}]}
    errors = body_errors(body)
    assert errors.keys() == {"content", "embeds"}
    assert errors["embeds"].keys() == {"1", "_errors"}
    assert errors["embeds"]["1"].keys() == {"title", "description"}


@pytest.mark.parametrize("value", [{}, {"name": "x"}, {"name": "", "value": " "}, {"name": None, "value": "y"}])
def test_fields_need_a_name_and_a_value(value) -> None:
    """What a field lacks is required; white space is nothing."""
    errors = body_errors(embeds(fields=[value]))["embeds"]["0"]["fields"]["0"]
    lacking = {name for name in ("name", "value") if not (value.get(name) or "").strip()}
    required = {"_errors": [{"code": "BASE_TYPE_REQUIRED", "message": "This field is required"}]}
    assert errors == dict.fromkeys(lacking, required)


TYPES = [
    ({"content": 5}, "content", "STRING_TYPE_CONVERT"),
    ({"content": ["x"]}, "content", "STRING_TYPE_CONVERT"),
    ({"tts": "yes"}, "tts", "BOOLEAN_TYPE_CONVERT"),
    ({"embeds": {}}, "embeds", "LIST_TYPE_CONVERT"),
    ({"embeds": ["x"]}, "embeds.0", "MODEL_TYPE_CONVERT"),
    (embeds(footer="x"), "embeds.0.footer", "MODEL_TYPE_CONVERT"),
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
    ({"flags": 1 << 15, "content": "x"}, "content", "MESSAGE_CANNOT_USE_LEGACY_FIELDS_WITH_COMPONENTS_V2"),
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
    ({"username": 5}, "username", "STRING_TYPE_CONVERT"),
]


@pytest.mark.parametrize(("body", "path", "code"), TYPES, ids=[f"{path}-{code}" for _, path, code in TYPES])
def test_values_have_their_type_and_range(body, path, code) -> None:
    """Each wrong value has one fault with its code, where it stands in the body."""
    node = body_errors(body)
    for name in path.split("."):
        assert list(node) == [name]
        node = node[name]
    assert [each["code"] for each in node["_errors"]] == [code]
    assert node.keys() == {"_errors"}


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
def test_good_bodies_have_no_errors(body) -> None:
    """What Discord takes, and what it does not look at, has no faults."""
    assert body_errors(body) == {}


@pytest.mark.parametrize("kind", ["users", "roles"])
def test_parsing_and_naming_exclude_each_other(kind) -> None:
    """To parse all mentions of a kind and to name some is a conflict of its own."""
    assert body_errors({"allowed_mentions": {"parse": [kind], kind: ["1"]}}) == at(
        "allowed_mentions",
        "MESSAGE_ALLOWED_MENTIONS_PARSE_EXCLUSIVE",
        f'parse:["{kind}"] and {kind}: [ids...] are mutually exclusive.',
    )


@pytest.mark.parametrize("body", [[], "x", 5, None, True])
def test_a_body_is_an_object(body) -> None:
    """A JSON value that is no object has a fault at its root."""
    assert [each["code"] for each in body_errors(body)["_errors"]] == ["MODEL_TYPE_CONVERT"]


def test_booleans_and_ids_in_the_query_are_checked() -> None:
    """``wait`` and ``with_components`` are booleans and ``thread_id`` is an id."""
    assert query_errors({"wait": "true", "with_components": "0", "thread_id": "5", "other": "x"}) == {}
    wrong = query_errors({"wait": "yes", "with_components": "", "thread_id": "x"})
    assert {name: node["_errors"][0]["code"] for name, node in wrong.items()} == {
        "wait": "BOOLEAN_TYPE_CONVERT",
        "with_components": "BOOLEAN_TYPE_CONVERT",
        "thread_id": "NUMBER_TYPE_COERCE",
    }


@pytest.mark.parametrize("value", [None, "  ", "\u200b\u200b", " \u2060 "])
def test_a_name_that_nobody_could_see_gives_way_to_the_webhooks_own(value) -> None:
    """An invisible username is taken, and not shown."""
    assert shown_username(value, "Alerts") == "Alerts"
    assert shown_username(" Billing ", "Alerts") == "Billing"


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
    SCALARS, lambda inner: st.lists(inner, max_size=4) | st.dictionaries(KEYS | st.text(max_size=5), inner, max_size=6)
)
BODIES = st.dictionaries(KEYS, JSON, max_size=6) | JSON


@settings(max_examples=300, deadline=None)
@given(
    body=BODIES,
    query=st.sampled_from(["", "?wait=true", "?wait=x", "?thread_id=5"]),
    version=st.sampled_from(["v10", "v7"]),
)
def test_any_json_gets_an_answer_of_discords_shape(body, query, version) -> None:
    """Whatever JSON comes, the answer is one that Discord could give, and what is taken is recorded."""
    server = DiscordServer(bucket=None, channel_limit=None, global_limit=None, accept_legacy=True)
    request = httpx.Request(
        "POST",
        server.webhook_url().replace("/api/", f"/api/{version}/") + query,
        content=json.dumps(body),
        headers={"User-Agent": "x", "Content-Type": "application/json"},
    )
    response = server.handle(request)
    assert response.status_code in {200, 204, 400}
    assert response.headers["via"] == "1.1 google"
    assert len(server.messages) == (response.status_code != 400)
    assert len(server.problems) == (response.status_code == 400)
    assert str(server.requests[0])
    if response.status_code == 204:
        assert response.content == b""
    elif response.status_code == 200:
        assert response.json()["content"] == server.messages[0].content
        assert all(alert.text is not None and str(alert) for alert in server.messages[0].alerts)
    else:
        check_error(response.json(), legacy=version == "v7")


@settings(max_examples=100, deadline=None)
@given(body=BODIES, order=st.randoms(use_true_random=False))
def test_the_order_of_keys_makes_no_difference(body, order) -> None:
    """The faults of a body do not depend on the order in which it is written."""

    def shuffled(value: object) -> object:
        if isinstance(value, dict):
            items = [(name, shuffled(each)) for name, each in value.items()]
            order.shuffle(items)
            return dict(items)
        return [shuffled(each) for each in value] if isinstance(value, list) else value

    assert body_errors(shuffled(body)) == body_errors(body)


def check_error(answer: dict[str, object], *, legacy: bool) -> None:
    """Check that an error has a shape of Discord."""
    if "code" in answer:
        assert isinstance(answer["code"], int)
        assert isinstance(answer["message"], str)
        assert ("errors" in answer) == (answer["code"] == 50035)
        if "errors" in answer:
            check_tree(answer["errors"])
    else:
        assert legacy
        assert answer
        for name, texts in answer.items():
            assert isinstance(name, str)
            assert isinstance(texts, list)
            assert texts
            assert all(isinstance(text, str) for text in texts)


def check_tree(tree: object) -> None:
    """Check a tree of form errors."""
    assert isinstance(tree, dict)
    assert tree
    for name, node in tree.items():
        if name == "_errors":
            assert node
            assert all(each.keys() == {"code", "message"} for each in node)
        else:
            check_tree(node)


@settings(max_examples=200, deadline=None)
@given(content=st.binary(max_size=200) | st.text(max_size=50).map(str.encode))
def test_any_bytes_get_an_answer(content) -> None:
    """A body of any bytes is answered, never with an exception."""
    server = DiscordServer(bucket=None, channel_limit=None, global_limit=None)
    url = server.webhook_url().replace("/api/", "/api/v10/")
    headers = {"User-Agent": "x", "Content-Type": "application/json"}
    response = server.handle(httpx.Request("POST", url, content=content, headers=headers))
    assert response.status_code == 400
    check_error(response.json(), legacy=False)
