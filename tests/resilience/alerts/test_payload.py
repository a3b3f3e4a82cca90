"""The bodies of messages, and Discord's limits on them."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from resilience._alerts.discord.payload import MOST_ALERTS, message_body, plainest_body
from resilience.alerts import Alert


def alert(text, function="connect"):
    """Make an alert of which only the text matters."""
    return Alert(text=text, function=function, context="", error_type="ConnectionError")


def test_one_alert_is_the_content_and_pings_nobody():
    """A single alert is a message of its text, in which no mention counts."""
    assert message_body([alert("@everyone down")]) == {"content": "@everyone down", "allowed_mentions": {"parse": []}}


def test_further_alerts_are_embeds():
    """A burst is one message: the first alert as its content, the others as embeds in their order."""
    assert message_body([alert("a"), alert("b"), alert("c")]) == {
        "content": "a",
        "allowed_mentions": {"parse": []},
        "embeds": [{"description": "b"}, {"description": "c"}],
    }


def test_a_message_that_may_be_there_already_says_so():
    """A repeated message is labelled with the moment of the first try, in the reader's own time zone."""
    assert message_body([alert("a")], repeats_since=1_700_000_000.4)["embeds"] == [
        {"description": "Sent again: the answer at <t:1700000000:T> was lost, so this may be here twice."}
    ]


@given(st.lists(st.text(min_size=1, max_size=2000), min_size=1, max_size=MOST_ALERTS), st.none() | st.just(1.7e9))
def test_every_message_keeps_the_limits(texts, since):
    """Ten embeds, 4096 characters each and 6000 in all are never exceeded, and no embed is empty."""
    body = message_body([alert(text) for text in texts], repeats_since=since)
    lengths = [len(embed["description"]) for embed in body.get("embeds", [])]
    assert len(lengths) <= 10
    assert all(0 < length <= 4096 for length in lengths)
    assert sum(lengths) <= 6000
    assert body["content"] == texts[0]


def test_embeds_that_do_not_fit_share_the_room():
    """Where all texts together are too long, each is cut with a visible marker."""
    body = message_body([alert("first")] + [alert("x" * 2000)] * 9)
    assert [len(embed["description"]) for embed in body["embeds"]] == [666, 666, 666, 667, 667, 667, 667, 667, 667]
    assert all(embed["description"].endswith("x…") for embed in body["embeds"])


def test_the_plainest_body_holds_nothing_but_names():
    """The last resort names what fails and repeats no word of the refused text."""
    body = plainest_body([alert("secret words", "connect"), alert("more words", "charge")])
    assert body == {
        "content": (
            "Alert without details, which Discord refused: connect (ConnectionError), charge (ConnectionError)"
        ),
        "allowed_mentions": {"parse": []},
    }


def test_the_plainest_body_always_fits():
    """Names of any length leave the last resort below the limit."""
    assert len(plainest_body([alert("x", "f" * 500)] * MOST_ALERTS)["content"]) <= 2000
