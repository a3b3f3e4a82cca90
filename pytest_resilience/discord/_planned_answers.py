"""Answers of Discord that a test plans: `DiscordMock.respond` lists what they may be."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Final, final, get_args

import httpx

from pytest_resilience.discord import _answers as answers
from pytest_resilience.discord._answers import Scope
from pytest_resilience.discord._rate_limits import WEBHOOK, bucket_headers
from resilience.testing import Action, Raise, Return, Script, Status, answer, as_script, described

_ERRORS: Final = {
    name: kind
    for name, kind in vars(httpx).items()
    if isinstance(kind, type) and issubclass(kind, httpx.TransportError) and not kind.__subclasses__()
}
_EXAMPLES: Final = "500, {'status': 429, 'retry_after': 40} or {'status': 500, 'recorded': True}"


def rate_limited(retry_after: float | str | None = 1.0, *, scope: Scope = "user") -> Script:
    """Return a script for `DiscordMock.respond` that answers 429: wait ``retry_after`` seconds.

    For how a client behaves whose limit is used up. Without ``.times(n)``, every request is answered so.

    Args:
        retry_after: Seconds, 1 by default; or any text, or None to leave it out, as a client must bear that, too.
        scope: ``user`` for the webhook's own limit (the default), ``shared`` for its channel's, ``global`` for all
            webhooks together.

    Raises:
        ValueError: A negative or infinite wait, a text that is no header, or another scope.

    >>> rate_limited(40, scope="shared").times(2)
    <Script 2*return({'status': 429, 'retry_after': 40, 'scope': 'shared'})>
    """
    return _planned({"status": 429, "retry_after": retry_after, "scope": scope})


def edge_ban(retry_after: float | None = None) -> Script:
    """Return a script for `DiscordMock.respond` that answers as the edge does while it bans the address.

    For how a client behaves that was banned for too many refused requests: every webhook gets this, for up to an hour.

    Args:
        retry_after: Seconds, for a text with a ``Retry-After``. By default a JSON page that does not say for how long.

    Raises:
        ValueError: A negative or infinite wait.

    >>> edge_ban(3600)
    <Script return({'status': 429, 'via': False, 'retry_after': 3600})>
    """
    return _planned({"status": 429, "via": False, "retry_after": retry_after})


def lost_answer(error: str = "ReadTimeout") -> Script:
    """Return a script for `DiscordMock.respond` whose messages are stored, while the answer never arrives.

    For how duplicates come about: a client can't know that its message is there, and sends it again.

    Args:
        error: The name of the transport error of httpx that the client gets, ``ReadTimeout`` by default.

    Raises:
        ValueError: httpx has no such transport error.

    >>> lost_answer().times(1)
    <Script 1*return({'error': 'ReadTimeout', 'recorded': True})>
    """
    return _planned({"error": error, "recorded": True})


def checked(script: Script | str) -> Script:
    """Return a script for Discord, once all that it may return or raise is known to be possible; see `respond`."""
    planned = as_script(script)
    refusal = planned.refusal_by("discord")
    if refusal is not None:
        raise ValueError(f"Discord {refusal}")
    for term in planned.terms:
        if term.after:
            raise ValueError(
                f"Discord can't do {term}: a message that is stored while its answer is lost is lost_answer()"
            )
        planned_by(term.action)
        match term.action:
            case Raise(error=error) if not isinstance(error, Exception):
                raise TypeError(
                    f"a request to Discord can't raise {type(error).__name__}: plan an error of httpx, such as "
                    "fail(httpx.ConnectError('down'))"
                )
    return planned


def planned_by(action: Action) -> PlannedAnswer | None:
    """Return the answer that an action plans; None where it plans none."""
    match action:
        case Return(value=value) if value is not None:
            return PlannedAnswer.of(value)
        case Status(status=status, body=None, json=None, headers=None, retry_after=wait_ns):
            wait = {} if wait_ns is None else {"retry_after": wait_ns / 1e9}
            return PlannedAnswer.of({"status": status, **wait})
        case Status():
            raise ValueError(
                f"Discord can't do {action}: what it answers beside a status is its own; plan the status alone, or "
                "with retry_after"
            )
    return None


@final
@dataclass(frozen=True, slots=True, kw_only=True)
class PlannedAnswer:
    """One planned answer; `DiscordMock.respond` says what its entries mean."""

    status: int = 0
    error: str | None = None
    recorded: bool = False
    retry_after: float | str | None = None
    scope: Scope = "user"
    via: bool = True

    @classmethod
    def of(cls, value: object) -> PlannedAnswer:
        if isinstance(value, int) and not isinstance(value, bool):
            value = {"status": value}
        if not isinstance(value, dict):
            raise TypeError(f"Discord can answer a status or a dict, such as {_EXAMPLES}; got {described(value)}")
        for name, given in value.items():
            if name not in _ENTRIES:
                known = ", ".join(map(repr, _ENTRIES))
                raise ValueError(f"{name!r} is nothing that an answer of Discord has: it has {known}")
            expected, fits = _ENTRIES[name]
            if not fits(given):
                raise ValueError(f"the {name!r} of an answer of Discord is {expected}; got {described(given)}")
        if ("status" in value) == ("error" in value):
            raise ValueError(f"an answer of Discord has either a status or an error; got {value!r}")
        status = value.get("status", 0)
        usual = {"recorded": 0 < status < 300}
        if status == 429 and value.get("via", True):
            usual["retry_after"] = 1.0
        return cls(**{**usual, **value})

    def error_for(self, request: httpx.Request) -> httpx.TransportError | None:
        """Return the error that the client gets; None where it gets an answer."""
        return _ERRORS[self.error]("as planned for Discord", request=request) if self.error else None

    def response(self, message: object, bucket: Mapping[str, str]) -> httpx.Response:
        """Return the answer, given the stored message as JSON, None where none is, and the headers of the bucket."""
        wait = self.retry_after
        if self.status == 429:
            made = answers.rate_limited(wait, self.scope) if self.via else answers.banned(wait)
        elif self.status >= 300:
            made = answers.typical(self.status, answers.wait_header(wait), by_edge=not self.via)
        elif message is None or self.status == 204:
            made = answers.answer(self.status, "")
        else:
            made = answers.answer(self.status, message)
        if self.via and self.scope != "global":  # a limit of everything shows no bucket
            if self.status == 429 and self.scope == "user" and isinstance(wait, int | float):
                bucket = bucket_headers(WEBHOOK[0], 0, wait)
            made.headers.update(bucket)
        return made


def _planned(entries: dict[str, object]) -> Script:
    PlannedAnswer.of(entries)
    return answer(entries)


def _is_int(value: object) -> bool:
    return isinstance(value, int) and not isinstance(value, bool)


def _is_wait(value: Any) -> bool:
    if isinstance(value, str):
        return value.isascii() and value.isprintable()
    return value is None or ((_is_int(value) or isinstance(value, float)) and math.isfinite(value) and value >= 0)


_ENTRIES: Final[Mapping[str, tuple[str, Callable[[Any], bool]]]] = {
    "status": ("a number from 200 to 599", lambda value: _is_int(value) and 200 <= value <= 599),
    "error": (f"one of {', '.join(sorted(_ERRORS))}", lambda value: isinstance(value, str) and value in _ERRORS),
    "recorded": ("True or False", lambda value: isinstance(value, bool)),
    "retry_after": ("a number of seconds, the text of a header, or None", _is_wait),
    "scope": (f"one of {', '.join(get_args(Scope))}", lambda value: value in get_args(Scope)),
    "via": ("True or False", lambda value: isinstance(value, bool)),
}
"""The entries of a planned answer: what each may be, in words, and what tells whether a value is that."""
