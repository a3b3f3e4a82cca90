"""Texts that are made to be slow to search, or that are cut before any pattern sees them."""

from __future__ import annotations

import time

import pytest

from resilience.redact import redact

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
        *(
            "authorization: bearer ",
            "cookie:a",
            "mnemonic a ",
            "mnemonic abc ",
            "password:\n",
            "\x1b[1mtoken=",
            "<a key='b'>",
        ),
    ),
]


def work(text):
    """The processor's time that redacting takes."""
    started = time.thread_time()
    redact(text)
    return time.thread_time() - started


@pytest.mark.parametrize("unit", HOSTILE)
def test_the_work_grows_no_faster_than_the_text(unit):
    """Text that is made to be slow to search costs eight times as much when it is eight times as long, not 64 times."""
    for tail in ("", '"x'):
        short, long = ((unit * size)[:size] + tail for size in (500, 4_000))
        # A busy machine may slow down one of the two: once in a few times it does not.
        assert any(work(long) < 25 * max(work(short), 0.000_25) for _ in range(10))


def test_a_megabyte_is_cut_before_any_pattern_sees_it():
    """The longest text costs no more than a text of 100,000 characters, and says that it was cut."""
    redacted = redact("password=hunter2 " * 60_000)
    assert redacted.startswith("password=[redacted] password=[redacted] ")
    assert redacted.endswith("…")
    assert len(redacted) < 200_000


@pytest.mark.parametrize("position", range(99_300, 100_020, 74))
def test_a_secret_that_the_cut_divides_does_not_leak_its_head(position):
    """Of a token that begins before the cut and ends behind it, nothing is left."""
    secret = "ghp_" + "S3cretS3cret" * 3
    text = "x " * (position // 2) + secret + " y" * 10_000
    assert "S3cret" not in redact(text)
