"""What Discord shows of an alert: every character of the error, though Discord takes some of them for markup."""

from __future__ import annotations

import json
import re

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from resilience._alerts.discord.payload import message_body, plainest_body
from resilience._alerts.texts import CONTENT_CHARACTERS, escaped, failure_of, recovery_text, text_by_hand, text_of
from resilience.alerts import Alert, send_rate_limited_discord_alert
from tests.resilience.alerts.conftest import contents
from tests.resilience.alerts.test_alerting import fail

# Discord's rules, in their order, as its client is known to have them: what is left of a match is its group.
RULES = [
    ("escape", r"\\([^0-9A-Za-z\s])"),
    ("mention", r"<(?:@[!&]?\d+|#\d+|t:-?\d+(?::\w)?|a?:\w+:\d+|/[\w -]+:\d+|id:\w+)>"),
    ("autolink", r"<(https?://[^\s>]+)>"),
    ("url", r"https?://[^\s<]+[^<.,:;\"')\]\s]"),
    ("block", r"```(?:[a-z0-9_+\-.#]+?\n)?\n*([^\n].*?)\n*```"),
    ("code", r"(`+)(.*?[^`])\1(?!`)"),
    ("link", r"\[((?:\\.|[^\]\\])*)\]\([^)]*\)"),
    ("strong", r"\*\*((?:\\.|[^\\])+?)\*\*(?!\*)"),
    ("underline", r"__((?:\\.|[^\\])+?)__(?!_)"),
    ("emphasis", r"_((?:__|\\.|[^\\_])+?)_(?![0-9A-Za-z_])"),
    ("emphasis", r"\*(?=\S)((?:\*\*|\\.|\s+(?:\\.|[^\s*\\]|\*\*)|[^\s*\\])+?)\*(?!\*)"),
    ("strike", r"~~(.+?)~~(?!_)"),
    ("spoiler", r"\|\|(.+?)\|\|"),
]
COMPILED = [(name, re.compile(pattern, re.DOTALL)) for name, pattern in RULES]


def shown(source):
    """Return the characters that Discord shows of a message, markup left out."""
    text = ""
    while source:
        for name, rule in COMPILED:
            found = rule.match(source)
            if found is not None:
                if name == "escape":
                    text += found[1]
                elif name == "url":
                    text += found[0]
                else:
                    text += f"⟨{name}⟩"
                source = source[found.end() :]
                break
        else:
            text, source = text + source[0], source[1:]
    return text


@pytest.mark.parametrize(
    "text",
    [
        "__call__() missing",
        "f(*args, **kwargs)",
        "a ~~ b ~~ c || d || e",
        "`x` and ```py",
        "foo_bar_ and _private_ and snake_case_name",
        r"C:\*.txt \_ \\host\share \n",
        "<@1234> <#12> <t:1> <:a:1> <https://x> </a:1> <lambda>",
        "[x](https://evil.example) [Errno 111]",
        "https://a.example/__x__/*y*?a_=b_ and *z*",
        "_é_",
        "\\",
    ],
)
def test_discord_shows_an_error_as_it_is(text):
    """None of its characters is eaten, and none is added to be seen."""
    assert shown(escaped(text)) == text


@pytest.mark.parametrize("text", ["__call__", "*a*", "~~a~~", "||a||", "`a`", "foo_bar_", "<t:1>", "[x](y)", r"\*"])
def test_discord_does_not_show_markup(text):
    """The rules that these tests go by are rules: each of these loses characters."""
    assert shown(text) != text


@example(r"\*_")
@given(st.text(alphabet="*_~|`\\[]()<>#@:/ t1aé\n", max_size=40) | st.text(max_size=60))
def test_discord_shows_any_text_as_it_is(text):
    """Whatever characters meet, all of them are shown, and no more than twice as many are sent."""
    assert shown(escaped(text)) == text
    assert len(escaped(text)) <= 2 * len(text)


@pytest.mark.parametrize(
    "text", ["connect to db-1.example:5432 refused", "fetch_user_name", "a [x] (y) <lambda> 1 < 2"]
)
def test_ordinary_text_is_sent_as_it_is(text):
    """What Discord shows as it is gets no backslash: it can be searched for, and copied."""
    assert escaped(text) == text


@pytest.mark.parametrize("kind", ["retry", "connection"])
def test_the_words_of_the_contract_are_shown_with_their_own_markup(make_call, kind):
    """Only what is foreign is escaped."""
    call = make_call("__call__", kind=kind, context="*c*", resource="_r_", action="||a||")
    failure = failure_of(ValueError("f(*args, **kwargs)"))
    plain, markdown = text_of(call, 50, failure), text_of(call, 50, failure, shown=escaped)
    assert shown(markdown) == plain.replace("**Critical Infrastructure Connection Issue**", "⟨strong⟩")
    assert "\\" not in plain


@given(kind=st.sampled_from(["retry", "connection"]), text=st.text(alphabet="*_`\\", min_size=1, max_size=3000))
def test_an_escaped_alert_fits_into_a_message(make_call, kind, text):
    """Also where every character has to be escaped, it has at most 2000 characters and ends as it should."""
    call = make_call(text, kind=kind, context=text, resource=text, action=text)
    content = text_of(call, 50, failure_of(ConnectionError(text)), suppressed=10**6, shown=escaped)
    assert len(content) <= CONTENT_CHARACTERS
    assert content.split("\n\n")[-2].endswith("Investigate immediately.")
    assert len(recovery_text(call, 50, shown=escaped)) <= CONTENT_CHARACTERS


def test_what_is_posted_is_escaped_and_what_notifiers_get_is_not(discord, make_call):
    """Discord's content has the backslashes; the text of the alert, for mail and others, has none."""
    fail(make_call(), 50, error=ValueError("f(*args, **kwargs)"))
    (content,) = contents(discord)
    assert "Error: ValueError: f(\\*args, \\*\\*kwargs)" in content


def test_words_by_hand_are_the_user_s_own(discord):
    """Who writes an alert may use Discord's markup; where no words were given, what failed is shown as it is."""
    assert send_rate_limited_discord_alert("f", OSError("x"), "", "**Batch** _failed_")
    assert send_rate_limited_discord_alert("__call__", OSError("*x*"), "", "")
    assert contents(discord) == ["**Batch** _failed_", "\\_\\_call\\_\\_ failed: OSError: \\*x\\*"]
    assert text_by_hand("", "__call__", failure_of(OSError("*x*"))) == "__call__ failed: OSError: *x*"


def test_every_part_of_a_message_is_escaped():
    """The first alert, those in embeds, and the names that are left of a refused one."""
    one = Alert(text="*a*", markdown="\\*a\\*", function="__call__", context="", error_type="E")
    body = message_body([one, one])
    assert (body["content"], body["embeds"]) == ("\\*a\\*", [{"description": "\\*a\\*"}])
    assert json.dumps(plainest_body([one]), ensure_ascii=False).count("\\\\_") == 4
    assert message_body([Alert(text="*a*", function="f", context="", error_type="E")])["content"] == "*a*"
