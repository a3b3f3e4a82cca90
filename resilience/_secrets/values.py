"""Whether the value beside a secret's name is the secret.

It is, unless one of the excuses holds. Each is a function of its own with one reason to leave a value as it is.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from typing import Final, NamedTuple

from resilience._secrets.names import WORDS, Kind, kind_of, words_of

LONGEST_JUDGED: Final = 300
"""A longer value is a secret unseen: to judge it, and all that begins inside it, could cost quadratic time."""

_PLACEHOLDER: Final = re.compile(
    r"""
      (?:Secret(?:Str|Bytes))?\(?b?['"]?\*+['"]?\)? | [xX]{3,} | [.…]+ | -+ | [?]
    | <[\w :./-]*+> | \[[A-Za-z_ ]*+(?:\]|…) | \{[\w.]*+\} | \{\{[^{}]*+\}\} | \$\{[^{}]*+\} | \$\([^()]*+\)
    | \$[A-Z_]{2,}+ | \$\d+ | %\(\w++\)s | %[sdr] | :[a-z_]++
    | [A-Za-z.]++\[[A-Za-z_., |\[]*+[\])]*+  # a type
    """,
    re.VERBOSE,
)
# An expression that gets the secret from elsewhere, as tracebacks show it: self.password, os.environ, profile["key"].
_REFERENCE: Final = re.compile(
    r"""(?:self|cls|os|settings|config|cfg|conf|args|kwargs|options|opts|env|request|data|params)\.[A-Za-z_.]++(?:\(\)?)?
    | [A-Za-z_][\w.]*+(?:\[["'][\w.-]{1,60}["']?\]?)+""",
    re.VERBOSE,
)
_VARIABLE: Final = re.compile(r"pw|[a-z\d]*_[a-z\d_]*|[a-z_]\w*+(?:\.[a-z_]\w*+)++|X(?:-[A-Z][a-z]{2,})++")
# A call may go on: response.json()["access_token"], hashlib.sha256(raw).hexdigest(), CharField(max_length=128).
_CALL: Final = re.compile(
    r"""[A-Za-z_][\w.]*+ \( (?: (?:[A-Za-z_., =]++|(?<=[(= ])\d{1,5}+(?=[,)]))*+
        (?: \) (?:\.[a-z_]\w*+(?:\(\)?+)?+|\[["'][\w.-]{1,60}["']?\]?+)*+ )?+ )?+""",
    re.VERBOSE,
)
_AFTER_SCHEME: Final = re.compile(r"[ =:+]|%20")
_AWAITED: Final = re.compile(r"[ ][a-z_][\w.]{0,80}+\(")
_NAME: Final = re.compile(r"[a-z_]++(?:\.[a-z_]++)*+")
_TEST: Final = re.compile(r"(?:^|\s)(?:if|elif|assert|while|and|or|not|return)[ ]$")
_PLAIN: Final = re.compile(r"(?:[A-Z]?[a-z]+(?:['/-][a-z]+)*+[.,:;=]?|[A-Z]+)(?<!\S{24})")
_NUMBER: Final = re.compile(r"[+-]?\d+(?:\.\d+)?")
_IDENTIFIER: Final = re.compile(r"[<\[(\"']*+(?P<word>[A-Za-z](?:[\w.']*\w)?)(?:\(.*|[.,:;!?)\]\"'>]*)")
_WELL_KNOWN: Final = re.compile(
    r"sha-?\d+|md5|utf-?\d+|base\d+|bcrypt|argon2\w*|pbkdf2\w*|oauth-?\d|http\d?|x509|rfc-?\d+|ipv[46]|v\d[\w.]*"
    r"|python\d[\d.]*|[\d.,:+TZ-]+|0x(?:[0-9a-f]{1,16}|[0-9a-f]{40})",
    re.IGNORECASE,
)


class Value(NamedTuple):
    """What stands beside a name, and how."""

    text: str
    name: str
    kind: Kind
    separator: str = ""
    """Empty where something else joins the two."""
    quoted: bool = True
    """Something marks both ends of the value, so it is neither code nor the beginning of a sentence."""
    in_query: bool = False
    before: str = ""
    """The text before the name."""
    after: str = ""
    """The text behind the value."""

    @property
    def is_spaced(self) -> bool:
        """Whether a blank stands before it."""
        return self.separator.endswith((" ", "\t"))

    @property
    def in_prose(self) -> bool:
        """Whether the value may begin a sentence: ``password: must be longer``."""
        return ":" in self.separator and self.is_spaced and not self.quoted


def is_secret(value: Value) -> bool:
    """Whether the value is to be hidden."""
    return len(value.text) > LONGEST_JUDGED or not any(excuse(value) for excuse in EXCUSES.values())


def _is_placeholder(value: Value) -> bool:
    """``***``, ``None``, ``%s``, ``<password>``, ``[redacted]``, or the name itself: ``password=password``."""
    return stands_for_secret(value.text, value.name)


def _is_scheme(value: Value) -> bool:
    """What comes before the credentials of a header, if these are hidden already or a placeholder: ``Bearer %s``."""
    words = _AFTER_SCHEME.split(value.text + value.after, maxsplit=2)
    return "authorization" in value.name.lower() and len(words) > 1 and stands_for_secret(words[1].strip("'\""))


def _is_count(value: Value) -> bool:
    """A number that counts or identifies something: ``token=5``; ``cvv=123`` and ``password=1234`` are secrets."""
    if not value.separator or not _NUMBER.fullmatch(value.text):
        return False
    name = value.name.lower()
    if name.endswith(("cvv", "cvc", "pin", "otp", "code")):
        return len(value.text) < 3
    return len(value.text) <= (5 if any(word in name for word in ("token", "secret", "id", "key")) else 3)


def _is_expression(value: Value) -> bool:
    """Code that names where the secret is, or makes it: ``self.password``, ``db_password``, ``get_token()``."""
    text = value.text
    if value.quoted:
        return False
    if _REFERENCE.fullmatch(text) or (value.is_spaced and _CALL.fullmatch(text)):
        return True
    return _VARIABLE.fullmatch(text) is not None and kind_of(text) is Kind.SECRET


def _is_source_line(value: Value) -> bool:
    """The line of a program goes on: ``if password == expected:``, ``token = await self.refresh()``."""
    if value.text == "await":
        return _AWAITED.match(value.after) is not None
    is_compared = not value.quoted and value.separator.strip() in ("==", "!=") and _NAME.fullmatch(value.text)
    return bool(is_compared) and _TEST.search(value.before) is not None


def _is_prose(value: Value) -> bool:
    """A sentence about the secret, or the reason of a failure: ``password: is required``, ``token: HTTP 401``."""
    if value.quoted:
        return is_sentence(value.text)
    if ":" not in value.separator:
        return False
    following = value.after.split()[:6]
    return is_prose_word(value.text) or (
        bool(following)
        and (is_prose_word(value.text, "reasons") or (is_plain(value.text) and any(map(is_prose_word, following))))
    )


def _is_path(value: Value) -> bool:
    """The working directory: ``PWD=/root``."""
    return not value.quoted and value.text.startswith("/") and value.name in ("PWD", "OLDPWD")


def _is_unlikely(value: Value) -> bool:
    """A value that does not look like a secret, beside a name that does not say so alone: ``session=3``."""
    text, name = value.text, value.name.lower()
    if value.kind is not Kind.MAYBE:
        return False
    if text.isdigit():
        return not (name.endswith(("pin", "code")) and 4 <= len(text) <= 12)
    if name.endswith(("pass", "passwords", "secrets")):
        return value.in_prose and not name.endswith("_pass")
    return not looks_random(text, 6 if value.in_query else 8) and not (value.in_query and len(text) >= 16)


EXCUSES: Final[Mapping[str, Callable[[Value], bool]]] = {
    "placeholder": _is_placeholder,
    "scheme": _is_scheme,
    "count": _is_count,
    "expression": _is_expression,
    "source-line": _is_source_line,
    "prose": _is_prose,
    "path": _is_path,
    "unlikely": _is_unlikely,
}


def stands_for_secret(text: str, name: str = "") -> bool:
    """Whether a text stands for a secret instead of being one, also by being the name of it."""
    word = text.strip("[](){}<>*'\"_:.,;!?#").lower()
    if not word:
        return len(text) < 3 or _PLACEHOLDER.fullmatch(text) is not None
    own_name = name.rpartition(".")[2].strip("-_").lower()
    return word in WORDS["constants"] or word == own_name or _PLACEHOLDER.fullmatch(text) is not None


def is_prose_word(word: str, table: str = "prose") -> bool:
    """Whether a word is one of those that sentences about secrets have, or an error: ``ConnectTimeout``, ``EPIPE``."""
    found = _IDENTIFIER.fullmatch(word)
    if not found:
        return False
    if found["word"].lower() in WORDS[table]:
        return True
    parts = words_of(found["word"][:80])
    return parts[-1] in WORDS["errors"] or (len(parts) > 1 and all(part in WORDS["prose"] for part in parts))


def is_sentence(text: str) -> bool:
    """Whether a text in quotes is a message to a person: ``This field is required``."""
    words = text.split()
    is_first = len(words) > 1 and (is_prose_word(words[0]) or is_prose_word(words[0], "reasons"))
    return is_first and any(map(is_prose_word, words[1:]))


def is_plain(word: str) -> bool:
    """Whether a text is one ordinary word, or a few that are joined: ``Denied``, ``read-only``, ``AUTH``."""
    return _PLAIN.fullmatch(word) is not None


def looks_random(text: str, minimum: int = 8) -> bool:
    """Whether a text looks made by a machine or for one: long enough, with letters and digits or oddly mixed."""
    if len(text) < minimum or _WELL_KNOWN.fullmatch(text):
        return False
    if any(map(str.isalpha, text)) and any(map(str.isdigit, text)):
        return True
    inner_capital = text[1:] != text[1:].lower() and text != text.upper()
    return len(text) >= 20 and inner_capital and " " not in text
