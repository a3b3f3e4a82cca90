"""Whether a value is a secret, a placeholder, or just the next word of a sentence."""

from __future__ import annotations

import re
from typing import Final

from resilience._secrets.names import Kind, kind_of
from resilience._secrets.patterns import Lazy

# Words that follow a secret's name in prose.
_PROSE: Final = frozenset(
    "a access all already an and any are argument as at authentication authorization be been but can can't cannot "
    "changed check contains could credentials does doesn't empty enter error exceeded expected expired expires failed "
    "failure field for format found from given had has have header if in incorrect instead insufficient invalid is it "
    "its length lookup malformed match mismatch missing must need needs new no not object of on only option optional "
    "or parameter parse please provide provided received rejected required requires reset revoked should signature "
    "than that the there this to too type unable unauthorized unexpected unknown unset unsupported update used using "
    "validation value verification was were when will with without wrong you your".split()
)
# Constants and types.
_CONSTANTS: Final = frozenset(
    "any array bool boolean bytes dict float int integer list nil none null number object optional secretstr "
    "secretbytes str string undefined union true false yes no on off y n nan".split()
)
_MASKED: Final = frozenset("redacted masked hidden filtered secure removed omitted scrubbed sanitized".split())
_PLACEHOLDER: Final = Lazy(
    r"""
      (?:Secret(?:Str|Bytes))?\(?b?['"]?\*+['"]?\)? | [xX]{3,} | [.…]+ | -+ | [?]
    | <[\w :./-]*+> | \[[A-Za-z_ ]*+(?:\]|…) | \{[\w.]*+\} | \{\{[^{}]*+\}\} | \$\{[^{}]*+\} | \$\([^()]*+\)
    | \$[A-Z_]{2,}+ | \$\d+ | %\(\w++\)s | %[sdr] | :[a-z_]++
    | (?:\w+\.)?(?:Optional|Union|Annotated|Literal|List|Dict|Mapping|Sequence)\[[\w., |\[]*+\]?
    """,
    re.VERBOSE,
)
# A host with parameters behind it: db:1433;user=sa;password=P, jdbc:mysql://db/app?user=app&password=P.
_PARAMETER: Final = Lazy(
    r"(?:(?:\w+:)?[\w+.-]++://)?[\w.\\-]++(?::\d{1,5}+)?(?:/[^?;,\s]*+)?[?;,](?:\S*[?;,&])?(?P<name>[\w.-]{1,64}+)=[^;,&?]*+"
)
_USER: Final = frozenset("user userid username uid login email account".split())
# An expression that gets the secret from elsewhere, as tracebacks show it: self.password, os.environ, user.api_key.
_REFERENCE: Final = Lazy(
    r"(?:self|cls|os|settings|config|cfg|conf|args|kwargs|options|opts|env|request|data|params)\.[A-Za-z_.]++(?:\(\)?)?"
)
_DOTTED: Final = Lazy(r"[a-z_]\w*+(?:\.[a-z_]\w*+)++")
_HEADER: Final = Lazy(r"X(?:-[A-Z][a-z]{2,})++")
_SUBSCRIPT: Final = Lazy(r"[A-Za-z_][\w.]*+(?:\[[\"'][\w.-]{1,60}[\"']?\]?)+")
# A call may go on: response.json()["access_token"], hashlib.sha256(raw).hexdigest(), CharField(max_length=128).
_CALL: Final = Lazy(
    r"""
    [A-Za-z_][\w.]*+ \( (?:
        (?:[A-Za-z_., =]++|(?<=[(= ])\d{1,5}+(?=[,)]))*+
        (?: \) (?:\.[a-z_]\w*+(?:\(\)?+)?+|\[["'][\w.-]{1,60}["']?\]?+)*+ )?+
    )?+
    """,
    re.VERBOSE,
)
_SENTENCE_VERB: Final = Lazy(r"\b(?:is|are|was|has|have|had|must|should|can|cannot|may|not|does|expired|required)\b")
_PLAIN: Final = Lazy(r"[A-Z]?[a-z]+(?:['/-][a-z]+)*+[.,:;=]?|[A-Z]+")
# Why something failed, behind "Failed to fetch token: ".
_REASON: Final = Lazy(
    r"""
      (?i:connection[ ](?:refused|reset|aborted|timed|timeout|error|closed|failed|lost|to|was|is)\b
        | (?:read|write|connect|request|operation|handshake|i/o)[ ](?:timed[ ]out|timeout|error)\b
        | dial[ ](?:tcp|udp|unix)\b | rpc[ ]error\b | context[ ](?:deadline|cancel)
        | (?:http(?:/\d[\d.]{0,4})?[ ]|(?:http[ ])?status[ ](?:code[ ])?)(?:error[ ])?[1-5]\d\d\b
        | (?:line|char|column|retry|attempt|took)[ ]\d | raised[ ][A-Z] | permission[ ]denied | access[ ]denied
        | (?:internal[ ])?server[ ](?:error|disconnected)\b | client[ ]error\b | service[ ]unavailable
        | bad[ ](?:gateway|request) | gateway[ ]timeout | too[ ]many[ ]
        | temporary[ ]failure | network[ ](?:is|error|unreachable)\b | broken[ ]pipe | name[ ]or[ ]service
        | max[ ]retries | remote[ ](?:end|host)[ ] | certificate[ ](?:verify|has|is)\b
        | (?:timeout|timed[ ]out|eof|forbidden|unreachable|unavailable|refused)(?=[:;,.)\]'"]{0,3}(?:\s|$)) )
    | (?:invalid_(?:client|grant|request|scope|token)|unauthorized_client|access_denied|server_error|expired_token
        |E(?:CONN|TIMEDOUT|NOTFOUND|HOSTUN|NETUN|PIPE|AI_)[A-Z_]*+)(?=[:;,.)\]'"]{0,3}(?:\s|$))
    | (?:Get|Post|Put|GET|POST|PUT)[ ]"https?:// | (?:TLS|tls|ssl|SSL)[ ]handshake | SSL:[ ] | peer[ ]closed
    | (?:bad|empty|error|no)[ ]response\b | response[ ](?:status|code) | oauth2:[ ]
    | <urlopen[ ]error | \[(?:Errno|WinError|SSL)\b | x509:[ ] | HTTPS?ConnectionPool\(host=
    | (?:[a-z_]{1,30}+\.){0,6}+(?:[A-Z][a-z]{0,30}+){1,8}
      (?:(?<=Error)|(?<=Exception)|(?<=Timeout)|(?<=Failure)|(?<=NotFound)|(?<=Denied)|(?<=dToken))
      (?=[:;,.)\]'"]{0,3}(?:\s|$)|\((?:\d|\)))
    """,
    re.VERBOSE,
)
_NUMBER: Final = Lazy(r"[+-]?\d+(?:\.\d+)?")
_WELL_KNOWN: Final = Lazy(
    r"sha-?\d+|md5|utf-?\d+|base\d+|bcrypt|argon2\w*|pbkdf2\w*|oauth-?\d|http\d?|x509|rfc-?\d+|ipv[46]|v\d[\w.]*"
    r"|python\d[\d.]*|[\d.,:+TZ-]+|0x[0-9a-f]+",
    re.IGNORECASE,
)


def is_placeholder(value: str, name: str = "") -> bool:
    """Whether a value stands for a secret instead of being one: empty, ``***``, ``None``, ``%s``, ``[redacted]``."""
    if not value:
        return True
    word = value.strip("[](){}<>*'\"_:.,;!?").lower()
    own_name = name.rpartition(".")[2].strip("-_").lower()
    if not word:
        return len(value) < 3 or _PLACEHOLDER.fits(value)
    return word in _CONSTANTS or word in _MASKED or word == own_name or _PLACEHOLDER.fits(value)


def ends_in_parameter(before: str) -> bool:
    """Whether the text ``before`` an "@" is a host and its parameters, so that the "@" is part of the last one."""
    found = _PARAMETER.compiled.fullmatch(before)
    return found is not None and (kind_of(found["name"]) is Kind.SECRET or found["name"].lower() in _USER)


def is_code(value: str, *, spaced: bool) -> bool:
    """Whether a value is an expression that names a secret; a call only after an assignment's spaced ``=``."""
    if value.isidentifier() and value.islower() and ("_" in value or value == "pw") and kind_of(value) is Kind.SECRET:
        return True
    if _REFERENCE.fits(value) or _SUBSCRIPT.fits(value) or (spaced and _CALL.fits(value)):
        return True
    return (_DOTTED.fits(value) or _HEADER.fits(value)) and kind_of(value) is Kind.SECRET


def is_prose(value: str) -> bool:
    """Whether the first word after ``name: `` goes on with a sentence, as in ``password: must be longer``."""
    return value.strip("'\".,:;!?()").lower() in _PROSE


def is_reason(text: str, start: int) -> bool:
    """Whether the reason of a failure begins at ``start``: ``Connection refused``, ``ConnectTimeout``, ``HTTP 400``."""
    return _REASON.compiled.match(text, start) is not None


def is_complaint(value: str) -> bool:
    """Whether a value says what is wrong, in words that only sentences have: ``Signature verification failed``."""
    words = value.split()
    return is_reason(value, 0) or (len(words) > 1 and all(map(is_plain, words)) and any(map(is_prose, words)))


def is_sentence(value: str) -> bool:
    """Whether a quoted value is a message to a person, as in ``{"password": "This field is required."}``."""
    words = value.split()
    return len(words) >= 3 and is_prose(words[0]) and _SENTENCE_VERB.compiled.search(value) is not None


def is_plain(value: str) -> bool:
    """Whether a value is one ordinary word, or a few that are joined: ``Denied``, ``read-only``, ``AUTH``."""
    return _PLAIN.fits(value)


def is_count(value: str, name: str) -> bool:
    """Whether a number counts or identifies something, as in ``token=5``; ``cvv=123`` and ``password=1234`` do not."""
    if not _NUMBER.fits(value):
        return False
    name = name.lower()
    if name.endswith(("cvv", "cvc", "pin", "otp", "code")):
        return len(value) < 3
    return len(value) <= (5 if any(word in name for word in ("token", "secret", "id", "key")) else 3)


def looks_random(value: str, minimum: int = 8) -> bool:
    """Whether a value looks made by a machine or for one: long enough, with letters and digits or oddly mixed."""
    if len(value) < minimum or _WELL_KNOWN.fits(value):
        return False
    if any(map(str.isalpha, value)) and any(map(str.isdigit, value)):
        return True
    inner_capital = value[1:] != value[1:].lower() and value != value.upper()
    return len(value) >= 20 and inner_capital and " " not in value
