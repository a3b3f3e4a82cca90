"""Which names announce a secret.

A name is cut into words (``dbPassword``, ``DB_PASSWORD_2``, ``db.password``: db, password) and judged by its last word,
as English does: a ``password`` is a secret, a ``password_policy`` is not. The words are those of ``words.toml``.
"""

from __future__ import annotations

import functools
import pkgutil
import re
import tomllib
from enum import Enum
from typing import Any, Final


class Kind(Enum):
    """What a name says about the value beside it."""

    HARMLESS = "harmless"
    MAYBE = "maybe"
    """A secret when the value looks like one: ``session=9f86d081``, not ``session=3``."""
    SECRET = "secret"  # noqa: S105  # the name of a table
    QUERY = "query"
    """A secret among the parameters of a URL only: ``&sig=...``."""
    QUERY_MAYBE = "query-maybe"
    """There, and when the value looks like one: ``?code=SplxlOBeZQ``, not ``?code=404``."""


def read(name: str) -> dict[str, Any]:
    """Return the content of a table that stands beside the code, also where the package is in a zip file."""
    content = pkgutil.get_data(__package__, name)
    assert content is not None  # the loaders that can't read data can't load this package either
    return tomllib.loads(content.decode())


_IN_QUERY: Final = {Kind.QUERY: Kind.SECRET, Kind.QUERY_MAYBE: Kind.MAYBE}

_TABLES: Final = read("words.toml")
WORDS: Final = {table: frozenset(words.split()) for table, words in _TABLES["words"].items()}
_ENDINGS: Final = tuple(WORDS["endings"])
_PHRASES: Final = {
    f"{word} {'' if head == 'alone' else head}".replace("-", " ").strip(): Kind(kind)
    for kind, heads in _TABLES["names"].items()
    for head, words in heads.items()
    for word in words.split()
}

NEED_WORD_BEFORE: Final = frozenset(phrase.split()[-1] for phrase in _PHRASES if " " in phrase)
"""Names that mean something only with the word before them, which a text may set apart by a blank: ``API key: ...``."""

_CAMEL_HUMP: Final = re.compile(r"(?<=[a-z\d])(?=[A-Z])|(?<=[A-Z])(?=[A-Z][a-z])")
_WORD: Final = re.compile(r"[^\W\d_]+|\d+")
_LONGEST_NAME: Final = 80  # characters at the end of a name, by which it is judged: it bounds the work


def words_of(name: str) -> list[str]:
    """Cut a name into its words, in lower case."""
    return _WORD.findall(_CAMEL_HUMP.sub(" ", name[-_LONGEST_NAME:]).lower())


@functools.lru_cache(maxsize=1024)
def kind_of(name: str, before: str = "", *, in_query: bool = False) -> Kind:
    """Judge a name, given the word ``before`` it in the text, and whether it is that of a URL's parameter.

    >>> kind_of("DB_PASSWORD_2").name, kind_of("password_policy").name, kind_of("key", "API").name
    ('SECRET', 'HARMLESS', 'SECRET')
    """
    words = [*words_of(before), *words_of(name)]
    while len(words) > 1 and (words[-1] in WORDS["qualifiers"] or words[-1].isdigit()):
        words.pop()
    if not words:
        return Kind.HARMLESS
    kind = _kind_by_ending(words[-1])
    for length in (1, 2, 3):  # the longest phrase that is known says most
        kind = _PHRASES.get(" ".join(words[-length:]), kind)
    if kind in _IN_QUERY:
        return _IN_QUERY[kind] if in_query else Kind.HARMLESS
    is_complaint = not before and not WORDS["complaints"].isdisjoint(words[:-1])
    return Kind.MAYBE if kind is Kind.SECRET and is_complaint else kind


def _kind_by_ending(word: str) -> Kind:
    if word.endswith(_ENDINGS):
        return Kind.SECRET
    return Kind.MAYBE if word.endswith("pass") else Kind.HARMLESS
