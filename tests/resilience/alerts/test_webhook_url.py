"""Which URLs are webhooks of Discord, and what becomes of them."""

from __future__ import annotations

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from resilience._alerts.discord.webhook_url import Webhook, parse_webhook_url

ID, TOKEN = "123456789012345678", "AbC-dEf_123.xyz" * 4
EXPECTED = "expected https://discord.com/api/webhooks/<id>/<token>"


@pytest.mark.parametrize(
    "url",
    [
        f"https://discord.com/api/webhooks/{ID}/{TOKEN}",
        f"https://discord.com/api/webhooks/{ID}/{TOKEN}/",
        f"https://discord.com/api/v10/webhooks/{ID}/{TOKEN}",
        f"https://discord.com/api/v6/webhooks/{ID}/{TOKEN}",
        f"https://discordapp.com/api/webhooks/{ID}/{TOKEN}",
        f"https://ptb.discord.com/api/webhooks/{ID}/{TOKEN}",
        f"https://canary.discord.com/api/webhooks/{ID}/{TOKEN}?wait=true",
        f"https://DISCORD.com:443/api/webhooks/{ID}/{TOKEN}",
        f"  https://discord.com/api/webhooks/{ID}/{TOKEN}\n",
    ],
)
def test_every_form_that_people_paste_is_rebuilt_on_the_current_api(url):
    """Host, version, slash and blanks may differ; requests go to one host and one version."""
    assert parse_webhook_url(url).url() == f"https://discord.com/api/v10/webhooks/{ID}/{TOKEN}?wait=true"


def test_a_thread_is_kept():
    """A thread_id in the URL stays in the request, since a forum channel takes no message without one."""
    webhook = parse_webhook_url(f"https://discord.com/api/webhooks/{ID}/{TOKEN}?thread_id=42")
    assert webhook.url() == f"https://discord.com/api/v10/webhooks/{ID}/{TOKEN}?wait=true&thread_id=42"


REFUSED = [
    (f"http://discord.com/api/webhooks/{ID}/{TOKEN}", f"it does not start with https://; {EXPECTED}"),
    (f"discord.com/api/webhooks/{ID}/{TOKEN}", f"it does not start with https://; {EXPECTED}"),
    ("", f"it does not start with https://; {EXPECTED}"),
    (f"https://discord.com.evil.example/api/webhooks/{ID}/{TOKEN}", f"its host is not Discord's; {EXPECTED}"),
    (f"https://evil.example/discord.com/api/webhooks/{ID}/{TOKEN}", f"its host is not Discord's; {EXPECTED}"),
    (f"https://evildiscord.com/api/webhooks/{ID}/{TOKEN}", f"its host is not Discord's; {EXPECTED}"),
    (f"https://discord.com@evil.example/api/webhooks/{ID}/{TOKEN}", f"its host is not Discord's; {EXPECTED}"),
    (
        f"https://me:secret@discord.com/api/webhooks/{ID}/{TOKEN}",
        f"it has a user name or a password before its host; {EXPECTED}",
    ),
    (f"https://discord.com:8443/api/webhooks/{ID}/{TOKEN}", f"it has a port of its own; {EXPECTED}"),
    (f"https://discord.com/webhooks/{ID}/{TOKEN}", f"its path is not that of a webhook; {EXPECTED}"),
    (f"https://discord.com/api/webhooks/{ID}", f"its path is not that of a webhook; {EXPECTED}"),
    (
        f"https://discord.com/api/webhooks/{ID}/{TOKEN}/slack",
        f"something follows the token, such as /slack or /github; {EXPECTED}",
    ),
    (f"https://discord.com/api/webhooks/me/{TOKEN}", f"its id is not a number of Discord's; {EXPECTED}"),
    (f"https://discord.com/api/webhooks/0/{TOKEN}", f"its id is not a number of Discord's; {EXPECTED}"),
    (f"https://discord.com/api/webhooks/{2**64}/{TOKEN}", f"its id is not a number of Discord's; {EXPECTED}"),
    (
        f"https://discord.com/api/webhooks/\N{ARABIC-INDIC DIGIT ONE}/{TOKEN}",
        f"its id is not a number of Discord's; {EXPECTED}",
    ),
    (
        f"https://discord.com/api/webhooks/{ID}/to%20ken",
        f"its token is missing or has characters that no token has; {EXPECTED}",
    ),
    (f"https://[discord.com/api/webhooks/{ID}/{TOKEN}", f"it can't be read as a URL; {EXPECTED}"),
    (f"https://discord.com:x/api/webhooks/{ID}/{TOKEN}", f"it can't be read as a URL; {EXPECTED}"),
    (
        f"https://discord.com/api/webhooks/{ID}/{TOKEN}?thread_id=general",
        "its thread_id is not a number of Discord's",
    ),
]


@pytest.mark.parametrize(("url", "reason"), REFUSED)
def test_any_other_url_is_refused_with_the_reason(url, reason):
    """A refusal says what is wrong and what was expected, and shows nothing of the URL."""
    with pytest.raises(ValueError, match=f"^{re.escape(reason)}$"):
        parse_webhook_url(url)


@given(st.text() | st.from_regex(r"https://discord\.com/api/webhooks/.*", fullmatch=True))
def test_no_text_breaks_the_parser_or_shows_in_its_errors(url):
    """Whatever the text, it is either a webhook or one of the refusals above, which quote nothing."""
    refusal = None
    try:
        rebuilt = parse_webhook_url(url).url()
    except ValueError as error:
        refusal = str(error)
    if refusal is None:
        assert rebuilt.startswith("https://discord.com/api/v10/webhooks/")
    else:
        assert refusal in {reason for _, reason in REFUSED}


def test_the_repr_holds_no_token():
    """A webhook in a log or a traceback shows its id at most."""
    assert repr(Webhook(ID, TOKEN)) == f"Webhook(id='{ID}', token='[redacted]')"
