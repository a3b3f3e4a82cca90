"""Whom a message would notify.

Source: Discord developer documentation, "Allowed Mentions" and "Message Formatting".
"""

from __future__ import annotations

import re

_MENTION = re.compile(r"<@!?(?P<user>[0-9]+)>|<@&(?P<role>[0-9]+)>|(?P<everyone>@everyone|@here)")


def notified(content, allowed):
    """Return the mentions that notify somebody, as they stand in a message, each once.

    Mentions in embeds notify nobody. Where a message does not say what is allowed, users are: so does Discord with the
    messages of webhooks.

    >>> notified("<@&7> and <@8>: @everyone", None)
    ('<@8>',)
    >>> notified("<@&7> and <@8>: @everyone", {"parse": ["everyone"], "roles": ["7"]})
    ('<@&7>', '@everyone')
    """
    rules = {"parse": ["users"]} if allowed is None else allowed
    found = {match[0]: None for match in _MENTION.finditer(content) if _allows(rules, match)}
    return tuple(found)


def _allows(rules, mention):
    parse = rules.get("parse") or ()
    if mention["everyone"]:
        return "everyone" in parse
    kind = "users" if mention["user"] else "roles"
    named = {str(each) for each in rules.get(kind) or ()}
    return kind in parse or (mention["user"] or mention["role"]) in named
