"""Finds the values beside a secret's name: ``password=x``, ``"api_key": "x"``, ``Authorization: Bearer x``.

One pattern finds every name with a separator. What the name says decides whether its value matters, and the value is
then read by the rules of its surroundings: quoted, a parameter of a URL, a connection string, a header, a list. A
pattern alone can't do that, since where a value ends depends on what stands before it.
"""

from __future__ import annotations

import re
from typing import Final, final

from resilience._secrets.names import NEED_WORD_BEFORE, Kind, kind_of
from resilience._secrets.patterns import MARKER, Lazy
from resilience._secrets.values import (
    is_code,
    is_complaint,
    is_count,
    is_placeholder,
    is_plain,
    is_prose,
    is_reason,
    is_sentence,
    looks_random,
)

_Span = tuple[int, int]

# A longer value is taken for a secret unseen: to judge it, and all that begins inside it, could cost quadratic time.
_LONGEST_JUDGED: Final = 300

_ASSIGNMENT: Final = Lazy(
    r"""
    (?<![\w.$-])(?P<name>[\w.$-]++)
    (?P<close>(?:\\*+["'`]|\]|\)|%5[Dd])?+)
    (?P<sep>
        [ \t]*+:[ \t]*+[A-Za-z_][\w.|\[\]]{0,40}+(?:[ ]\|[ ]\w{1,20}+)?[ \t]*+=[ \t]*+(?=[bru]?["']) # name: str = ""
      | [ \t]*+(?:(?:is|was)[ \t]*+(?=:))?(?:=>(?=[\s"'\[{])|->|:=|={1,3}|!=|:(?!:)|%3[Dd])[ \t]*+
      | ,[ \t]*+(?=b?["'])  # ("name", "...")
    )
    """,
    re.VERBOSE,
)
_WORD_BEFORE: Final = Lazy(r"([A-Za-z0-9]+)[ ]$")

_OPENING_QUOTE: Final = Lazy(r"(?P<call>[A-Za-z_][\w.]{0,40}\()?[bBuUrRfF]{0,2}(?P<escape>\\*+)(?P<quote>[\"'`])")
_ITEM: Final = r"""b?(?:'(?:[^'\\\n]|\\.){0,200}+'|"(?:[^"\\\n]|\\.){0,200}+")"""
_LIST: Final = Lazy(rf"[\[({{][ \t]*+b?(?P<items>(?P<first>{_ITEM})(?:,[ \t]*+{_ITEM}){{0,10}}+),?[ \t]*+[\])}}]")
_SIMPLE: Final = rf"(?:{_ITEM}|[\w.+-]{{1,200}}+)"
_MAPPING: Final = Lazy(
    rf"\{{[ \t]*+(?P<items>{_ITEM}:[ \t]*+{_SIMPLE}(?:,[ \t]*+{_ITEM}:[ \t]*+{_SIMPLE}){{0,10}}+),?[ \t]*+\}}"
)
_MAPPED: Final = Lazy(rf"{_ITEM}:[ \t]*+(?P<value>{_SIMPLE})")
# ('bad password:', 'hunter2'): the arguments of an exception, of which the first ends in the name.
_FIRST_ARGUMENT: Final = Lazy(r"""\([bru]?(?:'[^'"\n]{0,60}|"[^'"\n]{0,60})$""")
_NEXT_ARGUMENT: Final = Lazy(r"""["'],[ \t]*+(?=[bru]?["'])""")
_OPTION_END: Final = Lazy(r"""[^"'\n]{1,200}+(?=["'](?:[,\]]|$))""")
_CONCATENATION: Final = Lazy(r"""["'][ \t]++[+%][ \t]++[A-Za-z_(]""")
_AWAITED: Final = Lazy(r"[ ][a-z_][\w.]{0,80}+\(")
_NAME: Final = Lazy(r"[a-z_]++(?:\.[a-z_]++)*+")
_TEST_BEFORE: Final = Lazy(r"(?:^|\s)(?:if|elif|assert|while|and|or|not|return)[ ]$")
_NO_CONTAINER: Final = Lazy(r"[\[({](?![\s\"'\[({\])}]|b[\"']|\d+,|[^;}]{1,200}\}(?:;|$))")
_BRACED: Final = Lazy(r"\{(?P<value>(?:[^}\n]|\}\}){1,200}+)\}(?=[;\"'\s]|$)")
_ROW: Final = Lazy(r"\((?P<value>[^()\n]++)\)")
_YAML_BLOCK: Final = Lazy(r"[|>][+-]?[ \t]*+\n[ \t]++(?P<value>\S++)")
_QUERY_VALUE: Final = Lazy(r"[^\s&#\"'`<>\\]*+")
_CONNECTION_VALUE: Final = Lazy(r"(?:[^;\n\"']|;(?=[^;=\s\"']{1,64};)){1,128}+(?=;|(?<!\s)[\"'](?:[\s,)\]}]|$))")
_BARE: Final = Lazy(
    r"""(?:[^\s"'`&;,\\]|\\[ ]?|["'`](?![\s,:;)}\]>]|$)|[&;,](?![\s&]|$|["'`]|[\w.%$-]*+["']?[=:]))*+""",
    re.VERBOSE,
)
_COOKIES: Final = Lazy(r"[^\s;=\"',]++=[^\s;\"']*+(?:;[ \t]*+[^\s;=\"',]++(?:=[^\s;\"']*+)?)*+")
_SCHEME: Final = Lazy(
    r"""["']?(?:bearer|basic|digest|token|api-?key|bot|negotiate|ntlm|oauth|geniekey|key|aws4-hmac-sha256|aws|hawk|hmac|mac
    |dpop|ssws|splunk|sharedkey(?:lite)?|sharedaccesssignature|snowflake|jwt|session|vapid|client|secret|user)
    (?:(?::?[ \t]++|%20|\+)["']?|[=:])""",
    re.VERBOSE | re.IGNORECASE,
)
_PARAMETERS: Final = Lazy(
    r"""[\w.-]++=(?:"[^"\n]*+"|[^\s,"]++)(?:[ \t]*+,[ \t]*+[\w.-]++=(?:"[^"\n]*+"|[^\s,"]++))*+""", re.VERBOSE
)
_CREDENTIALS: Final = Lazy(r"[^\s\"'`,;<>\\]++")
_SECOND_WORD: Final = Lazy(r"[ \t]++(?P<value>[^\s\"'`,;<>\\]++)")
_RIGHTS: Final = frozenset(("read", "write", "admin"))  # scopes: token:read
_FOLLOWING_WORDS: Final = Lazy(r"(?:[ \t]++[\w'-]++){1,6}+")


def hide_assignments(text: str) -> str:
    """Replace the value beside every secret's name by the marker."""
    parts: list[str] = []
    copied = position = 0
    search = _ASSIGNMENT.compiled.search
    while found := search(text, position):
        position = found.end("close") + 1
        span = _secret_beside(text, found)
        if span is None:
            continue
        start, end = span
        if text[start:end] != MARKER:
            parts += (text[copied:start], MARKER)
            copied = end
        position = max(end, position)
    return "".join((*parts, text[copied:])) if parts else text


def _secret_beside(text: str, found: re.Match[str]) -> _Span | None:
    name, at, start = found["name"], found.start(), found.end()
    before = ""
    if name.lower() in NEED_WORD_BEFORE and (word := _WORD_BEFORE.compiled.search(text, max(0, at - 20), at)):
        before = word[1]
    kind = kind_of(name, before)
    if kind is Kind.HARMLESS:
        return None
    in_query = text[at - 1 : at] in ("?", "&") or text[max(0, at - 5) : at] == "&amp;"
    if kind in (Kind.QUERY, Kind.QUERY_MAYBE):
        if not in_query:
            return None
        kind = Kind.SECRET if kind is Kind.QUERY else Kind.MAYBE
    if found["sep"].startswith(",") and not _is_pair(text, at, name, kind):
        return None
    if name == "secret" and found["sep"] == ":" == text[at - 1 : at]:
        return None  # a resource's name, as in arn:aws:secretsmanager:...:secret:prod/db
    if text.startswith(MARKER, start):
        return start, start + len(MARKER)
    return _Value(text, found, kind, in_query=in_query).secret()


def _is_pair(text: str, at: int, name: str, kind: Kind) -> bool:
    """Whether a comma after a quoted name joins it to a value: a tuple of two, or a list of command line arguments."""
    opening = text[max(0, at - 3) : at].rstrip("b\"'")
    return name.startswith("--") or kind is Kind.AUTHORIZATION or opening.endswith("(")


@final
class _Value:
    """The text after a name and its separator, to be read as the value of that name."""

    def __init__(self, text: str, found: re.Match[str], kind: Kind, *, in_query: bool) -> None:
        self.text, self.kind, self.in_query = text, kind, in_query
        self.name: str = found["name"]
        self.close: str = found["close"]
        self.separator: str = found["sep"]
        self.at, self.start = found.start(), found.end()
        self.before: str = text[max(0, found.start() - 3) : found.start()]

    def secret(self) -> _Span | None:
        """Where the secret begins and ends; None when the value is none."""
        text, start = self.text, self.start
        if self.close == ")":  # Key (token)=(...) already exists
            row = _ROW.compiled.match(text, start)
            return row.span("value") if row else None
        if quote := self._next_argument() or _OPENING_QUOTE.compiled.match(text, start):
            return self._in_quotes(quote)
        if length := self._length_in_list():
            return self._judged(start, start + length, quoted=True)
        if self.in_query:
            return self._judged(start, start + _QUERY_VALUE.length(text, start))
        if self._in_connection_string:
            if braced := _BRACED.compiled.match(text, start):
                return braced.span("value")
            if length := _CONNECTION_VALUE.length(text, start):
                return self._judged(start, start + length)
        if text[start : start + 1] in ("[", "(", "{") and not self._is_no_container():
            return self._in_container()
        if self.kind is Kind.AUTHORIZATION:
            return self._credentials()
        if self.kind is Kind.COOKIE and (cookies := _COOKIES.compiled.match(text, start)):
            return cookies.span()
        if block := _YAML_BLOCK.compiled.match(text, start):
            return block.span("value")
        return self._judged(start, start + _BARE.length(text, start))

    def _length_in_list(self) -> int:
        """How long the value of an option is in the repr of an argument list: ``['tool', '--password=a b']``."""
        in_list = self.separator == "=" and self.name.startswith("--") and self.before.endswith(("'", '"'))
        return _OPTION_END.length(self.text, self.start) if in_list else 0

    def _next_argument(self) -> re.Match[str] | None:
        """The opening quote of the argument behind the one that ends in the name."""
        text, start, at = self.text, self.start, self.at
        following = _NEXT_ARGUMENT.compiled.match(text, start) if self.separator in (":", ": ") else None
        if following is None or not _FIRST_ARGUMENT.compiled.search(text, max(0, at - 64), at):
            return None
        return _OPENING_QUOTE.compiled.match(text, following.end())

    def _in_quotes(self, quote: re.Match[str]) -> _Span | None:
        text, start, mark = self.text, quote.end(), quote["quote"]
        is_argument = quote.start() != self.start
        if not is_argument and self.before.endswith(mark) and not self.close:
            return None  # the quote closes the one before the name, as in: expected 'password=' at the end
        if _CONCATENATION.compiled.match(text, self.start):
            return None  # it ends a literal: "bad password: " + password
        end = _closing_quote(text, start, mark, len(quote["escape"]))
        if end - start > _LONGEST_JUDGED:
            return start, end
        value = text[start:end]
        word = value.rstrip(": ")
        named = word.isidentifier() and kind_of(word) is not Kind.HARMLESS
        if (
            is_sentence(value)
            or (is_argument and is_complaint(value))
            or (quote["call"] and (named or self.kind is Kind.MAYBE))
        ):
            return None  # the latter: os.getenv("DB_PASSWORD") names the secret, it does not hold it
        if self.kind is Kind.AUTHORIZATION:
            scheme = _SCHEME.compiled.match(text, start, end)
            if scheme and scheme.end() == end and text[end - 1] == " ":
                return None  # "Bearer " + token
            start = scheme.end() if scheme and scheme.end() < end else start
        return self._judged(start, end, quoted=True)

    def _in_container(self) -> _Span | None:
        text, start = self.text, self.start
        braced = _BRACED.compiled.match(text, start)
        if braced and text.startswith(";", braced.end()):
            return braced.span("value")  # the first value of a connection string
        if mapping := _MAPPING.compiled.match(text, start):
            return mapping.span("items") if self._is_mapped(mapping["items"]) else None
        items = _LIST.compiled.match(text, start)
        if items is None or is_sentence(items["first"][1:-1]) or is_complaint(items["first"][1:-1]):
            return None
        if self.kind is Kind.MAYBE and not self._is_likely(items["first"][1:-1], in_prose=False):
            return None
        first = items.start("items") + 1
        scheme = _SCHEME.compiled.match(text, first) if self.kind is Kind.AUTHORIZATION else None
        return (scheme.end() if scheme else first), items.end("items") - 1

    def _is_mapped(self, items: str) -> bool:
        """Whether a mapping holds secrets: the one of ``secrets`` does, the one of ``auth`` has names that say more."""
        if self.kind is not Kind.SECRET and not self.name.lower().endswith("s"):
            return False
        values = [found["value"].strip("b\"'") for found in _MAPPED.compiled.finditer(items)]
        if any(map(is_sentence, values)):
            return False
        return any(
            looks_random(value, 6)
            or (
                self.kind is Kind.SECRET
                and not (is_placeholder(value) or is_plain(value) or is_count(value, "") or is_complaint(value))
            )
            for value in values
            if value != MARKER
        )

    def _credentials(self) -> _Span | None:
        text, start = self.text, self.start
        scheme = _SCHEME.compiled.match(text, start)
        if scheme:
            start = scheme.end()
            if parameters := _PARAMETERS.compiled.match(text, start):
                return parameters.span()
        end = start + _CREDENTIALS.length(text, start)
        value = text[start : min(end, start + _LONGEST_JUDGED)]
        second = None if scheme else _SECOND_WORD.compiled.match(text, end)
        if second and not looks_random(value) and looks_random(second["value"]):
            return second.span("value")
        if is_prose(value) or (second and is_plain(value)):
            return None
        if scheme and value.lower().strip(".:") in ("token", "tokens", "auth", "scheme", "realm"):
            return None
        return self._judged(start, end, prose=scheme is None)

    def _judged(self, start: int, end: int, *, quoted: bool = False, prose: bool = True) -> _Span | None:
        """The span itself if it holds a secret; ``prose`` says whether it may be the beginning of a sentence."""
        if not quoted:
            end = _without_closers(self.text, start, end)
        if end - start > _LONGEST_JUDGED:
            return start, end
        value = self.text[start:end]
        if value.startswith(MARKER):
            return start, start + len(MARKER)
        spaced = self.separator.endswith((" ", "\t"))
        in_prose = prose and spaced and not quoted and ":" in self.separator
        harmless = (
            is_placeholder(value, self.name)
            or is_count(value, self.name)
            or (not quoted and (is_code(value, spaced=spaced) or self._is_source(value, end)))
            or (in_prose and (is_prose(value) or self._starts_sentence(value, end) or is_reason(self.text, start)))
            or (self.separator == ":" and value in _RIGHTS)
            or (self.separator.startswith(",") and value.startswith("--"))
            or (value.startswith("/") and self.name.lower() in ("pwd", "oldpwd") and not self._in_connection_string)
        )
        return None if harmless or not self._is_likely(value, in_prose=in_prose) else (start, end)

    def _is_source(self, value: str, end: int) -> bool:
        """Whether a line of Python goes on: ``token = await self.refresh()``, ``if password == expected:``."""
        if value == "await":
            return _AWAITED.compiled.match(self.text, end) is not None
        compared = self.separator.strip() in ("==", "!=") and _NAME.fits(value)
        return compared and _TEST_BEFORE.compiled.search(self.text, max(0, self.at - 20), self.at) is not None

    def _is_likely(self, value: str, *, in_prose: bool) -> bool:
        """Whether the value is a secret if the name alone does not say so."""
        if self.kind is Kind.COOKIE:
            return not in_prose or looks_random(value)
        if self.kind is not Kind.MAYBE:
            return True
        name = self.name.lower()
        if value.isdigit():
            return name.endswith(("pin", "code")) and 4 <= len(value) <= 12
        if name.endswith(("pass", "passwords", "secrets")):
            return not in_prose or (self.name.isupper() and "_" in name)
        return looks_random(value, 6 if self.in_query else 8) or (self.in_query and len(value) >= 16)

    def _starts_sentence(self, value: str, end: int) -> bool:
        """Whether a plain word after ``name: `` is followed by more words, some of which only sentences have."""
        if not is_plain(value):
            return False
        following = _FOLLOWING_WORDS.compiled.match(self.text, end)
        return following is not None and any(map(is_prose, following[0].split()))

    def _is_no_container(self) -> bool:
        """Whether the bracket begins a secret and no list, tuple or mapping, as in ``password=(x7``."""
        likely = self.kind is Kind.SECRET and self.separator == "="
        return likely and _NO_CONTAINER.compiled.match(self.text, self.start) is not None

    @property
    def _in_connection_string(self) -> bool:
        return self.before.rstrip(" ").endswith(";") and self.separator.strip() == "="


def _without_closers(text: str, start: int, end: int) -> int:
    """Leave the brackets, full stops and backslashes of the surroundings out of a value that no quotes delimit."""
    value = text[start:end].rstrip(".:,\\")
    if not any(opener in value for opener in "([{<"):
        value = value.rstrip(")]}>.,:")
    return start + len(value)


def _closing_quote(text: str, start: int, quote: str, escapes: int) -> int:
    """Find the end of a quoted value: its closing quote, else the end of the line.

    ``escapes`` is the number of backslashes before the opening quote, as in JSON that is quoted inside other text.
    """
    position = start
    while (at := text.find(quote, position)) >= 0 and text.find("\n", position, at) < 0:
        backslashes = at - position - len(text[position:at].rstrip("\\"))
        position = at + 1
        if backslashes > escapes if escapes else backslashes % 2:
            continue
        if not escapes and text.startswith(quote, position):
            position += 1  # a doubled quote stands for one
            continue
        return at - backslashes if escapes else at
    end_of_line = text.find("\n", position)
    return end_of_line if end_of_line >= 0 else len(text)
