"""The conditions that the places in ``formats.toml`` name: what a match must be, or must not be, to hold a secret."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from typing import Final

from resilience._secrets.names import WORDS, Kind, kind_of
from resilience._secrets.values import is_plain, is_prose_word, looks_random

_COLUMN: Final = re.compile(r"[\w.-]++")
_OPTION: Final = re.compile(r"--\w|-\w$")
# A host with parameters behind it: db:1433;user=sa;password=P, jdbc:mysql://db/app?user=app&password=P.
_PARAMETER: Final = re.compile(
    r"(?:(?:\w+:)?[\w+.-]++://)?[\w.\\-]++(?::\d{1,5}+)?(?:/[^?;,\s]*+)?[?;,](?:\S*[?;,&])?(?P<name>[\w.-]{1,64}+)=[^;,&?]*+"
)
_SQL_STATEMENT: Final = 2_000  # characters before a value in which its columns are looked for


def is_word(found: re.Match[str]) -> bool:
    """A word that goes on with a sentence, as in ``password is required``; the next option of a command."""
    text = _bare(found)
    return is_prose_word(text) or _OPTION.match(text) is not None


def is_plain_word(found: re.Match[str]) -> bool:
    """One ordinary word, and in no quotes."""
    return is_plain(found["secret"].rstrip("!?"))


def is_number(found: re.Match[str]) -> bool:
    """A port, two ports, or a user and a group: ``8080:80/tcp``, ``1000:1000``."""
    return _bare(found).strip("/tcpud").replace(":", "").isdigit()


def is_random(found: re.Match[str]) -> bool:
    """What looks made by a machine."""
    return looks_random(_bare(found).rstrip("."), 6)


def is_random_in_prose(found: re.Match[str]) -> bool:
    """What looks made by a machine; where its name says less, it has to be longer than a word of a sentence."""
    name = found["name"].lower()
    if name.endswith(("password", "passwd", "passphrase", "pwd")) or found["verb"]:
        return looks_random(_bare(found), 6)
    return looks_random(_bare(found), 8 if "_" in name else 16)


def is_basic(found: re.Match[str]) -> bool:
    """The base64 of a user and a password."""
    from binascii import a2b_base64  # a shared library to load, for a scheme that few texts name

    digits = found["secret"].rstrip("=")
    try:
        return b":" in a2b_base64(digits + "=" * (-len(digits) % 4))
    except ValueError:
        return False


def is_parameter(found: re.Match[str]) -> bool:
    """The end of a host's parameters, of which the "@" is a part: ``db:1433;user=bob@tenant``."""
    return ends_in_parameter(found.string[found.start() : found.end("secret")])


def is_literal(found: re.Match[str]) -> bool:
    """What has a string among its values, and not just the placeholders of a statement."""
    return "'" in found["secret"] or '"' in found["secret"]


def is_in_secret_column(found: re.Match[str]) -> bool:
    """A value of a statement that has a column for a secret, among the group ``columns`` or anywhere before it."""
    before = found.string[max(0, found.start() - _SQL_STATEMENT) : found.start()]
    columns = found.groupdict().get("columns", before)
    return any(kind_of(name) is not Kind.HARMLESS for name in _COLUMN.findall(columns))


def ends_in_parameter(before: str) -> bool:
    """Whether the text ``before`` an "@" is a host and its parameters, so that the "@" is part of the last one."""
    found = _PARAMETER.fullmatch(before)
    return found is not None and (kind_of(found["name"]) is Kind.SECRET or found["name"].lower() in WORDS["users"])


def _bare(found: re.Match[str]) -> str:
    return found["secret"].strip("\"'")


CONDITIONS: Final[Mapping[str, Callable[[re.Match[str]], bool]]] = {
    "basic": is_basic,
    "literal": is_literal,
    "number": is_number,
    "parameter": is_parameter,
    "plain": is_plain_word,
    "random": is_random,
    "random in prose": is_random_in_prose,
    "secret column": is_in_secret_column,
    "word": is_word,
}
