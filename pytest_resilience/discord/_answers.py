"""What Discord answers, and what the edge in front of it answers in its place.

Source: Discord developer documentation, "Error Messages" and "Rate Limits". What the edge (Cloudflare) sends, and that
its answers lack ``Via``, is not documented there; it is what clients have met.
"""

from __future__ import annotations

import json
import math
from collections.abc import Iterable, Mapping
from http import HTTPStatus
from typing import Any, Final, Literal, NamedTuple, TypeAlias

import httpx

Scope: TypeAlias = Literal["user", "shared", "global"]
"""Whose limit was hit: the webhook's own, that of a resource such as its channel, or that of all requests."""

_INVALID_FORM: Final = (50035, "Invalid Form Body")
_ERRORS: Final[dict[int, tuple[int, str]]] = {  # source: "Opcodes and Status Codes"; others are answered with code 0
    400: _INVALID_FORM,
    401: (50027, "Invalid Webhook Token"),
    403: (50013, "Missing Permissions"),
    404: (10015, "Unknown Webhook"),
    413: (40005, "Request entity too large"),
}
_PAGES: Final = {502: "<html><head><title>502 Bad Gateway</title></head><body>502 Bad Gateway</body></html>", 504: ""}
_PHRASES: Final = {status.value: status.phrase for status in HTTPStatus}
_BLOCKED: Final = (
    "You are being blocked from accessing our API temporarily due to exceeding our rate limits frequently."
)


class Fault(NamedTuple):
    """What is wrong in the body of a message: where, as a dotted path, Discord's name for it, and in words."""

    path: str
    code: str
    message: str

    def __str__(self) -> str:
        return f"{self.path or 'the body'}: {self.message}"


def answer(
    status: int, body: object, headers: Mapping[str, str] | None = None, *, by_edge: bool = False
) -> httpx.Response:
    """Return an answer whose body is JSON, or where it is a text, that text: a page of HTML, plain, or empty."""
    if isinstance(body, str):
        kind = "text/html; charset=UTF-8" if body.startswith("<") else "text/plain; charset=UTF-8"
        content = body
    else:
        kind, content = "application/json", json.dumps(body)
    origin = {"Server": "cloudflare"} if by_edge else {"Server": "cloudflare", "Via": "1.1 google"}
    typed = {"Content-Type": kind} if content else {}
    return httpx.Response(status, headers={**origin, **typed, **(headers or {})}, content=content.encode() or None)


def form_errors(faults: Iterable[Fault]) -> httpx.Response:
    """Return the answer to a body with faults, in a tree: keys, indices as texts, ``_errors`` at each faulty node."""
    tree: dict[str, Any] = {}
    for fault in faults:
        node = tree
        for name in filter(None, fault.path.split(".")):
            node = node.setdefault(name, {})
        node.setdefault("_errors", []).append({"code": fault.code, "message": fault.message})
    code, message = _INVALID_FORM
    return answer(400, {"message": message, "code": code, "errors": tree})


def typical(status: int, headers: Mapping[str, str] | None = None, *, by_edge: bool = False) -> httpx.Response:
    """Return the usual answer with a 4xx or 5xx: a 502 is a page and a 504 is empty, others are JSON."""
    code, message = _ERRORS.get(status, (0, f"{status}: {_PHRASES.get(status, 'Unknown')}"))
    return answer(status, _PAGES.get(status, {"message": message, "code": code}), headers, by_edge=by_edge)


def rate_limited(retry_after: float | str | None, scope: Scope) -> httpx.Response:
    """Return a 429 of Discord's own. Its wait is in the body as it is, and in the header in whole seconds."""
    who = "The resource is" if scope == "shared" else "You are"
    wait = {} if retry_after is None else {"retry_after": retry_after}
    body = {"message": f"{who} being rate limited.", **wait, "global": scope == "global"}
    headers = {**wait_header(retry_after), "X-RateLimit-Scope": scope}
    return answer(429, body, {**headers, "X-RateLimit-Global": "true"} if scope == "global" else headers)


def banned(retry_after: float | str | None) -> httpx.Response:
    """Return the 429 of the edge: a text that says for how many seconds, or a JSON page that does not."""
    if retry_after is None:
        return answer(429, {"code": 0, "message": _BLOCKED}, by_edge=True)
    return answer(429, "error code: 1015", wait_header(retry_after), by_edge=True)


def wait_header(retry_after: float | str | None) -> dict[str, str]:
    """Return the header that asks to wait: whole seconds, or any text; none for None."""
    if retry_after is None:
        return {}
    return {"Retry-After": retry_after if isinstance(retry_after, str) else str(math.ceil(retry_after))}
