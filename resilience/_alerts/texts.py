"""The words of the alerts. Dashboards and people on call read them: they are a contract.

Every foreign text in them is redacted and freed of control characters and of what opens a code block or hides a link
behind other words, and the whole fits into one Discord message.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Final, NamedTuple

from resilience import _config as config
from resilience._events import Call
from resilience._support import error_text
from resilience._support.fork import importing
from resilience.redact import clean, redact

CONTENT_CHARACTERS: Final = 2000
"""The longest content of a message. Source: Discord developer documentation, "Execute Webhook"."""

_NAME_CHARACTERS: Final = 200  # of a function or a type: no usual one is longer
_LONGEST_NAME: Final = 250  # with backslashes; four of these and the rest of a text fit into a message
_CUT: Final = "…"
_MESSAGE_CHARACTERS: Final = 10_000  # kept of a message until it is redacted, which may shorten it, and cut
_DANGEROUS: Final = re.compile(r"(?<=``)(?=`)|(?<=\])(?=\()")
_JOINER: Final = "\u2060"  # nothing to be seen, but no longer the same to Discord

# What Discord takes for markup, and a URL, in which it does not. An underscore in the midst of a word is none.
_MARKUP: Final = re.compile(
    r"(?P<url>https?://[^\s<]+)|[*`]|_(?![0-9A-Za-z_])|_(?=_)|(?<=_)_|~(?=~)|(?<=~)~|\|(?=\|)|(?<=\|)\|"
    r"|\\(?=[^0-9A-Za-z\s]|\Z)|<(?=[@#:/]|t:|a:|id:|https?:)|(?<=\])\("
)
_SENDER_CHARACTERS: Final = 80  # the longest name of a webhook
_NOT_IN_SENDER: Final = re.compile("```|[@#:]")
_FORBIDDEN_WORD: Final = re.compile("(?<=d)(?=iscord)|(?<=c)(?=lyde)", re.IGNORECASE)

Shown = Callable[[str], str]


class Failure(NamedTuple):
    """The words of an error, not cleaned yet; the error itself and its frames need not live on."""

    error_type: str
    message: str

    def shown_by(self, shown: Shown, *, limit: int = 2000) -> str:
        """Return the type and the message, of which so many characters are kept; the type alone where it says all."""
        name, message = _name(self.error_type, shown), clean(self.message)
        if self.message == self.error_type:
            return name
        return f"{name}: {shown(message[:limit])}{'...' if len(message) > limit else ''}"


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


def plain(text: str) -> str:
    """Break up what opens a code block, and masked links: the words behind ``[`` may be those of an attacker."""
    return _DANGEROUS.sub(_JOINER, text)


def escaped(text: str) -> str:
    """Return a text with backslashes, of which Discord shows every character."""
    return _MARKUP.sub(lambda found: found["url"] or f"\\{found[0]}", text)


def text_of(call: Call, attempt: int, failure: Failure, *, suppressed: int = 0, shown: Shown = plain) -> str:
    """Return the alert of a failing call: one text for connections, one for all other operations.

    ``suppressed`` alerts came before it; ``shown`` is done to each foreign part: `plain`, or `escaped` for Discord.
    """
    note = _suppressed_note(suppressed)
    if call.policy.kind == "connection":
        return _fit(_connection_text(call, attempt, failure, shown), note)
    return _retry_text(call, attempt, failure, shown, room=CONTENT_CHARACTERS - len(note)) + note


def recovery_text(call: Call, attempt: int, *, shown: Shown = plain) -> str:
    """Return the notice of a call that has recovered."""
    return f"✅ Recovered: {_place(context_of(call), call.function, shown)} at attempt {attempt}"


def text_by_hand(message: str, function: str, failure: Failure, *, suppressed: int = 0, shown: Shown = plain) -> str:
    """Return an alert whose words are the user's own, markup included, or a fixed text where they are empty."""
    lines = [clean(line) for line in redact(message).strip().splitlines()[:CONTENT_CHARACTERS]]
    text = "\n".join(lines).strip()
    if not text:
        text = f"{_name(function, shown)} failed: {failure.shown_by(shown)}"
    return _fit(text, _suppressed_note(suppressed))


def _retry_text(call: Call, attempt: int, failure: Failure, shown: Shown, *, room: int) -> str:
    place = _place(call.policy.context, call.function, shown)
    head = (
        f"🚨 CRITICAL: Operation Approaching Failure Threshold: {place}\n\n"
        f"Current attempt: {attempt}/{call.policy.alert_threshold}\n"
        "Error: "
    )
    tail = "\n\nThis operation is about to fail permanently. Investigate immediately."
    return head + _cut(failure.shown_by(shown), room - len(head) - len(tail)) + tail


def _connection_text(call: Call, attempt: int, failure: Failure, shown: Shown) -> str:
    policy = call.policy
    return (
        "🚨 **Critical Infrastructure Connection Issue**\n"
        f"Resource: {_name(policy.resource or '', shown)}\n"
        f"Action: {_name(policy.action or '', shown)}\n"
        f"Function: {_name(call.function, shown)}\n"
        f"Current attempt: {attempt}/{policy.max_attempts}\n"
        f"Error: {failure.shown_by(shown, limit=200)}\n"
        "\n"
        "Infrastructure component is approaching failure threshold. Investigate immediately."
    )


def _suppressed_note(suppressed: int) -> str:
    if suppressed == 0:
        return ""
    return f"\n\n{suppressed} more {'alert was' if suppressed == 1 else 'alerts were'} held back before this one."


def _place(context: str, function: str, shown: Shown) -> str:
    return f"{_name(context, shown)}: '{_name(function, shown)}'" if context else f"'{_name(function, shown)}'"


def _name(text: str, shown: Shown) -> str:
    return _cut(shown(clean(text, limit=_NAME_CHARACTERS)), _LONGEST_NAME)


def _fit(text: str, note: str) -> str:
    return _cut(text, CONTENT_CHARACTERS - len(note)) + note


def _cut(text: str, room: int) -> str:
    return text if len(text) <= room else text[: room - len(_CUT)] + _CUT
