"""`assert_alerted`: what is counted, what a failure says, and which arguments are refused."""

from __future__ import annotations

from textwrap import dedent

import httpx
import pytest

from pytest_resilience.discord import DiscordMock
from tests.pytest_resilience.discord.conftest import alert

PASSING = [
    {},
    {"count": 3},
    {"count": 2, "match": "disk"},
    {"match": r"disk \d"},
    {"count": 0, "match": "memory"},
    {"count": 1, "channel": "ops"},
    {"count": 2, "channel": None},
    {"count": 0, "channel": "billing"},
    {"count": 1, "match": "^db down$", "channel": "ops"},
]
FAILING = [
    ({"count": 1}, "expected 1 alert, got 3"),
    ({"count": 0}, "expected 0 alerts, got 3"),
    ({"count": 1, "match": "disk"}, "expected 1 alert matching 'disk', got 2; 3 alerts came in all"),
    ({"match": "memory"}, "expected at least 1 alert matching 'memory', got none; 3 alerts came in all"),
    ({"count": 2, "channel": "ops"}, "expected 2 alerts in channel 'ops', got 1; 3 alerts came in all"),
    (
        {"match": "x", "channel": None},
        "expected at least 1 alert matching 'x' in the default channel, got none; 3 alerts came in all",
    ),
]


@pytest.fixture
def three(clock):
    """A mock that two alerts in the default channel and one in another have reached."""
    with DiscordMock() as discord:
        alert("disk 1 full\nlook at it")
        clock.advance(1)
        alert("disk 2 full")
        discord.respond("1*return(200)")
        alert("db down", "ops")
        yield discord


@pytest.mark.parametrize("wanted", PASSING, ids=str)
def test_assertions_that_hold(three, wanted):
    """Alerts are counted by text and channel; without a count at least one is meant."""
    three.assert_alerted(**wanted)


@pytest.mark.parametrize(("wanted", "text"), FAILING, ids=[str(wanted) for wanted, _ in FAILING])
def test_assertions_that_fail_say_what_was_expected_and_what_came(three, wanted, text):
    """The text has the expectation, every alert, and every request with its answer."""
    with pytest.raises(AssertionError) as caught:
        three.assert_alerted(**wanted)
    assert str(caught.value) == text + dedent(
        """

        alerts, in seconds since the test began:
               0.000  in the default channel: disk 1 full
                      look at it
               1.000  in the default channel: disk 2 full
               1.000  in channel 'ops': db down

        requests, in seconds since the test began:
               0.000  POST to the default channel: 200, message stored
               1.000  POST to the default channel: 200, message stored
               1.000  POST to channel 'ops': 200 [planned: return(200)], message stored"""
    )


def test_an_assertion_on_silence_says_so(clock):
    """Where nothing came, that is what the text says; what was refused is listed as a problem."""
    with DiscordMock(verify=False) as discord:
        with pytest.raises(AssertionError) as caught:
            discord.assert_alerted(count=1, match="x")
        assert str(caught.value) == dedent(
            """\
            expected 1 alert matching 'x', got none

            alerts, in seconds since the test began:
                          none came

            requests, in seconds since the test began:
                          none came"""
        )
        httpx.post(discord.webhook_url(), json={"content": "x"})
        with pytest.raises(AssertionError) as caught:
            discord.assert_alerted()
        assert str(caught.value).endswith(
            dedent(
                """
                requests, in seconds since the test began:
                       0.000  POST to the default channel: 400, code 50041

                problems:
                              POST to the default channel at 0.000 s: its URL has no version, which means v6, """
            )
            + "with other units and errors: write /api/v10/webhooks/<id>/<token>"
        )


@pytest.mark.parametrize(
    ("wanted", "kind", "text"),
    [
        ({"count": -1}, ValueError, "count must be at least 0, got -1"),
        ({"count": "1"}, TypeError, "count must be a whole number, got '1'"),
        ({"count": True}, TypeError, "count must be a whole number, got True"),
        ({"match": "("}, ValueError, "match is a regular expression, and '(' is none: "),
        ({"match": b"x"}, TypeError, "match is a regular expression, as text or compiled; got b'x'"),
    ],
)
def test_assertions_that_make_no_sense_are_refused(clock, wanted, kind, text):
    """A count or expression that is none is an error of its own, and not a failed assertion."""
    with DiscordMock() as discord, pytest.raises(kind) as caught:
        discord.assert_alerted(**wanted)
    assert str(caught.value).startswith(text)


def test_a_compiled_expression_will_do(three):
    """``match`` takes a compiled regular expression with its flags."""
    import re

    three.assert_alerted(count=2, match=re.compile("DISK", re.IGNORECASE))
