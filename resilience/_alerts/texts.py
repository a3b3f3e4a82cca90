"""The words of the alerts. Dashboards and people on call read them: they are a contract.

Every foreign text in them is redacted and freed of control characters and of what opens a code block or hides a link
behind other words, and the whole fits into one Discord message.
"""

from __future__ import annotations

import re
from typing import Final, NamedTuple

from resilience import _config as config
from resilience._support import error_text
from resilience._support.fork import importing
from resilience.events import Call
from resilience.redact import clean, redact

CONTENT_CHARACTERS: Final = 2000
"""The longest content of a message. Source: Discord developer documentation, "Execute Webhook"."""

_NAME_CHARACTERS: Final = 200
_CUT: Final = "…"
_MESSAGE_CHARACTERS: Final = 10_000
_MARKUP: Final = re.compile(r"(?<=``)(?=`)|(?<=\])(?=\()")
_JOINER: Final = "\u2060"  # nothing to be seen, but no longer the same to Discord

_SENDER_CHARACTERS: Final = 80
_NOT_IN_SENDER: Final = re.compile("```|[@#:]")
_FORBIDDEN_WORD: Final = re.compile("(?<=d)(?=iscord)|(?<=c)(?=lyde)", re.IGNORECASE)


class Failure(NamedTuple):
    """The words of an error as they are, for whoever cleans them later; the error and its frames need not live on."""

    error_type: str
    message: str


def failure_of(error: BaseException) -> Failure:
    """Return the words of an error; one that can't be read is described."""
    return Failure(error_text.name_of(error), error_text.text_of(error)[:_MESSAGE_CHARACTERS])


def sender() -> str:
    """Return who alerts, ``{service} on {host}``, as Discord takes it for the name of a webhook.

    Source: Discord developer documentation, "Create Webhook" and "Usernames and Nicknames".
    """
    with importing:
        import socket
    words = clean(" ".join(f"{config.service_name()} on {socket.gethostname()}".split()))
    return _cut(_FORBIDDEN_WORD.sub("-", " ".join(_NOT_IN_SENDER.sub(" ", words).split())), _SENDER_CHARACTERS)


def context_of(call: Call) -> str:
    """Return where a call fails, for its signature: what the decorator was told, or which infrastructure it reaches."""
    policy = call.policy
    return f"{policy.resource}_infrastructure" if policy.kind == "connection" else policy.context


def text_of(call: Call, attempt: int, failure: Failure, *, suppressed: int = 0) -> str:
    """Return the alert of a failing call: one text for connections, one for all other operations."""
    note = _suppressed_note(suppressed)
    if call.policy.kind == "connection":
        return _fit(_connection_text(call, attempt, failure), note)
    return _retry_text(call, attempt, failure, room=CONTENT_CHARACTERS - len(note)) + note


def recovery_text(call: Call, attempt: int) -> str:
    """Return the notice of a call that has recovered."""
    return f"✅ Recovered: {_in_front(context_of(call))}'{_name(call.function)}' at attempt {attempt}"


def text_by_hand(message: str, function: str, failure: Failure, *, suppressed: int = 0) -> str:
    """Return an alert whose words are the user's own, or a fixed text where they are empty."""
    lines = [clean(line) for line in redact(message).strip().splitlines()[:CONTENT_CHARACTERS]]
    text = "\n".join(lines).strip()
    if not text:
        text = f"{_name(function)} failed: {_name(failure.error_type)}: {_plain(clean(failure.message))}"
    return _fit(text, _suppressed_note(suppressed))


def _retry_text(call: Call, attempt: int, failure: Failure, *, room: int) -> str:
    where = f"{_in_front(call.policy.context)}'{_name(call.function)}'"
    head = (
        f"🚨 CRITICAL: Operation Approaching Failure Threshold: {where}\n\n"
        f"Current attempt: {attempt}/{call.policy.alert_threshold}\n"
        f"Error: {_name(failure.error_type)}: "
    )
    tail = "\n\nThis operation is about to fail permanently. Investigate immediately."
    return head + _cut(_plain(clean(failure.message)), room - len(head) - len(tail)) + tail


def _connection_text(call: Call, attempt: int, failure: Failure) -> str:
    policy = call.policy
    message = clean(failure.message)
    return (
        "🚨 **Critical Infrastructure Connection Issue**\n"
        f"Resource: {_name(policy.resource or '')}\n"
        f"Action: {_name(policy.action or '')}\n"
        f"Function: {_name(call.function)}\n"
        f"Current attempt: {attempt}/{policy.max_attempts}\n"
        f"Error: {_name(failure.error_type)}: {_plain(message[:200])}{'...' if len(message) > 200 else ''}\n"
        "\n"
        "Infrastructure component is approaching failure threshold. Investigate immediately."
    )


def _suppressed_note(suppressed: int) -> str:
    if suppressed == 0:
        return ""
    return f"\n\n{suppressed} more {'alert was' if suppressed == 1 else 'alerts were'} held back before this one."


def _in_front(context: str) -> str:
    return f"{_name(context)}: " if context else ""


def _name(text: str) -> str:
    return _plain(clean(text, limit=_NAME_CHARACTERS))


def _plain(text: str) -> str:
    """Break up what opens a code block, and masked links: the words behind ``[`` may be those of an attacker."""
    return _MARKUP.sub(_JOINER, text)


def _fit(text: str, note: str) -> str:
    return _cut(text, CONTENT_CHARACTERS - len(note)) + note


def _cut(text: str, room: int) -> str:
    return text if len(text) <= room else text[: room - len(_CUT)] + _CUT
