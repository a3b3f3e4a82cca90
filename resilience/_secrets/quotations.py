"""Secrets that errors quote out of their place: half of a URL, the value of a header, a row of a table."""

from __future__ import annotations

import re
from typing import Final

from resilience._secrets.names import Kind, kind_of
from resilience._secrets.patterns import Lazy, Shape
from resilience._secrets.values import is_placeholder, is_plain, looks_random

_QUOTED: Final = r"""[bru]?(?:'(?:[^'\\\n]|\\.|''){1,200}+'|"(?:[^"\\\n]|\\.|""){1,200}+")"""
_COLUMN: Final = Lazy(r"[\w.-]++")
_INNERMOST: Final = rf"\((?:{_QUOTED}|[^'\"()\n]){{0,200}}+\)"
_CALL: Final = rf"\((?:{_QUOTED}|[^'\"()\n]|{_INNERMOST}){{0,200}}+\)"
_CELL: Final = rf"(?:{_QUOTED}|[^'\"()\n]|{_CALL}|['\"][^'\"\n]{{0,200}}+(?=\n|$))"

_KEYS: Final = ("api", "access", "secret", "auth", "license", "private", "encryption", "signing", "master", "deploy")
_TOKENS: Final = ("invalid", "expired", "bad", "wrong", "revoked", "rejected", "access", "auth", "refresh", "api")


def _is_no_port(found: re.Match[str]) -> bool:
    """Whether what stands in the place of a port can only be the rest of a password."""
    secret = found["secret"].strip("\"'")
    return not (secret.isdigit() or is_placeholder(secret) or "port" in secret.lower())


def _is_odd_port(found: re.Match[str]) -> bool:
    return _is_no_port(found) and looks_random(found["secret"], 5)


def _is_no_user(found: re.Match[str]) -> bool:
    secret = found["secret"]
    return not (is_placeholder(secret) or is_plain(secret))


def _is_in_secret_column(found: re.Match[str]) -> bool:
    kinds = map(kind_of, _COLUMN.compiled.findall(found["columns"]))
    holds_literal = "'" in found["secret"] or '"' in found["secret"]
    return holds_literal and any(kind in (Kind.SECRET, Kind.MAYBE) for kind in kinds)


def _is_key(found: re.Match[str]) -> bool:
    return kind_of(found["name"]) is Kind.SECRET


def _is_named(found: re.Match[str]) -> bool:
    kind, secret = kind_of(found["name"]), found["secret"]
    if kind is Kind.MAYBE:
        return looks_random(secret)
    return kind in (Kind.SECRET, Kind.AUTHORIZATION, Kind.COOKIE) and not is_placeholder(secret, found["name"])


QUOTATIONS: Final = (
    # A token that was read from a file with its newline is the usual header that no client takes.
    Shape(
        ("header value",),
        r"""header[ ]value:?[ ]b?(?P<mark>["'])(?P<secret>(?:(?!(?P=mark))[^\\\n]|\\(?![rn])[^\n]){1,500}+)""",
        re.VERBOSE | re.IGNORECASE,
    ),
    Shape(
        ("integer value as", "invalid port", "numeric port", "bad port", "illegal port"),
        rf"""(?:port[ ]could[ ]not[ ]be[ ]cast[ ]to[ ]integer[ ]value[ ]as
        |\b(?:invalid|non-?numeric|bad|illegal)[ ]port(?:[ ](?:number|value))?:?)[ ]:?(?P<secret>{_QUOTED})""",
        re.VERBOSE | re.IGNORECASE,
        _is_no_port,
    ),
    Shape(
        ('option "port"',),
        rf"invalid integer value (?P<secret>{_QUOTED}) for connection option \"port\"",
        judge=_is_no_port,
    ),
    Shape(
        ("failed to parse: ",),
        r"""(?i:failed[ ]to[ ]parse:)[ ]["']?(?:https?://)?[^\s"':/@]{0,64}+:(?P<secret>[^\s"'/\[]{1,128}+)""",
        re.VERBOSE,
        _is_odd_port,
    ),
    # No host holds an "@": what precedes it is what a raw password left over.
    Shape(
        ("resolve host", "host name", "getaddrinfo"),
        r"""(?:resolve[ ]host(?:[ ]?name)?|translate[ ]host[ ]name|getaddrinfo(?:[ ]\w{1,20})?):?[ ]["']?
        (?:[^\s"':@/]{1,64}+:)?(?P<secret>[^\s"':]{1,128}(?<!\[redacted\]))@(?=[\w\[])""",
        re.VERBOSE | re.IGNORECASE,
    ),
    Shape(
        ("connecting to ", "connect to "),
        r"""\bconnect(?:ing)?[ ]to[ ]["']?(?P<secret>[^\s"':/]{1,128}(?<!\[redacted\]))@(?=[\w\[][\w.-]*(?::\d|\.))""",
        re.IGNORECASE,
        _is_no_user,
    ),
    Shape(
        ("insert into", "replace into"),
        rf"""(?:INSERT|REPLACE)\s+INTO\s+[^\s(]{{1,200}}\s*\((?P<columns>[^()\n]{{1,1000}}+)\)\s*VALUES\s*\(
        (?P<secret>{_CELL}{{1,2000}}+(?:\)\s{{0,4}},\s{{0,4}}\({_CELL}{{1,2000}}+){{0,20}}+)""",
        re.VERBOSE | re.IGNORECASE,
        _is_in_secret_column,
    ),
    Shape(
        ("duplicate entry",),
        rf"(?i:duplicate entry) (?P<secret>{_QUOTED}) for key [\"'`](?P<name>[\w.-]++)",
        judge=_is_key,
    ),
    Shape(
        ("set password",),
        rf"""\bSET[ ]PASSWORD(?:[ ]FOR[ ][^\n=]{{1,100}}+)?[ ]?=[ ]?
        (?:(?:OLD_)?PASSWORD[ ]?\([ ]?)?(?P<secret>{_QUOTED})""",
        re.VERBOSE | re.IGNORECASE,
    ),
    Shape(
        ("form-data",),  # a part of a form, also in the repr of its bytes
        r"""name="(?P<name>[\w.-]{1,80}+)"(?:\r?\n|\\r\\n){2}(?P<secret>[^\r\n\\]++)""",
        judge=_is_named,
    ),
    Shape(("<![cdata[",), r"<(?P<name>[\w:.-]++)[^<>]{0,200}><!\[CDATA\[(?P<secret>[^\]<>]++)\]", judge=_is_named),
    Shape(
        ("key provided",),
        r"(?i:key provided: )(?P<secret>[\w.~+/=*-]{8,}+)",
        judge=lambda found: looks_random(found["secret"].rstrip("."), 8),
    ),
    # JSON in HTML or in a URL.
    Shape(
        ("&quot;", "&#34;", "&#39;", "&#x27;", "%22"),
        r"""(?P<quote>&quot;|&\#34;|&\#39;|&\#x27;|%22)(?P<name>[\w.-]{1,80}+)(?P=quote)(?:[ ]|%20|\+){0,4}+
        (?::|%3A)(?:[ ]|%20|\+){0,4}+(?P=quote)(?P<secret>(?:(?!(?P=quote))[^\n]){1,300}+)""",
        re.VERBOSE | re.IGNORECASE,
        _is_named,
    ),
    Shape(
        tuple(f"{kind} key " for kind in _KEYS),  # The API key abc123 has expired
        rf"""\b(?:{"|".join(_KEYS)})[ ]key[ ]
        (?P<secret>(?P<mark>["'`])[\w.~+/=:-]{{8,}}+(?P=mark)|[\w~+=-]{{8,}}+(?!\.?[\w/]))""",
        re.VERBOSE | re.IGNORECASE,
        lambda found: looks_random(found["secret"].strip("\"'`"), 8),
    ),
    Shape(
        tuple(f"{kind}{gap}token " for kind in _TOKENS for gap in " _"),
        rf"""\b(?:{"|".join(_TOKENS)})[ _]token[ ]
        (?P<secret>(?P<mark>["'`])[\w.~+/=:-]{{8,}}+(?P=mark))""",
        re.VERBOSE | re.IGNORECASE,
        lambda found: looks_random(found["secret"].strip("\"'`"), 8),
    ),
)
