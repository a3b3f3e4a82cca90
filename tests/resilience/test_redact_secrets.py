"""What is a secret and what is not: two tables of texts, and properties that hold for texts nobody wrote down."""

from __future__ import annotations

import functools
import json
import random
import re
import string
import tomllib
from base64 import b64encode
from pathlib import Path
from urllib.parse import quote

import pytest
from hypothesis import HealthCheck, assume, example, given, settings
from hypothesis import strategies as st

from resilience._secrets.names import read
from resilience._secrets.rules import RULES, hide_secrets
from resilience._secrets.values import EXCUSES
from resilience.redact import clean, redact

DATA = Path(__file__).parent / "data"
ALPHABETS = {
    "a": string.ascii_letters + string.digits,
    "h": "0123456789abcdef",
    "d": string.digits,
    "U": string.ascii_uppercase + string.digits,
    "b": string.ascii_letters + string.digits + "+/",
}


def expand(text):
    """Fill in what would look like a real token if it stood in the table."""
    chance = random.Random(text)
    text = text.replace("{PK}", "PRIVATE KEY")
    return re.sub(
        r"\{([ahdUb])(\d+)\}", lambda found: "".join(chance.choices(ALPHABETS[found[1]], k=int(found[2]))), text
    )


def table(name):
    """Read one of the tables of texts: each part of it belongs to one rule, or to one reason to leave a text."""
    parts = tomllib.loads((DATA / name).read_text(encoding="utf-8"))
    return {part: [expand(text) for text in texts] for part, texts in parts.items()}


def plain(marked):
    """The text as it is met."""
    return marked.replace("«", "").replace("»", "")


def hidden(marked):
    """The text without its secrets."""
    return re.sub("«.*?»", "[redacted]", marked, flags=re.DOTALL)


SECRETS = table("secrets.toml")
HARMLESS = table("harmless.toml")
FORMATS = read("formats.toml")
CHANCE = st.randoms(
    use_true_random=True
)  # Hypothesis draws its seed, and not each character, which takes most of the time


@pytest.mark.parametrize("rule", SECRETS)
def test_the_secret_goes_and_what_surrounds_it_stays(rule):
    """Exactly what the table marks as secret is replaced, by its rule alone, and to redact again changes nothing."""
    texts = [plain(marked) for marked in SECRETS[rule]]
    expected = [hidden(marked) for marked in SECRETS[rule]]
    assert [redact(text) for text in texts] == expected
    assert [redact(text) for text in expected] == expected
    if rule != "several":
        assert [hide_secrets(text, [RULES[rule]]) for text in texts] == expected


@pytest.mark.parametrize("reason", HARMLESS)
def test_a_harmless_text_stays_as_it_is(reason):
    """Words about secrets, identifiers, digests and addresses are not taken for secrets."""
    assert [redact(text) for text in HARMLESS[reason]] == HARMLESS[reason]


@pytest.mark.parametrize(
    "text", ["password: \x1b[31mhunter2\x1b[0m", "\x1b[1mpass\x1b[4mword\x1b[0m: \x1b[31mhunter2\x1b[0m"]
)
def test_colours_do_not_save_a_secret(text):
    """A terminal's colours may stand anywhere in a secret or its name; the text that is left has none."""
    assert redact(text) == "password: [redacted]"


@pytest.mark.parametrize("rule", RULES)
def test_no_rule_can_be_done_without(rule):
    """Without the rule, a secret of its table is seen: no other rule does its work."""
    others = [each for name, each in RULES.items() if name != rule]
    assert any(hide_secrets(plain(marked), others) != hidden(marked) for marked in SECRETS[rule])


def test_every_rule_and_every_reason_to_leave_a_text_has_a_table():
    """What a rule hides, and what its conditions and the excuses leave, is shown."""
    with_conditions = {name for name, place in FORMATS["places"].items() if {"if", "unless"} & place.keys()}
    assert SECRETS.keys() == {*RULES, "several"}
    assert HARMLESS.keys() == {*EXCUSES, *with_conditions, "texts"}


@functools.cache  # to read a pattern takes Hypothesis longer than to draw from it
def beginnings(form):
    """Texts that match a pattern, but for the conditions in it."""
    without_conditions = re.sub(r"\(\?<?[=!](?:[^()]|\([^()]*\))*\)", "", form)
    return st.from_regex(
        without_conditions, fullmatch=True, alphabet=st.characters(min_codepoint=33, max_codepoint=126)
    )


@pytest.mark.parametrize(("issuer", "begins", "alphabet", "least"), FORMATS["tokens"])
@given(data=st.data(), chance=CHANCE)
@settings(max_examples=3, deadline=None, suppress_health_check=[HealthCheck.filter_too_much])
def test_the_tokens_of_every_issuer_are_hidden(issuer, begins, alphabet, least, data, chance):
    """A token needs no name beside it."""
    length = chance.choice([max(least, 13), least + 32])  # some have exactly that many
    characters = [each for each in map(chr, range(33, 127)) if re.match(f"[{alphabet}]", each)]
    token = data.draw(beginnings(begins)) + "".join(chance.choices(characters, k=length))
    assume(re.fullmatch(rf"(?:{begins})[{alphabet}]{{{length}}}", token))
    assert redact(f"Client rejected: {token} (401)") == "Client rejected: [redacted] (401)", issuer


WORD = string.ascii_letters + string.digits
TEMPLATES = {
    "url": ("postgres://app:{}@db:5432/x", WORD + "!$%^*_+~.-=|"),
    "url without user": ("redis://:{}@cache/0", WORD + "!$^*_+~.-=|"),
    "many hosts": ("mongodb://u:{}@h1:27017,h2:27017/db?authSource=admin", WORD + "!$^*_+~.-=|"),
    "web": ("GET https://bob:{}@example.com/x failed", WORD + "-_.~"),
    "query": ("GET /x?access_token={}&page=2", WORD + "-_.~%"),
    "form": ("user=bob&password={}&x=1", WORD + "-_.~%+"),
    "assignment": ("password={}", WORD + "!#$%^*_+~.-=|@/"),
    "keyword": ("host=db password={} user=app", WORD + "!#%^*_+~.-=|@/"),
    "call": ("connect(password='{}', port=1)", WORD + " !#$%^*_+~.-=|@/,;:()&"),
    "dict": ("{{'user': 'bob', 'password': '{}'}}", WORD + " !#$%^*_+~.-=|@/,;:()&"),
    "json": ('{{"password":"{}","user":"bob"}}', WORD + " !#$%^*_+~.-=|@/,;:()&"),
    "escaped json": (r"{{\"password\":\"{}\",\"user\":\"bob\"}}", WORD + " !#$%^*_+~.-=|@/,;:()&"),
    "odbc": ("Server=db;UID=sa;PWD={};Encrypt=yes", WORD + " !#$%^*_+~.-|@/,:&"),
    "yaml": ("user: bob\npassword: {}\nhost: db", WORD + "!#$%^*_+~.-=|@/"),
    "environment": ("export DB_PASSWORD={}; run", WORD + "!#%^*_+~.-=|@/"),
    "header": ("X-Api-Key: {}", WORD + "-_.~"),
    "bearer": ("{{'Authorization': 'Bearer {}'}}", WORD + "-_.~+/="),
    "option": ("tool --token {} run", WORD + "_.~+/="),
    "xml": ("<a><password>{}</password></a>", WORD + "!#$%^*_+~.-=|@/"),
    "netrc": ("machine h login bob password {}", WORD + "!#$%^*_+~.-=|@/"),
    "storage": ("AccountName=x;AccountKey={}==;EndpointSuffix=y", WORD + "+/"),
}


def password(chance, alphabet):
    """A password with two letters and two digits or more, the first and the last character being of these."""
    kinds = [string.ascii_letters] * 2 + [string.digits] * 2
    first, second, third, last = (chance.choice(kind) for kind in chance.sample(kinds, 4))
    early, middle, late = ("".join(chance.choices(alphabet, k=chance.randint(least, 12))) for least in (2, 0, 0))
    return f"{first}{early}{second}{middle}{third}{late}{last}"


@pytest.mark.parametrize(("template", "alphabet"), TEMPLATES.values(), ids=TEMPLATES)
@given(chance=CHANCE)
@settings(deadline=None, max_examples=12)
def test_no_secret_survives_in_any_of_the_usual_surroundings(template, alphabet, chance):
    """Whatever a password is made of, it is gone from the text, and the text around it is not."""
    secret = password(chance, alphabet)
    text = template.format(secret)
    redacted = redact(text)
    assert secret not in redacted, text
    assert redacted.startswith(text[:4])
    assert secret not in clean(text), text


@given(st.text(WORD + "!#$%&/()=?", min_size=8, max_size=30))
@settings(deadline=None)
def test_a_quoted_form_of_a_password_does_not_survive_either(secret):
    """The forms that URLs, JSON and basic authentication give a password are hidden."""
    assume(len(re.findall("[A-Za-z]", secret)) >= 2 and len(re.findall(r"\d", secret)) >= 2)
    basic = b64encode(f"bob:{secret}".encode()).decode()
    assert basic not in redact(f"sent Authorization: Basic {basic} to the server")
    assert basic not in redact(f"tried Basic {basic} first")
    quoted = quote(secret, safe="")
    assert quoted not in redact(f"amqp://bob:{quoted}@mq:5672/")
    assert json.dumps(secret) not in redact(json.dumps({"id": 1, "secret_key": secret}))


FRAGMENTS = st.sampled_from(
    [
        *(
            "password",
            "token",
            "api_key",
            "Authorization",
            "Cookie",
            "session",
            "code",
            "key",
            "Bearer",
            "Basic",
            "AUTH",
        ),
        *(
            "=",
            ":",
            ": ",
            " = ",
            "=>",
            ",",
            ", ",
            ";",
            "&",
            "?",
            "@",
            "/",
            "://",
            "postgres://",
            "https://",
            "%3A%2F%2F",
        ),
        *(
            "'",
            '"',
            '\\"',
            "`",
            "(",
            ")",
            "[",
            "]",
            "{",
            "}",
            "<",
            ">",
            "</",
            "\\",
            "\n",
            " ",
            "  ",
            "\t",
            "|",
            "--",
            "-p ",
        ),
        *("[redacted]", "[reda", "***", "None", "hunter2", "s3cr3t-V4lue", "abc", "x", "42", "é", "\x00", "\ud800"),
        *(
            "user",
            "host",
            "db:5432",
            "mysql ",
            "curl -u ",
            "name",
            "value",
            "sk-" + "a1" * 12,
            "eyJ" + "h" * 20 + ".x.y",
        ),
        *(
            "-----BEGIN " + "PRIVATE KEY-----",
            "A" * 20,
            "-----END " + "PRIVATE KEY-----",
            "is ",
            "expired",
            "[parameters: ",
        ),
    ]
)
TEXTS = st.one_of(st.text(max_size=200), st.lists(FRAGMENTS, max_size=25).map("".join))


@given(TEXTS)
@settings(deadline=None, max_examples=100)
@example("password=[redacted]hunter2")
@example("postgres://a:b@[redacted]@c")
@example("Cookie: a=[redacted]; password=x")
def test_redaction_is_idempotent(text):
    """What was redacted once is not changed by redacting it again, whatever the text is."""
    redacted = redact(text)
    assert redact(redacted) == redacted


@given(st.lists(st.text(string.ascii_lowercase, min_size=1, max_size=9), min_size=1, max_size=30).map(" ".join))
@settings(deadline=None)
def test_plain_words_are_never_changed(text):
    """A sentence of plain words holds no secret."""
    assert redact(text) == text


@given(st.from_regex(r"[^\W\d]\w{0,14}", fullmatch=True))
@settings(deadline=None)
def test_no_rule_hides_a_short_word(word):
    """A word of fewer than 16 characters is left without a look at the rules, since none would hide it."""
    assert redact(word) == hide_secrets(word) == word
