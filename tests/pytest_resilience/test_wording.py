"""What messages say about numbers, and about a name that nothing bears."""

from __future__ import annotations

import pytest

from pytest_resilience._wording import suggestion
from resilience.testing import counted

KNOWN = ["Kafka.poll", "Redis.connect", "Redis.get", "app.billing:charge", "app.billing:refund", "app.stock:reserve"]


@pytest.mark.parametrize(
    ("wrong", "sentence"),
    [
        ("Redis.conect", "Closest: Redis.connect, Redis.get."),
        ("redis.connect", "Closest: Redis.connect, Redis.get."),
        ("Redis:connect", "Closest: Redis.connect, Redis.get."),
        ("connect", "Closest: Redis.connect."),
        ("charge", "Closest: app.billing:charge."),
        ("app.billing.charge", "Closest: app.billing:charge, app.billing:refund."),
        ("Cache.get", "Closest: Redis.get."),
        ("rediss.poll", "Closest: Redis.get, Kafka.poll."),
        (
            "zzz",
            "Known: Kafka.poll, Redis.connect, Redis.get, app.billing:charge, app.billing:refund and 1 more.",
        ),
        ("", "Known: Kafka.poll, Redis.connect, Redis.get, app.billing:charge, app.billing:refund and 1 more."),
    ],
)
def test_the_closest_names_come_first(wrong, sentence):
    """Slips in spelling, case, separator or module lead to the right name; else some known ones are listed."""
    assert suggestion(wrong, KNOWN) == sentence


def test_a_few_names_are_listed_in_full():
    """Where there are no more than five, none is left out."""
    assert suggestion("zzz", KNOWN[:5]) == f"Known: {', '.join(KNOWN[:5])}."


def test_at_most_five_close_names_are_listed():
    """The list stays short."""
    assert suggestion("Redis.get", [f"Redis.get{number}" for number in range(20)]).count(",") == 4


def test_without_any_name_the_reason_is_likely_a_missing_import():
    """Where nothing is known at all, the message says what to do."""
    assert suggestion("Redis.connect", []) == "None is known: import the module that declares it first."


@pytest.mark.parametrize(("number", "text"), [(0, "0 calls"), (1, "1 call"), (2, "2 calls"), (11, "11 calls")])
def test_nouns_agree_with_their_number(number, text):
    """One is singular, everything else plural."""
    assert counted(number, "call") == text
