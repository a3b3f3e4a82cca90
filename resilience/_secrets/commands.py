"""Secrets that are known by their place in a command line, a statement, a call or markup."""

from __future__ import annotations

import re
from typing import Final

from resilience._secrets.names import Kind, kind_of
from resilience._secrets.patterns import Lazy, Shape
from resilience._secrets.values import is_placeholder, is_plain, is_prose, looks_random

_QUOTED: Final = r"""[bru]?(?:'(?:[^'\\\n]|\\.|''){1,200}+'|"(?:[^"\\\n]|\\.|""){1,200}+")"""
_ARGUMENT: Final = r"""(?:"[^"\n]{1,200}"|'(?:[^'\n]|''){1,200}+'|[^\s"']++)"""
# What parts an option from its value, also in the repr of an argument list; and what stands before an option.
_GAP: Final = r"""(?:[ \t]+|["'],[ \t]*["'])"""
_START: Final = r"""(?<=[\s"'])"""
_SQL_TYPE: Final = Lazy(
    r"(?:n?(?:var)?char2?|(?:var)?binary|character|varying|bit|int|integer|decimal|numeric|raw)\(\d+\)[,;)]*",
    re.IGNORECASE,
)
_SECRET_COLUMN: Final = Lazy("pass|pwd|secret|token|api_?key|credential|private_?key", re.IGNORECASE)


def _is_value(found: re.Match[str]) -> bool:
    secret = found["secret"].strip("\"'")
    return not (is_placeholder(secret) or is_prose(secret) or secret.startswith("-"))


def _is_no_port(found: re.Match[str]) -> bool:
    return _is_value(found) and not found["secret"].strip("\"'/tcpud").replace(":", "").isdigit()


def _is_random(found: re.Match[str]) -> bool:
    return looks_random(found["secret"], 6)


def _is_stated(found: re.Match[str]) -> bool:
    return _is_value(found) and (found["verb"] == ":" or looks_random(found["secret"], 6))


def _is_named(found: re.Match[str]) -> bool:
    kind, secret = kind_of(found["name"]), found["secret"].strip("\"'")
    if kind is Kind.MAYBE:
        return looks_random(secret)
    return kind in (Kind.SECRET, Kind.AUTHORIZATION, Kind.COOKIE) and not is_placeholder(secret, found["name"])


def _is_spaced(found: re.Match[str]) -> bool:
    """Whether ``name value`` holds a secret: after an option always, in prose only if the value looks like one."""
    name, secret = found["name"].lower(), found["secret"].strip("\"'")
    kind = kind_of(found["name"])
    is_option = name.startswith("-") and (name.startswith("--") or name.endswith("pass"))
    if not (kind is Kind.SECRET or (kind is Kind.MAYBE and is_option and name.endswith("pass"))) or not _is_value(
        found
    ):
        return False
    if secret.strip("[]").lower() == name.lstrip("-") or _SQL_TYPE.fits(found["secret"]):
        return False  # usage: app [--token TOKEN]; and a column's type
    quoted = found["secret"] != secret
    password = name.endswith(("password", "passwd", "passphrase", "pwd"))
    if is_option or (quoted and password) or name in ("requirepass", "masterauth"):
        return True
    if name == "secret" and found["verb"] is None:
        return quoted and found["name"] == "SECRET"  # a statement of SQL; Kubernetes writes: secret "name" not found
    if password or found["verb"]:
        return looks_random(secret, 6)
    return looks_random(secret, 8 if "_" in name else 16)


def _is_for_secret_column(found: re.Match[str]) -> bool:
    start = found.start()
    return _SECRET_COLUMN.compiled.search(found.string, max(0, start - 2_000), start) is not None


_LINES: Final = (
    Shape(
        ("curl", "wget", "http", "--user", "--auth"),
        rf"""{_START}(?:-u|--user|--auth|--proxy-user|-U)(?:=|{_GAP})["']?[^\s:"'@/]{{1,64}}:(?P<secret>[^\s"']+)""",
        judge=_is_no_port,
    ),
    Shape(
        ("mysql", "mariadb"),
        rf"""(?:mysql(?:dump|admin|import|show|check)?|mariadb(?:-dump)?)["']?[\s,][^\n]{{0,200}}?
        {_START}-p(?P<secret>(?!ort\b|roto)[^\s"',]+)""",
        re.VERBOSE,
        _is_no_port,
    ),
    Shape(
        ("sshpass", "login", "mongo", "helm", "cqlsh", "pscp", "plink"),
        rf"{_START}-(?:p|pw){_GAP}(?P<secret>{_ARGUMENT})",
        judge=_is_no_port,
    ),
    Shape(("sshpass",), rf"{_START}-p(?P<secret>[^\s\"']+)", judge=_is_no_port),
    Shape(("redis-cli",), rf"{_START}(?:-a|--pass){_GAP}(?P<secret>{_ARGUMENT})"),
    Shape(("ldap",), rf"{_START}-w{_GAP}(?P<secret>{_ARGUMENT})", judge=_is_value),
    Shape(("sqlcmd", "bcp", "osql", "tsql", "zip"), rf"{_START}-P(?:{_GAP})?(?P<secret>{_ARGUMENT})", judge=_is_value),
    Shape(("smbclient", "cifs", "rpcclient"), rf"{_START}-U{_GAP}?[\"']?[^\s%\"']+%(?P<secret>[^\s\"']+)"),
    Shape(
        ("rabbitmqctl",),
        rf"(?:add_user|change_password){_GAP}[^\s\"']+{_GAP}(?P<secret>{_ARGUMENT})",
        judge=_is_value,
    ),
    Shape(
        ("password-stdin", "sudo -s"),
        rf"\becho[ \t]+(?:-n[ \t]+)?(?P<secret>{_ARGUMENT})[ \t]*\|[^\n]{{0,200}}?(?:password-stdin|sudo -S)",
    ),
)

_STATEMENTS: Final = (
    Shape(("identified",), rf"(?i:identified (?:with \S+ )?(?:by|as) (?:password )?)(?P<secret>{_QUOTED})"),
    Shape(
        ("identified",),
        r"IDENTIFIED (?:WITH \S+ )?BY (?:PASSWORD )?(?P<secret>[^\s\"';,]+)",
        judge=_is_value,
    ),
    Shape(
        ("machine ", "default "),  # .netrc
        rf"\b(?:machine\s+\S+|default)\s+(?:login\s+\S+\s+)?(?:account\s+\S+\s+)?password\s+(?P<secret>{_ARGUMENT})",
        judge=lambda found: "login" in found[0] or not is_plain(found["secret"]),
    ),
    Shape(
        ("auth ", "authenticate "),  # SMTP and IMAP
        r"\bAUTH(?:ENTICATE)? (?:PLAIN|LOGIN|XOAUTH2|CRAM-MD5|OAUTHBEARER) (?P<secret>[A-Za-z0-9+/=]{8,})",
        judge=_is_random,
    ),
    Shape((" login ",), rf"\b(?:[A-Za-z]{{1,5}}\d{{1,6}}|IMAP) LOGIN \S+ (?P<secret>{_ARGUMENT})"),  # IMAP
    Shape(
        ("auth ", "auth'", 'auth"'),  # Redis
        rf"""\bAUTH(?:[ ]|{_GAP})(?:[\w-]+{_GAP}(?=[^\s"',;]{{6}})(?=[^\s"',;]*\d))?["']?(?P<secret>[^\s"',;)]+)""",
        judge=_is_random,
    ),
    Shape(
        ("args beginning with",),
        r"(?:AUTH|HELLO)[`'\"]?,? with args beginning with: (?P<secret>[^\n]{0,300}[`'\"])",
        re.IGNORECASE,
    ),
    Shape(
        ("password for ", "passwd for ", "passphrase for ", "passcode for ", "secret for ", "token for "),
        r"""\b(?:password|passwd|passphrase|passcode|secret|token)[ ]for[ ][^\n:]{1,60}?(?P<verb>:|[ ]is|[ ]was)[ ]
        (?P<secret>\S+)""",
        re.IGNORECASE | re.VERBOSE,
        _is_stated,
    ),
    Shape(
        ("pass", "pwd", "token", "secret", "key", "credential", "masterauth"),
        rf"""(?<![\w.$-])(?=[\w.-]{{0,60}}?(?:pass|pwd|token|secret|key|credential|masterauth))(?P<name>[\w.-]++)
        (?P<verb>[ ](?:is|was|to)(?=[ ]))?(?:[ \t]++|["'][ \t]+(?=["']))(?!-)(?P<secret>{_ARGUMENT})""",
        re.VERBOSE | re.IGNORECASE,
        _is_spaced,
    ),
)

_CALLS_AND_MARKUP: Final = (
    Shape(
        tuple(
            f"{name}{gap}"
            for name in ("login", "authenticate", "auth", "bind_s", "bind", "credentials")
            for gap in ("(", "=(", " = (", ": (", "': (", '": (', "': [", '": [')
        ),
        rf"""\b(?:login|authenticate|\w{{0,30}}auth|\w{{0,30}}credentials|simple_bind(?:_s)?|bind_s)
        ["']?[ \t]*[=:]?[ \t]*[(\[][ \t]*{_QUOTED}[ \t]*,[ \t]*[bru]?(?P<secret>'[^'\n]{{1,200}}'|"[^"\n]{{1,200}}")""",
        re.VERBOSE | re.IGNORECASE,
    ),
    Shape(("</",), r"<(?P<name>[\w:.-]++)(?:\s[^<>]{0,200})?>(?P<secret>[^<>]++)</", judge=_is_named),
    Shape(
        ("value",),  # environments of containers, forms, settings: name="API_KEY" value="..."
        rf"""\b(?:name|key)["']?\s*[:=]\s*["']?(?P<name>[\w.-]++)["']?[\s,;]{{0,40}}
        ["']?value["']?\s*[:=]\s*(?P<secret>{_ARGUMENT})""",
        re.VERBOSE | re.IGNORECASE,
        _is_named,
    ),
    Shape(
        ("input_value",),  # pydantic
        rf"(?m:^)(?P<name>[\w.]++)\n[^\n]*?input_value=(?P<secret>{_QUOTED})",
        judge=_is_named,
    ),
    Shape(
        ("[parameters: ",),  # SQLAlchemy: values without their columns' names
        r"\[parameters: (?P<secret>(?!\[?\{)[^\n]++)",
        judge=_is_for_secret_column,
    ),
    Shape(("<cookie ",), r"<Cookie [^\s=]+=(?P<secret>[^\s>]+)"),
)

COMMANDS: Final = (*_LINES, *_STATEMENTS, *_CALLS_AND_MARKUP)
