r"""Makes text fit to leave the process: secrets hidden, control characters visible, length bounded.

Exception texts carry connection strings and tokens, and an attacker may choose part of them. Everything that is logged
or sent passes through here:

>>> redact("could not connect to postgres://app:hunter2@db:5432/orders")
'could not connect to postgres://app:[redacted]@db:5432/orders'
>>> clean("no such user: bob\n[PID-1] forged line")
'no such user: bob\\n[PID-1] forged line'

Redaction is a safety net and can't know every secret. What it misses is added by `add_secret` and `add_pattern`.
"""

from __future__ import annotations

import functools
import re
import threading
from collections.abc import Callable
from typing import TYPE_CHECKING, Final, NamedTuple

from resilience._secrets import MARKER
from resilience._support.error_text import name_of, own_text, text_of
from resilience._support.fork import importing

if TYPE_CHECKING:
    from resilience._support.traceback_text import TracebackText

__all__ = ["add_pattern", "add_secret", "clean", "message_of", "redact", "summary_of", "traceback_of", "type_name"]

# A longer text is cut before any pattern runs, which bounds the work on hostile input.
_LONGEST_INPUT: Final = 100_000
# How far before such a cut a secret may begin whose head alone no pattern would recognize.
_STRADDLE: Final = 512
_SHORTEST_SECRET: Final = 6  # a shorter one would be found in ordinary words
# No rule hides a single word that is shorter.
_SHORTEST_FORM: Final = 16
# Where a pattern finds the empty text, it finds it nearly everywhere.
_ORDINARY: Final = "a b_1-C.\n"
_LONGEST_DETAIL: Final = 300  # of a source line or file name in a traceback
_ELLIPSIS: Final = "…"

_SHORT_ESCAPES: Final = {"\n": "\\n", "\r": "\\r", "\t": "\\t"}


class _Addition(NamedTuple):
    """What a user adds: a pattern, what replaces its matches, and the length of the secret it was made for."""

    pattern: re.Pattern[str]
    replacement: str
    length: int = 0


_lock = threading.Lock()
# Replaced as a whole, so that readers need no lock. The longest come first: a secret may be part of another one.
_additions: tuple[_Addition, ...] = ()


def redact(text: str) -> str:
    """Replace every secret in ``text`` by ``[redacted]`` and keep what surrounds it.

    Hides passwords in URLs, connection strings, headers, command lines and beside names such as ``password``; webhook
    URLs; tokens and keys of known shape; private keys; and what was added by `add_secret` and `add_pattern`. Redacting
    twice changes nothing more. Newlines stay: use `clean` for a single line.

    A text of more than 100,000 characters is cut there.

    >>> redact("Authorization: Bearer s3cr3t-t0ken was refused")
    'Authorization: Bearer [redacted] was refused'
    """
    text = str.__str__(text)
    if len(text) <= _LONGEST_INPUT:
        return _redact_all(text)
    return _redact_head(text, _LONGEST_INPUT - _STRADDLE) + _ELLIPSIS


def clean(text: str, *, limit: int = 2000) -> str:
    r"""Redact ``text`` and make it one line of at most ``limit`` characters that any UTF-8 sink accepts.

    Newlines, control characters, invisible and direction-changing characters and lone surrogates are written as escapes
    (``\n``, ``\x1b``, ``\u202e``). A text that is too long ends in ``…``; the work on it does not grow with its length.

    Raises:
        ValueError: ``limit`` is below 1.
    """
    if limit < 1:
        raise ValueError(f"limit={limit!r} leaves no room for any text: it must be at least 1")
    text = str.__str__(text)
    text = (
        _redact_all(text) if len(text) <= limit + 2 * _STRADDLE else _redact_head(text, limit + _STRADDLE) + _ELLIPSIS
    )
    return _cut(_escape(text), limit)


def message_of(error: BaseException, *, limit: int = 2000) -> str:
    r"""Return what an error says, cleaned: its text, else the name of its type.

    Of a group, the leaves are named, too; of tenacity's `RetryError`, what the last attempt failed with. An exception
    whose text can't be read is described.

    >>> message_of(ValueError("bad\nvalue"))
    'bad\\nvalue'
    >>> message_of(TimeoutError())
    'TimeoutError'
    >>> message_of(ExceptionGroup("two tasks failed", [ValueError("a"), KeyError("b")]))
    "two tasks failed (2 sub-exceptions): ValueError: a; KeyError: 'b'"
    """
    return clean(text_of(error), limit=limit)


def type_name(error: BaseException) -> str:
    """Return the name of the exception's class, cleaned and of at most 200 characters."""
    return clean(name_of(error), limit=200)


def summary_of(error: BaseException, *, limit: int = 2000) -> str:
    r"""Return the type of an error and what it says, cleaned, as one line; the type alone where it says no more.

    ``limit`` is that of `message_of`, which does not count the type.

    >>> summary_of(ValueError("bad\nvalue"))
    'ValueError: bad\\nvalue'
    >>> summary_of(TimeoutError())
    'TimeoutError'
    """
    name, message = type_name(error), message_of(error, limit=limit)
    return name if message == name else f"{name}: {message}"


def traceback_of(error: BaseException) -> str:
    """Return the traceback of ``error`` as redacted, bounded text of many lines.

    Causes, contexts, groups and notes are included. Messages, source lines and file names are cleaned one by one, so
    that a newline in a message can't begin a line of its own. Long stacks and chains keep their first and last members.
    Never raises an `Exception`.
    """
    try:
        return _traceback_text()(_clean_detail, _describe).of(error)
    except Exception as failure:  # noqa: BLE001 - an exception may override anything; the report goes on
        return f"{summary_of(error)} (no traceback: {type_name(failure)})"


def add_pattern(pattern: str | re.Pattern[str], replacement: str = MARKER) -> Callable[[], None]:
    r"""Hide whatever ``pattern`` matches, too, until the returned function is called.

    ``replacement`` may refer to groups, as in `re.sub`. The pattern sees the text before the built-in rules do. Let it
    be quick on long text: a slow one slows every failing call.

    Raises:
        TypeError: ``pattern`` is neither a ``str`` nor a compiled pattern of ``str``, or ``replacement`` is no ``str``.
        ValueError: ``pattern`` is not a valid regular expression, matches the empty text, or does not have a group that
            ``replacement`` names.

    >>> remove = add_pattern(r"customer-\d+")
    >>> redact("customer-4711 not found")
    '[redacted] not found'
    >>> remove()
    """
    compiled = _compile(pattern)
    if not isinstance(replacement, str):
        raise TypeError(f"replacement must be a str, not {type(replacement).__name__}")
    if any(not found[0] for found in compiled.finditer(_ORDINARY)):
        raise ValueError(
            f"pattern {compiled.pattern!r} matches the empty text: it would hide nothing and mark everything"
        )
    try:
        compiled.sub(replacement, "")
    except (re.error, IndexError) as error:
        raise ValueError(f"replacement {replacement!r} does not fit pattern {compiled.pattern!r}: {error}") from None
    return _add(_Addition(compiled, replacement))


def add_secret(value: str) -> Callable[[], None]:
    """Hide this very text, too, until the returned function is called: a password that nothing around it gives away.

    Its forms in URLs, in JSON, in HTML and in a ``repr``, also of its bytes, are hidden as well.

    Raises:
        TypeError: ``value`` is no ``str``.
        ValueError: ``value`` is shorter than 6 characters, which would hide parts of ordinary words.

    >>> remove = add_secret("correct horse")
    >>> redact("GET /?q=correct%20horse")
    'GET /?q=[redacted]'
    >>> remove()
    """
    if not isinstance(value, str):
        raise TypeError(f"a secret must be a str, not {type(value).__name__}")
    if len(value) < _SHORTEST_SECRET:
        raise ValueError(
            f"a secret of {len(value)} characters can't be hidden without hiding ordinary words: "
            f"it must have at least {_SHORTEST_SECRET}"
        )
    forms = sorted(_forms_of(value), key=len, reverse=True)
    # The marker comes first, so that a secret which is part of it is not found there.
    pattern = re.compile("|".join(map(re.escape, (MARKER, *forms))))
    return _add(_Addition(pattern, MARKER, len(forms[0])))


def _add(addition: _Addition) -> Callable[[], None]:
    global _additions  # noqa: PLW0603 - the one place where it grows
    with _lock:
        _additions = tuple(sorted((*_additions, addition), key=lambda added: -added.length))

    def remove() -> None:
        global _additions  # noqa: PLW0603 - the one place where it shrinks
        with _lock:
            _additions = tuple(kept for kept in _additions if kept is not addition)

    return remove


def _forms_of(value: str) -> set[str]:
    import html
    import json
    from urllib.parse import quote, quote_plus

    encodable = value.encode("utf-8", "replace").decode()
    quoted = {quote(encodable, safe=""), quote(encodable), quote_plus(encodable)}
    lowered = {re.sub("%..", lambda escape: escape[0].lower(), form) for form in quoted}
    representations = {repr(value), ascii(value), repr(encodable.encode())[1:]}
    in_json = {json.dumps(value, ensure_ascii=plain) for plain in (True, False)}
    # Encoders of HTML differ in which quotes they escape, and how.
    in_html = {html.escape(value), html.escape(value, quote=False), html.escape(value).replace("&#x27;", "&#39;")}
    return {value, *(form[1:-1] for form in representations | in_json), *in_html, *quoted, *lowered}


def _compile(pattern: str | re.Pattern[str]) -> re.Pattern[str]:
    if isinstance(pattern, re.Pattern) and isinstance(pattern.pattern, str):
        return pattern
    if not isinstance(pattern, str):
        raise TypeError(f"pattern must be a str or a compiled pattern of str, not {type(pattern).__name__}")
    try:
        return re.compile(pattern)
    except re.error as error:
        raise ValueError(f"pattern {pattern!r} is not a valid regular expression: {error}") from None


def _redact_all(text: str) -> str:
    for addition in _additions:
        text = addition.pattern.sub(addition.replacement, text)
    if len(text) < _SHORTEST_FORM and text.isidentifier():
        return text  # the name of a function or a class, as every line has
    try:
        return _rules()(text)
    except Exception:  # noqa: BLE001 - without a file descriptor left, nothing can be imported; the report goes on
        return MARKER


@functools.cache
def _rules() -> Callable[[str], str]:
    """Load the rules: nothing fails in most runs, so that most never need them. Later calls wait for no import."""
    with importing:
        from resilience._secrets.rules import hide_secrets
    return hide_secrets


@functools.cache
def _traceback_text() -> type[TracebackText]:
    with importing:
        from resilience._support.traceback_text import TracebackText
    return TracebackText


def _redact_head(text: str, length: int) -> str:
    """Redact the head of a text that goes on, without letting through the head of a secret that the cut divides."""
    straddle = max(_STRADDLE, *(addition.length for addition in _additions), 0)
    redacted = _redact_all(text[: length + straddle])
    after_last_marker = redacted.rfind(MARKER) + len(MARKER) if MARKER in redacted else 0
    return redacted[: max(after_last_marker, len(redacted) - straddle)]


def _clean_detail(text: str) -> str:
    return clean(text, limit=_LONGEST_DETAIL)


def _describe(error: BaseException) -> str:
    """The last line of a traceback: the type with its module, and the message."""
    name = type_name(error)
    module = type(error).__module__
    if module not in ("builtins", "__main__"):
        name = f"{_clean_detail(str(module))}.{name}"
    message = clean(own_text(error))
    return f"{name}: {message}" if message else name


def _escape(text: str) -> str:
    return text if text.isprintable() else _unsafe().sub(_escape_character, text)


@functools.cache
def _unsafe() -> re.Pattern[str]:
    """Control, invisible and direction-changing characters, lone surrogates; compiled late, as few texts have any."""
    # C0, C1 and DEL; soft hyphen; zero width, direction and line separators; lone surrogates; tags.
    return re.compile(
        "[\\x00-\\x1f\\x7f-\\x9f\\xad\\u061c\\u180e\\u200b-\\u200f\\u2028-\\u202e\\u2060-\\u206f\\ufeff\\ufff9-\\ufffb"
        "\\ud800-\\udfff\\U000e0000-\\U000e007f]"
    )


def _escape_character(found: re.Match[str]) -> str:
    character = found[0]
    code = ord(character)
    if code > 0xFFFF:
        return f"\\U{code:08x}"
    return _SHORT_ESCAPES.get(character) or (f"\\x{code:02x}" if code <= 0xFF else f"\\u{code:04x}")


def _cut(text: str, limit: int) -> str:
    if len(text) <= limit:
        return text
    head = text[: limit - 1]
    opening = head.rfind(MARKER[0])
    if opening >= 0 and len(head) - opening < len(MARKER) and MARKER.startswith(head[opening:]):
        head = head[:opening]
    return head + _ELLIPSIS
