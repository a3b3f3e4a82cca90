"""Finds the values beside a secret's name: ``password=x``, ``"api_key": "x"``, ``Authorization: Bearer x``.

One pattern finds every name with a separator. Where the value ends depends on how it is written: in quotes, as a list
or mapping, or bare, each of which has a reader of its own. Whether it is a secret is then judged in ``values``.
"""

from __future__ import annotations

import re
from typing import Final, NamedTuple

from resilience._secrets import MARKER
from resilience._secrets.names import NEED_WORD_BEFORE, Kind, kind_of
from resilience._secrets.places import Rule
from resilience._secrets.values import LONGEST_JUDGED, Value, is_secret, is_sentence

# A quote, also as JSON in a string, HTML and URLs write it.
_QUOTE: Final = r"""(?:["'`]|u002[27]|&(?:quot|\#3[49]|\#x27);|%2[27])"""
# Blanks and separators of any script are read like those of ASCII.
_BLANKS: Final = r"[ \t\u00a0\u3000]*+"
_ASCII: Final = str.maketrans("\u00a0\u3000\uff1a\uff1d", "  :=")
_ASSIGNMENT: Final = re.compile(
    rf"""
    (?<![\w.$-])(?P<name>[\w.$-]++)
    (?P<close>(?:\\*+{_QUOTE}|\]|%5[Dd])?+)
    (?P<separator>
        {_BLANKS}:{_BLANKS}[A-Za-z_][\w.|\[\]]{{0,40}}+(?:[ ]\|[ ]\w{{1,20}}+)?  # x: str = ""
          {_BLANKS}={_BLANKS}(?=[bru]?["'])
      | {_BLANKS}(?:(?:is|was){_BLANKS}(?=:))?
          (?:=>(?=[\s"'\[{{])|->|:=|={{1,3}}|!=|:(?!:)|\uff1a|\uff1d|%3[Dd]){_BLANKS}
      | %3[Aa](?:%20|\+)*+(?=%2[27])
    )
    """,
    re.VERBOSE,
)
_WORD_BEFORE: Final = re.compile(r"([A-Za-z0-9]+)[ ]$")

_OPENING_QUOTE: Final = re.compile(
    rf"(?P<call>[A-Za-z_][\w.]{{0,40}}\()?[bBuUrRfF]{{0,2}}(?P<escape>\\*+)(?P<quote>{_QUOTE})"
)
_END_OF_LITERAL: Final = re.compile(r"""["'](?:[ \t]++[+%][ \t]++[A-Za-z_(]|,[ \t]*+[bru]?["'])""")
_ITEM: Final = r"""b?(?:'(?:[^'\\\n]|\\.){0,200}+'|"(?:[^"\\\n]|\\.){0,200}+")"""
_ENTRY: Final = rf"(?:{_ITEM}(?::[ \t]*+(?:{_ITEM}|[\w.+-]{{1,200}}+))?)"
_CONTAINER: Final = re.compile(rf"[\[({{][ \t]*+(?P<items>{_ENTRY}(?:,[ \t]*+{_ENTRY}){{0,10}}+),?[ \t]*+[\])}}]")
_ENTRY_VALUE: Final = re.compile(rf"(?:{_ITEM}:[ \t]*+)?(?P<value>{_ITEM}|[\w.+-]{{1,200}}+)")
_OPENING_BRACKET: Final = re.compile(r"[\[({](?:[\s\"'\[({\])}]|b[\"']|\d+,|$)")
_YAML_BLOCK: Final = re.compile(r"[|>][+-]?[ \t]*+\n[ \t]++(?P<value>\S++)")
_BARE: Final = re.compile(
    r"""(?P<value>(?:[^\s"'`&;,\\]|\\[ ]?|["'`](?![\s,:;)}\]>]|$)|[&;,](?![\s&]|$|["'`]|[\w.%$-]*+["']?[=:]))*+)"""
)


class Field(NamedTuple):
    """A name with a separator in a text, and where its value begins."""

    text: str
    name: str
    kind: Kind
    close: str
    separator: str
    at: int
    start: int

    @property
    def before(self) -> str:
        return self.text[max(0, self.at - 20) : self.at]


class Span(NamedTuple):
    """Where the value of a field begins and ends."""

    start: int
    end: int


def hide_assignments(text: str) -> str:
    """Replace the value beside every secret's name by the marker."""
    parts: list[str] = []
    copied = position = 0
    while found := _ASSIGNMENT.search(text, position):
        position = found.end("close") + 1
        span = _secret_beside(text, found)
        if span is None:
            continue
        start, end = span
        if text.startswith(MARKER, start):
            end = start + len(MARKER)
        else:
            parts += (text[copied:start], MARKER)
            copied = end
        position = max(end, position)
    return "".join((*parts, text[copied:]))


def _secret_beside(text: str, found: re.Match[str]) -> Span | None:
    name, at, separator = found["name"], found.start(), found["separator"].translate(_ASCII)
    before = ""
    if name.lower() in NEED_WORD_BEFORE and (word := _WORD_BEFORE.search(text, max(0, at - 20), at)):
        before = word[1]
    kind = kind_of(name, before)
    if kind is Kind.HARMLESS or (name == "secret" and separator == ":" == text[at - 1 : at]):
        return None  # the latter is a resource's name: arn:aws:secretsmanager:...:secret:prod/db
    if text.startswith(MARKER, found.end()):
        return Span(found.end(), found.end() + len(MARKER))
    field = Field(text, name, kind, found["close"], separator, at, found.end())
    if quote := _OPENING_QUOTE.match(text, field.start):
        return _read_quoted(field, quote)
    if container := _CONTAINER.match(text, field.start):
        return _read_container(field, container)
    if text.startswith(("[", "(", "{"), field.start) and not _begins_with_bracket(field):
        return None
    return _read_bare(field)


def _begins_with_bracket(field: Field) -> bool:
    """Whether a bracket is the first character of a password, and opens no list that goes on elsewhere."""
    opens_list = _OPENING_BRACKET.match(field.text, field.start) is not None
    return field.kind is Kind.SECRET and field.separator == "=" and not opens_list


def _read_quoted(field: Field, quote: re.Match[str]) -> Span | None:
    """``"x"``, ``b'x'``, ``SecretStr("x")``, also in JSON that is quoted itself; leaves ``getenv("DB_PASSWORD")``."""
    text = field.text
    if field.before.endswith(quote["quote"]) and not field.close:
        return None  # the quote closes the one before the name, as in: expected 'password=' at the end
    if _END_OF_LITERAL.match(text, field.start):
        return None  # "bad password: " + password, ("bad password: ", password)
    span = Span(quote.end(), _closing_quote(text, quote.end(), quote["quote"], len(quote["escape"])))
    value = text[span.start : min(span.end, span.start + LONGEST_JUDGED + 1)]
    if quote["call"]:
        word = value.rstrip(": ")
        if field.kind is Kind.MAYBE or (word.isidentifier() and kind_of(word) is not Kind.HARMLESS):
            return None
    return span if is_secret(Value(value, field.name, field.kind, field.separator)) else None


def _read_container(field: Field, container: re.Match[str]) -> Span | None:
    """``['x', 'y']``, ``{'db': 'x'}``: a list as a whole, a mapping only if its name says what all its values are."""
    is_mapping = container[0].startswith("{")
    if is_mapping and not (field.kind is Kind.SECRET or field.name.lower().endswith("s")):
        return None  # {'auth': {'user': ...}}: the names in it say more
    values = [found["value"].strip("b\"'") for found in _ENTRY_VALUE.finditer(container["items"])]
    judged = [Value(value, field.name, field.kind, "=" if is_mapping else "") for value in values if value != MARKER]
    if any(map(is_sentence, values)) or not any(map(is_secret, judged)):
        return None
    start, end = container.span("items")
    quote = 0 if is_mapping else 1 + container["items"].startswith("b")
    return Span(start + quote, end - (quote > 0))


def _read_bare(field: Field) -> Span | None:
    """``password=x, host=db``: up to what can only be the next thing, without the brackets and stops around it."""
    text, start = field.text, field.start
    found = _YAML_BLOCK.match(text, start) or _BARE.match(text, start)
    assert found is not None  # the last pattern matches the empty text, too
    bare = found["value"].rstrip(".:,\\")
    if not any(opener in bare for opener in "([{<"):
        bare = bare.rstrip(")]}>.,:")
    start, end = found.start("value"), found.start("value") + len(bare)
    after = text[end : end + 100].partition("\n")[0]
    value = Value(bare, field.name, field.kind, field.separator, quoted=False, before=field.before, after=after)
    return Span(start, end) if is_secret(value) else None


def _closing_quote(text: str, start: int, quote: str, escapes: int) -> int:
    """Find the end of a quoted value: its closing quote, else the end of the line.

    ``escapes`` is the number of backslashes before the opening quote, as in JSON that is quoted inside other text.
    """
    position = start
    while (at := text.find(quote, position)) >= 0 and text.find("\n", position, at) < 0:
        backslashes = at - position - len(text[position:at].rstrip("\\"))
        position = at + len(quote)
        if backslashes > escapes if escapes else backslashes % 2:
            continue
        if not escapes and text.startswith(quote, position):
            position += len(quote)  # a doubled quote stands for one
            continue
        return at - backslashes if escapes else at
    end_of_line = text.find("\n", position)
    return end_of_line if end_of_line >= 0 else len(text)


ASSIGNMENTS: Final = Rule(("",), hide_assignments)
