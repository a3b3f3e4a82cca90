"""Passwords in URLs and connection strings: what stands between ``user:`` and ``@host``.

Exceptions quote URLs as people wrote them, so a password may hold ``@``, ``/``, ``?`` and ``#`` that no parser would
accept. Of all the ``@`` that could end it, the one is taken that lets no part of a password through.
"""

from __future__ import annotations

import re
from typing import Final

from resilience._secrets import MARKER
from resilience._secrets.conditions import ends_in_parameter
from resilience._secrets.names import WORDS
from resilience._secrets.places import Rule
from resilience._secrets.values import looks_random, stands_for_secret

_SCHEME_END: Final = re.compile(r"(:(?:\\?/){2}|%3[Aa]%2[Ff]%2[Ff])")
# Quotes and angle brackets may be part of a password, but not where they close something.
_RUN: Final = re.compile(r"(?:[^\s\"'`>]|[\"'`>](?![\s,:;)}\]>\\]|$))*+")
_AUTHORITY: Final = re.compile(r"[^/?#]*+")
_QUERY: Final = re.compile(r"\?[\w.-]{1,64}=")
_PORT: Final = re.compile(r"\d{1,5}(?![^/?#,;:)\]}.&\s\"'\\])|$")
_TEMPLATE: Final = re.compile(r"[{<$%\[*]|port\b", re.IGNORECASE)
_HOST: Final = re.compile(
    r"(?:(?:[\w-]+\.)+[A-Za-z]{2,}|localhost|\d+\.\d+\.\d+\.\d+|\[[\da-f:.]+\]|[\w.-]+(?=:\d))(?::\d+)?(?![^/?#,])"
)
_DATABASE: Final = re.compile("|".join(WORDS["databases"]), re.IGNORECASE)
_SPACED: Final = re.compile(r"[^\n@\"']{1,64}(?=@[\w.-]+(?::\d|/|\.\w))")
_LAST_WORD: Final = re.compile(r"[A-Za-z0-9]*$")


def hide_userinfo(text: str) -> str:
    """Replace the password of every ``scheme://user:password@host`` by the marker."""
    pieces = _SCHEME_END.split(text)
    for index in range(2, len(pieces), 2):
        scheme = pieces[index - 2][-24:]
        signs = ("%3A", "%40") if pieces[index - 1].startswith("%") else (":", "@")
        pieces[index] = _hide_password(pieces[index], scheme, *signs)
    return "".join(pieces)


def _hide_password(piece: str, scheme: str, colon: str, at: str) -> str:
    """``piece`` is a URL from behind its ``://``, and the text after it."""
    run = _RUN.match(piece)[0]  # type: ignore[index]  # the pattern matches the empty text, too
    is_database = _DATABASE.search(scheme) is not None
    rest = run.partition(colon)[2]
    if is_database and run and at not in run and not (rest and _PORT.match(rest)):
        # What follows the colon can only be a password, so quotes may be part of it.
        longer = piece.split(maxsplit=1)[0]
        run = longer if at in longer else run
    end = _end_of_userinfo(run, scheme, colon, at)
    if end < 0:
        return _hide_unfinished(piece, run) if is_database and colon == ":" else piece
    if ends_in_parameter(run[:end]):
        return piece
    user, _, password = run[:end].partition(colon)
    if password and password != MARKER and not (password[0] in "<{[$%*" and stands_for_secret(password)):
        return f"{user}{colon}{MARKER}{piece[end:]}"
    if not password and looks_random(user, 16):
        return f"{MARKER}{piece[len(user) :]}"  # a token in the place of the user's name
    return piece


def _end_of_userinfo(run: str, scheme: str, colon: str, at: str) -> int:
    """Where the userinfo ends: the position of an ``@``; -1 if there is none."""
    query = _QUERY.search(run)
    last = run.rfind(at, 0, query.start() if query else len(run))
    if last < 0 or run.startswith("sha256:", last + 1):  # the latter is the digest of a container's image
        return -1
    authority = _AUTHORITY.match(run)[0]  # type: ignore[index]  # as above
    is_web = _LAST_WORD.search(scheme)[0].lower() in WORDS["web"]  # type: ignore[index]  # as above
    by_the_book = authority.rfind(at)
    if by_the_book >= 0:
        # Paths with an "@" are common on the web (/@scope/package, repository.git@v1), and rare in databases' URLs.
        return by_the_book if is_web and _HOST.match(run, by_the_book + len(at)) else last
    host, found, rest = authority.partition(colon)
    if not found or (_PORT.match(rest) and (is_web or _HOST.match(host))):
        return -1
    return last


def _hide_unfinished(piece: str, run: str) -> str:
    """A database's URL whose ``@`` is missing, cut off or behind a space: only a port may follow a host's colon."""
    user, colon, rest = run.partition(":")
    if not colon or user == "localhost" or any(character in user for character in "/.["):
        return piece
    if _PORT.match(rest) or _TEMPLATE.match(rest) or rest.startswith(MARKER):
        return piece
    start = len(user) + 1
    spaced = _SPACED.match(piece, start)
    return f"{piece[:start]}{MARKER}{piece[spaced.end() if spaced else len(run) :]}"


URLS: Final = Rule(("://", ":\\/\\/", "%3a%2f%2f"), hide_userinfo)
