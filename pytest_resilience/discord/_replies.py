"""Planned answers of Discord: what a script for ``discord.respond()`` may return and raise.

========================================  ============================================================================
``fail(httpx.ConnectError("down"))``      no answer; an `OSError` stands for what httpx makes of it
``delay(30)``                             the usual answer, late; a request that waits less long times out
``answer(503)``                           the typical answer with that status, the message not stored
``answer({...})``                         the answer that the entries below describe
``answer(None)``, ``passthrough()``       the usual answer
========================================  ============================================================================

The entries, of which ``status`` or ``error`` is a must:

================  ====================================================================================================
``status``        200 to 599
``error``         instead of an answer, the name of a transport error of httpx, such as ``'ReadTimeout'``
``recorded``      whether the message is stored all the same; by default only with a 2xx
``retry_after``   with a 4xx or 5xx, the seconds to wait: a number, any text, or None to leave it out; a 429 has 1.0
``scope``         with a 429, whose limit it was: ``'user'`` (the default), ``'shared'`` or ``'global'``
``via``           False for an answer that the edge makes and Discord never sees; with 429, a ban of the address
``code``          Discord's own number in the JSON body
``message``       the text in the JSON body
``json``          the whole JSON body
``body``          the whole body as text, such as a page of HTML, broken JSON, or ``''``
``headers``       headers to set; None removes one
================  ====================================================================================================

All of it is made of literals, so that such a script has a text form: ``2*return({'status': 500, 'recorded': True})``.
"""

from __future__ import annotations

import json
import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, Final, final

import httpx

from pytest_resilience.discord import _answers as answers
from pytest_resilience.discord._answers import Scope
from pytest_resilience.discord._limits import bucket_headers
from resilience._failpoints.script import Script, answer, as_script
from resilience._failpoints.script.actions import Raise, Return
from resilience._failpoints.script.values import described

_EXAMPLES: Final = "500, {'status': 429, 'retry_after': 40} or {'status': 500, 'recorded': True}"
_SCOPES: Final = ("user", "shared", "global")
_ERRORS: Final = {
    name: kind
    for name, kind in vars(httpx).items()
    if isinstance(kind, type) and issubclass(kind, httpx.TransportError) and not kind.__subclasses__()
}
_NO_CONTENT: Final = 204
_REDIRECTION: Final = 300
_RATE_LIMITED: Final = 429
_BUCKET_SIZE: Final = 5


def rate_limited(retry_after: float | str | None = 1.0, *, scope: Scope = "user") -> Script:
    """Return a script for `DiscordMock.respond` that answers 429: wait ``retry_after`` seconds.

    Args:
        retry_after: Seconds; or any text, or None to leave it out, as a client must bear that, too.
        scope: ``user`` for the webhook's own limit, ``shared`` for its channel's, ``global`` for all webhooks.

    >>> rate_limited(40, scope="shared").times(2)
    <Script 2*return({'status': 429, 'retry_after': 40, 'scope': 'shared'})>
    """
    return _planned({"status": _RATE_LIMITED, "retry_after": retry_after, "scope": scope})


def edge_ban(retry_after: float | None = None) -> Script:
    """Return a script for `DiscordMock.respond` that answers as the edge does while the address is banned.

    With a number of seconds, it is a text and a ``Retry-After``; without, a JSON page that does not say for how long.

    >>> edge_ban(3600)
    <Script return({'status': 429, 'via': False, 'retry_after': 3600})>
    """
    return _planned({"status": _RATE_LIMITED, "via": False, "retry_after": retry_after})


def lost_answer(error: str = "ReadTimeout") -> Script:
    """Return a script for `DiscordMock.respond` whose messages are stored, while the answer never arrives.

    Args:
        error: The name of the transport error of httpx that the client gets.

    >>> lost_answer().times(1)
    <Script 1*return({'error': 'ReadTimeout', 'recorded': True})>
    """
    return _planned({"error": error, "recorded": True})


@final
@dataclass(frozen=True, slots=True, kw_only=True)
class Reply:
    """One planned answer; the module says what its entries mean."""

    status: int = 0
    error: str | None = None
    recorded: bool = False
    retry_after: float | str | None = None
    scope: Scope = "user"
    via: bool = True
    code: int | None = None
    message: str | None = None
    json: str | None = None
    body: str | None = None
    headers: Mapping[str, str | None] = field(default_factory=dict)

    @staticmethod
    def of(value: object) -> Reply:
        """Return the reply that a value in a script stands for.

        Raises:
            TypeError: Neither a status nor a dict.
            ValueError: An entry that is not known or can't be so.
        """
        if isinstance(value, int) and not isinstance(value, bool):
            value = {"status": value}
        if not isinstance(value, dict):
            raise TypeError(f"Discord can answer a status or a dict, such as {_EXAMPLES}; got {described(value)}")
        for name, given in value.items():
            check = _CHECKS.get(name)
            if check is None:
                known = ", ".join(map(repr, _CHECKS))
                raise ValueError(f"{name!r} is nothing that an answer of Discord has: it has {known}")
            check(given)
        if ("status" in value) == ("error" in value):
            raise ValueError(f"an answer of Discord has either a status or an error; got {value!r}")
        return _completed(value)

    def raises(self, request: httpx.Request) -> httpx.TransportError | None:
        """Return the error that the client gets; None where it gets an answer."""
        if self.error is None:
            return None
        return _ERRORS[self.error]("as planned for Discord", request=request)

    def response(self, usual: httpx.Response | None, limits: Mapping[str, str], *, legacy: bool) -> httpx.Response:
        """Return the answer.

        Args:
            usual: The usual answer to a message that is stored, whose body a 2xx has.
            limits: The headers of the bucket, where the answer itself says nothing of it.
            legacy: For a version before 8.
        """
        made = self._made(usual, legacy=legacy)
        if self.scope != "global":
            for name, value in limits.items():
                made.headers.setdefault(name, value)
        for name, text in self.headers.items():
            made.headers.pop(name, None)
            if text is not None:
                made.headers[name] = text
        return made

    def _made(self, usual: httpx.Response | None, *, legacy: bool) -> httpx.Response:
        wait = self._wait_headers(legacy=legacy)
        if self.body is not None:
            return answers.answer_text(self.status, self.body, wait, edge=not self.via)
        if self.json is not None:
            return answers.answer_json(self.status, json.loads(self.json), wait, edge=not self.via)
        if self.status == _NO_CONTENT or (self.status < _REDIRECTION and usual is None):
            return answers.answer_text(self.status, "", wait)
        if self.status < _REDIRECTION and usual is not None:
            return answers.answer_json(self.status, usual.json(), wait)
        if self.status == _RATE_LIMITED:
            return self._too_many(wait, legacy=legacy)
        made = answers.typical(self.status)
        if self._words():
            typical = made.json() if made.headers.get("Content-Type") == "application/json" else {}
            made = answers.answer_json(self.status, {**typical, **self._words()})
        made.headers.update(wait)
        if not self.via:
            del made.headers["Via"]
        return made

    def _too_many(self, wait: dict[str, str], *, legacy: bool) -> httpx.Response:
        if not self.via:
            words = self._words()
            return answers.answer_json(429, words, wait, edge=True) if words else answers.banned(self.retry_after)
        made = answers.rate_limited(0.0, self.scope, legacy=legacy)
        body: dict[str, object] = {**made.json(), **self._words()}
        if self.retry_after is None:
            del body["retry_after"]
        elif isinstance(self.retry_after, str):
            body["retry_after"] = self.retry_after
        else:
            body["retry_after"] = self.retry_after * 1000 if legacy else self.retry_after
        return answers.answer_json(429, body, {**wait, **answers.scope_headers(self.scope)})

    def _words(self) -> dict[str, object]:
        return {name: value for name, value in (("code", self.code), ("message", self.message)) if value is not None}

    def _wait_headers(self, *, legacy: bool) -> dict[str, str]:
        """Return the headers that say how long to wait."""
        wait = self.retry_after
        if wait is None:
            return {}
        if isinstance(wait, str):
            return {"Retry-After": wait}
        headers = {"Retry-After": str(math.ceil(wait * 1000 if legacy and self.via else wait))}
        if self.status == _RATE_LIMITED and self.via and self.scope == "user":
            headers.update(bucket_headers(_BUCKET_SIZE, 0, wait, legacy=legacy))
        return headers


def checked(script: Script | str) -> Script:
    """Return a script for Discord, once all that it may return or raise is known to be possible.

    Raises:
        TypeError: No script, one that raises what is no `Exception`, or one that returns neither a status nor a dict.
        ValueError: A text that is no script, or an answer with an entry that is not known or can't be so.
    """
    planned = as_script(script)
    for term in planned.terms:
        match term.action:
            case Return(value=value) if value is not None:
                Reply.of(value)
            case Raise(error=error) if not isinstance(error, Exception):
                raise TypeError(
                    f"a request to Discord can't raise {type(error).__name__}: plan an error of httpx, such as "
                    "fail(httpx.ConnectError('down'))"
                )
            case _:
                pass
    return planned


def as_httpx_raises(error: Exception, request: httpx.Request) -> Exception:
    """Return what a client of httpx gets where its socket raises ``error``."""
    if isinstance(error, httpx.RequestError):
        error.request = request
        return error
    if not isinstance(error, OSError):
        return error
    kind: type[httpx.TransportError] = httpx.ConnectError
    if isinstance(error, TimeoutError):
        kind = httpx.ReadTimeout
    elif isinstance(error, (ConnectionResetError, ConnectionAbortedError, BrokenPipeError)):
        kind = httpx.ReadError
    translated = kind(str(error), request=request)
    translated.__cause__ = error
    return translated


def _planned(entries: dict[str, object]) -> Script:
    Reply.of(entries)
    return answer(entries)


def _completed(value: dict[str, Any]) -> Reply:
    entries = dict(value)
    status = entries.get("status", 0)
    entries.setdefault("recorded", 0 < status < _REDIRECTION)
    if status == _RATE_LIMITED and entries.get("via", True) and not entries.keys() & {"body", "json"}:
        entries.setdefault("retry_after", 1.0)
    if "json" in entries:
        entries["json"] = json.dumps(entries["json"])  # None is a JSON value, too
    return Reply(**entries)


def _one_of(name: str, expected: str, fits: Callable[[Any], bool]) -> Callable[[object], None]:
    def check(value: object) -> None:
        if not fits(value):
            raise ValueError(f"the {name!r} of an answer of Discord is {expected}; got {described(value)}")

    return check


def _is_int(value: object) -> bool:
    return isinstance(value, int) and not isinstance(value, bool)


def _is_wait(value: object) -> bool:
    if isinstance(value, (int, float)) and not isinstance(value, bool):
        return math.isfinite(value) and value >= 0
    return value is None or _is_header(value)


def _is_header(value: object) -> bool:
    return isinstance(value, str) and value.isascii() and value.isprintable()


def _is_json(value: object) -> bool:
    try:
        json.dumps(value, allow_nan=False)
    except (TypeError, ValueError, RecursionError):
        return False
    return True


def _is_status(value: object) -> bool:
    return isinstance(value, int) and not isinstance(value, bool) and 200 <= value <= 599


def _is_header_change(value: object) -> bool:
    return isinstance(value, dict) and all(
        isinstance(name, str) and name and (text is None or _is_header(text)) for name, text in value.items()
    )


def _is_bool(value: object) -> bool:
    return isinstance(value, bool)


def _is_text(value: object) -> bool:
    return isinstance(value, str)


_CHECKS: Final[dict[str, Callable[[object], None]]] = {
    "status": _one_of("status", "a number from 200 to 599", _is_status),
    "error": _one_of(
        "error", f"one of {', '.join(sorted(_ERRORS))}", lambda value: _is_text(value) and value in _ERRORS
    ),
    "recorded": _one_of("recorded", "True or False", _is_bool),
    "retry_after": _one_of("retry_after", "a number of seconds, the text of a header, or None", _is_wait),
    "scope": _one_of("scope", f"one of {', '.join(_SCOPES)}", lambda value: value in _SCOPES),
    "via": _one_of("via", "True or False", _is_bool),
    "code": _one_of("code", "a whole number", _is_int),
    "message": _one_of("message", "a text", _is_text),
    "json": _one_of("json", "a JSON value", _is_json),
    "body": _one_of("body", "a text", _is_text),
    "headers": _one_of("headers", "a dict of texts, or of None to remove one", _is_header_change),
}
