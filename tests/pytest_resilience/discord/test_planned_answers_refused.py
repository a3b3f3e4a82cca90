"""What Discord can't answer, and what is no script: refused when it is planned."""

from __future__ import annotations

import pytest

from pytest_resilience.discord import lost_answer, rate_limited
from pytest_resilience.discord._planned_answers import checked
from pytest_resilience.discord._server import DiscordServer
from resilience.testing import ScriptError, answer, fail
from tests.discord_server.posting import post

BAD = [
    ("500", TypeError, "Discord can answer a status or a dict, such as 500"),
    ((500, 501), TypeError, "Discord can answer a status or a dict"),
    (True, TypeError, "Discord can answer a status or a dict"),
    (99, ValueError, "the 'status' of an answer of Discord is a number from 200 to 599; got 99 (int)"),
    (600, ValueError, "the 'status' of an answer of Discord is a number from 200 to 599"),
    ({}, ValueError, "an answer of Discord has either a status or an error; got {}"),
    ({"status": 500, "error": "ReadTimeout"}, ValueError, "an answer of Discord has either a status or an error"),
    (
        {"status": 429, "retry": 5},
        ValueError,
        "'retry' is nothing that an answer of Discord has: it has 'status', 'error'",
    ),
    ({"status": "429"}, ValueError, "the 'status' of an answer of Discord is a number from 200 to 599"),
    (
        {"status": 429, "retry_after": -1},
        ValueError,
        "the 'retry_after' of an answer of Discord is a number of seconds",
    ),
    ({"status": 429, "retry_after": float("inf")}, ValueError, "the 'retry_after' of an answer"),
    ({"status": 429, "retry_after": "a\nb"}, ValueError, "the 'retry_after' of an answer"),
    (
        {"status": 429, "scope": "mine"},
        ValueError,
        "the 'scope' of an answer of Discord is one of user, shared, global",
    ),
    ({"error": "Timeout"}, ValueError, "the 'error' of an answer of Discord is one of CloseError, ConnectError"),
    ({"status": 500, "recorded": 1}, ValueError, "the 'recorded' of an answer of Discord is True or False"),
    ({"status": 500, "via": None}, ValueError, "the 'via' of an answer of Discord is True or False"),
]


@pytest.mark.parametrize(("value", "kind", "text"), BAD, ids=[repr(each[0]) for each in BAD])
def test_what_discord_cannot_answer_is_refused_at_once(value, kind, text):
    """A wrong answer is refused when it is planned, wherever in the script it stands, and leaves the plan as it was."""
    server = DiscordServer()
    server.respond("1*return(503)")
    with pytest.raises(kind) as caught:
        server.respond(answer(500).times(1).then(answer(value)))
    assert str(caught.value).startswith(text)
    assert [post(server).status_code for _ in range(2)] == [503, 200]


def test_other_misuse_of_scripts_is_refused_at_once():
    """What is no script, a text that is none, and an error that is no exception of a client."""
    with pytest.raises(TypeError, match="expected a script"):
        checked(500)
    with pytest.raises(ScriptError, match="column 3"):
        checked("3*back(500)")
    with pytest.raises(TypeError, match="a request to Discord can't raise KeyboardInterrupt: plan an error of httpx"):
        checked(fail(KeyboardInterrupt()))
    with pytest.raises(ValueError, match="the 'scope' of an answer"):
        rate_limited(scope="none")
    with pytest.raises(ValueError, match=r"^Discord can't do reset: it can do off, raise, return, sleep, status$"):
        checked("1*reset")
    with pytest.raises(
        ValueError, match=r"^Discord can't do status\(500, 'down'\): what it answers beside a status is its own; "
    ):
        checked("1*status(500, 'down')")
    with pytest.raises(ValueError, match="the 'error' of an answer"):
        lost_answer("Timeout")
