"""What is a secret and what is not: two tables of texts, and properties that hold for texts nobody wrote down."""

from __future__ import annotations

import json
import random
import re
import string
import time
import tomllib
from base64 import b64encode
from pathlib import Path
from urllib.parse import quote

import pytest
from hypothesis import assume, example, given, settings
from hypothesis import strategies as st

from resilience.redact import clean, redact

DATA = Path(__file__).parent / "data"
ALPHABETS = {
    "a": string.ascii_letters + string.digits,
    "h": "0123456789abcdef",
    "d": string.digits,
    "U": string.ascii_uppercase + string.digits,
    "b": string.ascii_letters + string.digits + "+/",
}


def expand(text: str) -> str:
    """Fill in what would look like a real token if it stood in the table."""
    chance = random.Random(text)
    text = text.replace("{PK}", "PRIVATE KEY")
    return re.sub(
        r"\{([ahdUb])(\d+)\}", lambda found: "".join(chance.choices(ALPHABETS[found[1]], k=int(found[2]))), text
    )


def table(name: str) -> list[object]:
    """Read one of the tables as parameters, named by group and number."""
    groups = tomllib.loads((DATA / name).read_text(encoding="utf-8"))
    return [
        pytest.param(expand(text), id=f"{group}-{number}")
        for group, texts in groups.items()
        for number, text in enumerate(texts, start=1)
    ]


@pytest.mark.parametrize("marked", table("secrets.toml"))
def test_the_secret_goes_and_what_surrounds_it_stays(marked):
    """Exactly what the table marks as secret is replaced, and a log handler that redacts again changes nothing."""
    redacted = redact(marked.replace("«", "").replace("»", ""))
    assert redacted == re.sub("«.*?»", "[redacted]", marked, flags=re.DOTALL)
    assert redact(redacted) == redacted


@pytest.mark.parametrize("text", table("harmless.toml"))
def test_a_harmless_text_stays_as_it_is(text):
    """Words about secrets, identifiers, digests and addresses are not taken for secrets."""
    assert redact(text) == text


def test_the_tables_are_large_enough():
    """Both tables hold hundreds of texts, so that a rule that hides or spares too much is seen."""
    assert len(table("secrets.toml")) >= 300
    assert len(table("harmless.toml")) >= 300


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


@given(st.data())
@settings(deadline=None, max_examples=400)
def test_no_secret_survives_in_any_of_the_usual_surroundings(data):
    """Whatever a password is made of, it is gone from the text, and the text around it is not."""
    template, alphabet = TEMPLATES[data.draw(st.sampled_from(sorted(TEMPLATES)))]
    secret = data.draw(st.text(alphabet, min_size=6, max_size=40).map(str.strip))
    assume(len(re.findall("[A-Za-z]", secret)) >= 2 and len(re.findall(r"\d", secret)) >= 2)
    assume(secret[0] in WORD and secret[-1] in WORD)
    text = template.format(secret)
    redacted = redact(text)
    assert secret not in redacted
    assert redacted.startswith(text[:4])
    assert secret not in clean(text)


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
@settings(deadline=None, max_examples=500)
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


HOSTILE = [
    *(
        "password=",
        'password="',
        "password='",
        'password=["',
        "password={",
        'auth="',
        "auth=auth=",
        "session=",
        "token: a ",
    ),
    *(
        "Authorization: ",
        "Authorization: Bearer ",
        "postgres://a:",
        "postgres://a:b@",
        "http://a@",
        "a:b@",
        "x:yyy@",
        "://",
    ),
    *(
        "-----BEGIN " + "PRIVATE KEY-----",
        "eyJ",
        "eyJaaaaaaaaaaaaaaaa.",
        "sk-aaaaaaaaaaaaaaaaaaaa",
        "xoxb-a.",
        "bearer ",
    ),
    *(
        "<password>",
        "<password ",
        "name: a value: ",
        "curl -u a:",
        "mysql -p",
        "sshpass -p ",
        "identified by '",
        "machine a ",
    ),
    *("AUTH default ", "password is ", "login('a',", "input_value=", "[parameters: (", "/hook/aaaaaaaaaaaaaaaaaaaa"),
    *(
        "jdbc:oracle:thin:a/",
        "a=",
        "a:",
        "a-",
        '\\"',
        "'",
        ";pwd=a;b",
        ";password={",
        "password)=(",
        "akia Aa1/",
        "[redacted]",
    ),
    *(
        "%3a%2f%2fa%3A",
        "cookie: a=b;",
        "('password','",
        "password: str = ",
        "pbkdf2_sha1$1$",
        "AUTH with args beginning with: ",
    ),
    *(
        "h:1;a=",
        "a@h:1;token=",
        "('token:', '",
        "tokens={'a':'b',",
        "token: Aa.",
        "bearer a!",
        "header value 'a",
        "failed to parse: a:",
        "resolve host a@",
        "connect to a@",
    ),
    *(
        "insert into a(b)values(",
        "insert into a(token)values('a',",
        "set password for a=",
        "&quot;token&quot;:&quot;",
        "api key a1",
        "'--token=a",
    ),
]


def work(text: str) -> float:
    """The processor's time that redacting takes, at best."""
    times = []
    for _ in range(3):
        started = time.thread_time()
        redact(text)
        times.append(time.thread_time() - started)
    return min(times)


@pytest.mark.parametrize("unit", HOSTILE)
@pytest.mark.parametrize("tail", ["", '"x'])
def test_the_work_grows_no_faster_than_the_text(unit, tail):
    """Text that is made to be slow to search costs eight times as much when it is eight times as long, not 64 times."""
    short, long = ((unit * size)[:size] + tail for size in (2_000, 16_000))
    assert work(long) < 25 * max(work(short), 0.000_5)


def test_a_megabyte_is_cut_before_any_pattern_sees_it():
    """The longest text costs no more than a text of 100,000 characters, and says that it was cut."""
    redacted = redact("password=hunter2 " * 60_000)
    assert redacted.startswith("password=[redacted] password=[redacted] ")
    assert redacted.endswith("…")
    assert len(redacted) < 200_000


@pytest.mark.parametrize("position", range(99_300, 100_020, 37))
def test_a_secret_that_the_cut_divides_does_not_leak_its_head(position):
    """Of a token that begins before the cut and ends behind it, nothing is left."""
    secret = "ghp_" + "S3cretS3cret" * 3
    text = "x " * (position // 2) + secret + " y" * 10_000
    assert "S3cret" not in redact(text)
