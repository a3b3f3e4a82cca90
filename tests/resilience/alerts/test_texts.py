"""The words of the alerts, to the letter."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from resilience._alerts.texts import CONTENT_CHARACTERS, context_of, failure_of, text_by_hand, text_of


def test_the_alert_of_an_operation(make_call):
    """An operation past its threshold alerts in the words of the contract."""
    call = make_call("charge", kind="retry", context="billing")
    assert text_of(call, 50, failure_of(ConnectionError("refused"))) == (
        "🚨 CRITICAL: Operation Approaching Failure Threshold: billing: 'charge'\n"
        "\n"
        "Current attempt: 50/50\n"
        "Error: ConnectionError: refused\n"
        "\n"
        "This operation is about to fail permanently. Investigate immediately."
    )


def test_the_alert_of_an_operation_without_context(make_call):
    """Without a context the operation's name stands alone."""
    text = text_of(make_call("charge", kind="retry", alert_threshold=3), 4, failure_of(ConnectionError("refused")))
    assert text.splitlines()[:3] == [
        "🚨 CRITICAL: Operation Approaching Failure Threshold: 'charge'",
        "",
        "Current attempt: 4/3",
    ]


def test_the_alert_of_a_connection(make_call):
    """A connection past its threshold alerts in the words of the contract."""
    assert text_of(make_call("connect"), 50, failure_of(ConnectionError("refused"))) == (
        "🚨 **Critical Infrastructure Connection Issue**\n"
        "Resource: Redis\n"
        "Action: connect\n"
        "Function: connect\n"
        "Current attempt: 50/101\n"
        "Error: ConnectionError: refused\n"
        "\n"
        "Infrastructure component is approaching failure threshold. Investigate immediately."
    )


@pytest.mark.parametrize("kind", ["retry", "connection"])
def test_an_error_without_a_text_is_its_type_alone(make_call, kind):
    """Where the type is all that there is to say, it is not said twice."""
    text = text_of(make_call("connect", kind=kind, alert_threshold=3), 4, failure_of(TimeoutError()))
    assert "\nError: TimeoutError\n" in text
    assert text_by_hand("", "connect", failure_of(TimeoutError())) == "connect failed: TimeoutError"


@pytest.mark.parametrize(("length", "shown"), [(200, "x" * 200), (201, "x" * 200 + "...")])
def test_a_connection_shows_200_characters_of_the_message(make_call, length, shown):
    """A longer message is cut after 200 characters and three dots say so."""
    assert f"Error: ConnectionError: {shown}\n" in text_of(make_call(), 50, failure_of(ConnectionError("x" * length)))


def test_secrets_and_line_breaks_do_not_reach_an_alert(make_call):
    """A password in the message is redacted and its line break is shown as two characters."""
    error = ConnectionError("postgres://app:hunter2@db/orders is down\nError: forged")
    assert "Error: ConnectionError: postgres://app:[redacted]@db/orders is down\\nError: forged\n" in text_of(
        make_call(), 50, failure_of(error)
    )


@pytest.mark.parametrize("kind", ["retry", "connection"])
def test_foreign_markup_neither_opens_a_block_nor_hides_a_link(make_call, kind):
    """What an error says can't swallow the rest of the alert, nor show a link as something else."""
    error = ConnectionError("a `b` ``c`` ```py\n[x](y) [Sign in](https://evil.example) `````")
    text = text_of(make_call("connect", kind=kind, context="```", resource="](x)", action="```"), 50, failure_of(error))
    assert "```" not in text
    assert "](" not in text
    shown = text.replace("\N{WORD JOINER}", "")
    assert "Error: ConnectionError: a `b` ``c`` ```py\\n[x](y) [Sign in](https://evil.example) `````\n" in shown
    assert "a `b` ``c`` `" in text, "what does no harm is left as it is"


@pytest.mark.parametrize(
    ("suppressed", "note"),
    [(1, "1 more alert was held back before this one."), (12, "12 more alerts were held back before this one.")],
)
def test_the_next_alert_counts_those_suppressed(make_call, suppressed, note):
    """What the storm cap held back is counted in a line of its own below the contract's text."""
    text = text_of(make_call(), 50, failure_of(ConnectionError("refused")), suppressed=suppressed)
    assert text == text_of(make_call(), 50, failure_of(ConnectionError("refused"))) + "\n\n" + note


@given(
    kind=st.sampled_from(["retry", "connection"]),
    name=st.text(max_size=3000),
    message=st.text(max_size=5000) | st.just("\n" * 10_000) | st.just("🚨" * 3000),
    suppressed=st.integers(0, 10**6),
)
def test_every_alert_fits_into_a_message(make_call, kind, name, message, suppressed):
    """However long the names and messages are, an alert has at most 2000 characters and ends as it should."""
    call = make_call(name, kind=kind, context=name, resource=name, action=name)
    text = text_of(call, 50, failure_of(ConnectionError(message)), suppressed=suppressed)
    assert len(text) <= CONTENT_CHARACTERS
    assert text.split("\n\n")[-1 if suppressed == 0 else -2].endswith("Investigate immediately.")
    text.encode()


def test_a_text_by_hand_keeps_its_lines():
    """A user's own text is sent as it is, lines included, without surrounding blanks."""
    assert text_by_hand("  Disk full\n\non db-1 \n", "f", failure_of(OSError("no"))) == "Disk full\n\non db-1"


def test_a_text_by_hand_is_cleaned():
    """A user's own text is redacted, also across lines, and control characters are shown."""
    key = "-----BEGIN PRIVATE KEY-----\nMIIEvQIBADANBgkqhkiG9w0BAQEFAASC\n-----END PRIVATE KEY-----"
    text = text_by_hand(f"bell \x07 token=s3cr3t-t0ken-value\n{key}\nend", "f", failure_of(OSError("no")))
    assert text.splitlines()[0] == "bell \\x07 token=[redacted]"
    assert "MIIEvQ" not in text
    assert text.splitlines()[-1] == "end"


def test_an_empty_text_by_hand_says_what_failed():
    """Discord refuses an empty message, so an empty text is replaced by what is known."""
    assert text_by_hand(" \n ", "save", failure_of(OSError("disk full"))) == "save failed: OSError: disk full"


@given(st.text(max_size=5000) | st.just("x\n" * 4000), st.integers(0, 10**6))
def test_every_text_by_hand_fits_into_a_message(message, suppressed):
    """However long the text is, it is cut to at most 2000 characters, the note included."""
    text = text_by_hand(message, "f", failure_of(OSError("no")), suppressed=suppressed)
    assert 0 < len(text) <= CONTENT_CHARACTERS
    text.encode()


def test_the_context_of_a_call(make_call):
    """The context of a connection is its resource as infrastructure, that of an operation its own."""
    assert context_of(make_call()) == "Redis_infrastructure"
    assert context_of(make_call(kind="retry", context="billing")) == "billing"


def test_an_unreadable_error_is_described(make_call):
    """An exception whose text can't be read is alerted as that, and never raised."""

    class UnreadableError(Exception):
        def __str__(self):
            raise RuntimeError("no")

    text = text_of(make_call(), 50, failure_of(UnreadableError()))
    assert "Error: UnreadableError: <UnreadableError whose text could not be read: RuntimeError>\n" in text


def test_a_huge_or_broken_message_is_cut_and_cleaned(make_call):
    """Ten megabytes, lone surrogates and NULs end as a short text that any encoder takes."""
    text = text_of(make_call("charge", kind="retry"), 50, failure_of(OSError("\ud800\0" + "x" * 10_000_000)))
    assert "Error: OSError: \\ud800\\x00xxx" in text
    assert len(text.encode()) < 2100
