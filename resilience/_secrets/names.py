"""Which names announce a secret.

A name is cut into words (``dbPassword``, ``DB_PASSWORD_2``, ``db.password``: db, password) and judged by its last word,
as English does: a ``password`` is a secret, a ``password_policy`` is not.
"""

from __future__ import annotations

import functools
from enum import Enum, auto
from typing import Final

from resilience._secrets.patterns import Lazy


class Kind(Enum):
    """What a name says about the value beside it."""

    HARMLESS = auto()
    MAYBE = auto()
    """A secret when the value looks like one: ``session=9f86d081``, not ``session=3``."""
    QUERY = auto()
    """A secret among the parameters of a URL only: ``&sig=...``."""
    QUERY_MAYBE = auto()
    """There, and when the value looks like one: ``?code=SplxlOBeZQ``, not ``?code=404``."""
    SECRET = auto()
    AUTHORIZATION = auto()
    """The value is a scheme and its credentials: ``Bearer ...``."""
    COOKIE = auto()
    """The value is a list of pairs."""


_SECRET: Final = frozenset(
    "password passwd passwrd passphrase passcode passwort kennwort senha contrasena contraseña пароль 密码 pwd psw pw "
    "pswd secret token apikey credential credentials creds jwt bearer sessid requirepass masterauth mnemonic cvv cvc "
    "psk otp totp".split()
)
# Names that are written as one word: authtoken, userpassword, PGPASSWORD.
_SECRET_ENDINGS: Final = (
    *("password", "passwd", "passphrase", "passwort", "pwd", "secret", "token", "sessionid", "sessid"),
    *("apikey", "secretkey", "accesskey", "privatekey", "sharedkey", "accountkey", "signingkey", "encryptionkey"),
    *("masterkey", "authkey"),
)
_MAYBE: Final = frozenset(
    "auth pass session sid signature passwords secrets tokens apikeys pin ticket assertion csrf xsrf".split()
)
_QUERY: Final = {
    **dict.fromkeys("sig signature hmac ticket assertion pass auth".split(), Kind.QUERY),
    **dict.fromkeys("key code hash st".split(), Kind.QUERY_MAYBE),
}
_HARMLESS_PASSES: Final = frozenset(
    "bypass compass trespass surpass encompass underpass overpass multipass lowpass highpass bandpass".split()
)

# Two words that mean something else together: an API key is a secret, a primary key or a cache key is not.
_PAIRS: Final = {
    "key": frozenset(
        "api access secret private encryption encrypt signing sign master shared account subscription ssh "
        "deploy auth app application consumer storage functions function webhook hmac aes symmetric admin "
        "root license licence ingest ingestion instrumentation server client bot jwt fernet rsa integration "
        "sas psk preshared wifi network cipher crypto crypt session decryption wrapping recovery activation "
        "apikey stripe openai anthropic sendgrid mailgun datadog fastly cloudflare algolia firebase mapbox "
        "pagerduty opsgenie elastic cohere mistral groq twilio gemini azure".split()
    ),
    "id": frozenset(("session", "sess", "sid")),
    "pat": frozenset(("github", "gitlab", "git", "gh", "azure", "devops")),
    "string": frozenset(("secret",)),
    "passe": frozenset(("de",)),
    "word": frozenset(("pass",)),
    "phrase": frozenset(("pass", "seed", "recovery")),
    "response": frozenset(("saml",)),
    "verifier": frozenset(("code",)),
}
_TRIPLES: Final = frozenset((("access", "key", "id"), ("auth", "user", "info")))
_CODES: Final = frozenset("auth authorization verification otp mfa fa device recovery backup security login".split())
_MAYBE_PAIRS: Final = {
    "keys": _PAIRS["key"],
    "code": _CODES,
    "codes": _CODES,
    "id": frozenset(("secret",)),
}

# Words that may follow the one that decides: DB_PASSWORD_PROD, apiKey2, client-key-data.
_QUALIFIERS: Final = frozenset(
    "value val hash hashed digest encrypted enc plain plaintext cleartext raw base64 b64 encoded old new current "
    "previous prev confirm confirmation again repeat prod production staging stage dev development test live sandbox "
    "primary secondary default main data header parameter param env var input".split()
)
# Words that make a token one of text or of a list's pages: max_tokens, eos_token, next_page_token.
_OTHER_TOKENS: Final = frozenset(
    "max min num number total count avg n prompt completion input output special eos bos pad stop unk sep cls mask "
    "next page continuation sync cancellation pagination lexer syntax unexpected illegal".split()
)
# A parser's complaint, or an authority's: only the value can tell.
_DOUBTFUL_TOKENS: Final = frozenset("unrecognized unrecognised mismatched expected expecting".split())
# Words that make the name one of an error: InvalidToken, expired_credentials.
_COMPLAINTS: Final = frozenset(
    "invalid expired bad wrong missing unknown incorrect unsupported revoked malformed no unauthorized rejected "
    "mismatched insufficient weak short".split()
)

_CAMEL_HUMP: Final = Lazy(r"(?<=[a-z\d])(?=[A-Z])|(?<=[A-Z])(?=[A-Z][a-z])")
_WORD: Final = Lazy(r"[^\W\d_]+|\d+")
_LONGEST_NAME: Final = 80

# Names that mean something only with the word before them, which a text may set apart by a space: "API key: ...".
NEED_WORD_BEFORE: Final = frozenset({"key", "id", "code", "phrase", "token", "tokens"})


def kind_of(name: str, before: str = "") -> Kind:
    """Judge a name, given the word ``before`` it in the text.

    >>> kind_of("DB_PASSWORD_2").name, kind_of("password_policy").name, kind_of("key", "API").name
    ('SECRET', 'HARMLESS', 'SECRET')
    """
    return _kind_of(name[-_LONGEST_NAME:], before)


@functools.lru_cache(maxsize=1024)
def _kind_of(name: str, before: str) -> Kind:
    words = _WORD.compiled.findall(_CAMEL_HUMP.compiled.sub(" ", f"{before} {name}").lower())
    while len(words) > 1 and (words[-1] in _QUALIFIERS or words[-1].isdigit()):
        words.pop()
    if not words:
        return Kind.HARMLESS
    *rest, head = words
    kind = _kind_of_head(head, rest)
    if kind is not Kind.SECRET:
        return kind
    if "token" in head and not _OTHER_TOKENS.isdisjoint(rest):
        return Kind.HARMLESS
    if "token" in head and not _DOUBTFUL_TOKENS.isdisjoint(rest):
        return Kind.MAYBE
    return Kind.MAYBE if not before and not _COMPLAINTS.isdisjoint(rest) else kind


def _kind_of_head(head: str, rest: list[str]) -> Kind:
    modifier = rest[-1] if rest else ""
    if head.endswith("authorization"):
        return Kind.AUTHORIZATION
    if head in ("cookie", "cookies"):
        return Kind.COOKIE
    if modifier in _PAIRS.get(head, ()) or (*rest[-2:], head) in _TRIPLES:
        return Kind.SECRET
    if head == "sid" and rest and modifier != "connect":
        return Kind.HARMLESS  # an account's or a message's
    if modifier in _MAYBE_PAIRS.get(head, ()):
        return Kind.MAYBE
    if head in _SECRET or head.endswith(_SECRET_ENDINGS):
        return Kind.SECRET
    if head in _MAYBE or (head.endswith("pass") and head not in _HARMLESS_PASSES):
        return Kind.MAYBE
    return _QUERY.get(head, Kind.HARMLESS)
