"""Hides secrets that their own shape or their place gives away, by the table ``formats.toml``."""

from __future__ import annotations

import functools
import re
from collections.abc import Callable, Iterable
from typing import Final, NamedTuple, final

from resilience._secrets import MARKER
from resilience._secrets.conditions import CONDITIONS
from resilience._secrets.names import Kind, kind_of, read
from resilience._secrets.values import Value, is_secret, stands_for_secret

_TABLE: Final = read("formats.toml")
_ABBREVIATION: Final = re.compile(r"\{([a-z]+)\}")
_IN_QUOTES: Final = re.compile(r"""[bru]?(?P<mark>["'])(?P<inside>.*)(?P=mark)""", re.DOTALL)


class Rule(NamedTuple):
    """What hides one kind of secret."""

    near: tuple[str, ...]
    """A text that holds none of these, in lower case, is passed over: nearly all are, and asking costs little."""
    hide: Callable[[str], str]
    """Returns a text with the marker in the place of each such secret."""


@final
class Place:
    """A pattern whose group ``secret`` is replaced by the marker, unless its conditions find the match harmless.

    Quotes around the secret stay.
    """

    def __init__(
        self, pattern: str, required: Iterable[str] = (), excuses: Iterable[str] = (), *, in_query: bool = False
    ) -> None:
        self._source, self._in_query = pattern, in_query
        self._required = [CONDITIONS[name] for name in required]
        self._excuses = [CONDITIONS[name] for name in excuses]

    @functools.cached_property
    def _pattern(self) -> re.Pattern[str]:
        """Compiled when it is first needed: most never are, and all together would slow the first failure."""
        return re.compile(_ABBREVIATION.sub(lambda found: _TABLE["abbreviations"][found[1]], self._source), re.VERBOSE)

    def hide(self, text: str) -> str:
        return self._pattern.sub(self._replace, text)

    def _replace(self, found: re.Match[str]) -> str:
        whole, offset = found[0], found.start()
        start, end = found.start("secret") - offset, found.end("secret") - offset
        if marks := _IN_QUOTES.fullmatch(whole, start, end):
            start, end = marks.span("inside")
        secret = whole[start:end]
        is_harmless = (
            secret.startswith(MARKER)
            or stands_for_secret(secret)
            or any(excuse(found) for excuse in self._excuses)
            or not all(condition(found) for condition in self._required)
            or not self._is_named(found, secret)
        )
        return whole if is_harmless else f"{whole[:start]}{MARKER}{whole[end:]}"

    def _is_named(self, found: re.Match[str], secret: str) -> bool:
        """Whether the name beside the secret says that it is one; many places have no name."""
        if "name" not in found.re.groupindex:
            return True
        kind = kind_of(found["name"], in_query=self._in_query)
        return kind is not Kind.HARMLESS and is_secret(Value(secret, found["name"], kind, in_query=self._in_query))


def _tokens(rows: Iterable[tuple[str, str, str, int]]) -> Place:
    """One place for all tokens: a text is searched once for all of them."""
    forms = "|".join(f"{begins}[{alphabet}]{{{least},}}+" for _, begins, alphabet, least in rows)
    # The look ahead is for speed: no token is shorter than sixteen characters.
    return Place(
        rf"(?<![A-Za-z0-9])(?=[\w.:$+/=,~-]{{16}})(?P<secret>(?:{forms})(?![A-Za-z0-9])(?:\.{{1,2}}[\w-]++)*+)"
    )


def places() -> dict[str, Rule]:
    """Return the rules of the table by name, in its order."""
    rules = {"tokens": Rule(("",), _tokens(_TABLE["tokens"]).hide)}
    for name, row in _TABLE["places"].items():
        place = Place(row["pattern"], row.get("if", ()), row.get("unless", ()), in_query="names" in row)
        rules[name] = Rule(tuple(row["near"]), place.hide)
    return rules
