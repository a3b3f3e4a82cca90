"""What Discord answers, and what the edge in front of it answers in its place.

Source: Discord developer documentation, "Error Messages" and "Rate Limits". What the edge sends, and that its answers
lack ``Via``, is not documented there; it is what clients have met.
"""

from __future__ import annotations

import json
import math
from collections.abc import Iterator, Mapping
from http import HTTPStatus
from typing import Any, Final, Literal, TypeAlias

import httpx

Scope: TypeAlias = Literal["user", "shared", "global"]
Errors: TypeAlias = dict[str, Any]
"""A tree of form errors, which follows the body: keys, indices as texts, and at each faulty node ``_errors``."""

INVALID_FORM: Final = 50035
_REACHED: Final = {"Via": "1.1 google", "Server": "cloudflare"}
_EDGE: Final = {"Server": "cloudflare"}
_MILLISECONDS: Final = 1000
_PHRASES: Final = {status.value: status.phrase for status in HTTPStatus}
_KNOWN: Final[dict[int, tuple[int, str]]] = {
    400: (INVALID_FORM, "Invalid Form Body"),
    401: (50027, "Invalid Webhook Token"),
    403: (50013, "Missing Permissions"),
    404: (10015, "Unknown Webhook"),
    413: (40005, "Request entity too large"),
}
_PAGE: Final = (
    "<html>\r\n<head><title>{0}</title></head>\r\n<body>\r\n<center><h1>{0}</h1></center>\r\n</body>\r\n</html>\r\n"
)
_BLOCKED: Final = (
    "You are being blocked from accessing our API temporarily due to exceeding our rate limits frequently."
)


def answer_json(
    status: int, value: object, headers: Mapping[str, str] | None = None, *, edge: bool = False
) -> httpx.Response:
    """Return an answer with a JSON body, in ASCII: a lone surrogate of the request has no other form."""
    return _answer(status, json.dumps(value), "application/json", headers, edge=edge)


def answer_text(
    status: int, text: str, headers: Mapping[str, str] | None = None, *, edge: bool = False
) -> httpx.Response:
    """Return an answer with a text body: HTML where it looks like that, and without a type where it is empty."""
    kind = "text/html" if text.lstrip().startswith("<") else "text/plain"
    return _answer(status, text, f"{kind}; charset=UTF-8" if text else None, headers, edge=edge)


def error(status: int, code: int, message: str) -> httpx.Response:
    """Return an error in the shape that all versions share."""
    return answer_json(status, {"message": message, "code": code})


def form_errors(errors: Errors, *, legacy: bool = False) -> httpx.Response:
    """Return the answer to a body with faults; before version 8, a flat map of fields to texts."""
    if legacy:
        return answer_json(400, dict(_flat(errors)))
    return answer_json(400, {"message": "Invalid Form Body", "code": INVALID_FORM, "errors": errors})


def rate_limited(wait_s: float, scope: Scope, *, legacy: bool = False) -> httpx.Response:
    """Return a 429 of Discord's own; before version 8, its waits are in milliseconds."""
    what = "resource is" if scope == "shared" else "You are"
    body = {
        "message": f"{'The ' if scope == 'shared' else ''}{what} being rate limited.",
        "retry_after": round(wait_s * _MILLISECONDS) if legacy else float(wait_s),
        "global": scope == "global",
    }
    header = wait_s * _MILLISECONDS if legacy else wait_s
    return answer_json(429, body, {"Retry-After": str(math.ceil(header)), **scope_headers(scope)})


def scope_headers(scope: Scope) -> dict[str, str]:
    """Return the headers that say whose limit was hit."""
    return {"X-RateLimit-Scope": scope, **({"X-RateLimit-Global": "true"} if scope == "global" else {})}


def banned(wait_s: float | str | None) -> httpx.Response:
    """Return the 429 of the edge: a text that says for how many seconds, or a JSON page that does not."""
    if wait_s is None:
        return answer_json(429, {"code": 0, "message": _BLOCKED}, edge=True)
    text = wait_s if isinstance(wait_s, str) else str(math.ceil(wait_s))
    return answer_text(429, "error code: 1015", {"Retry-After": text}, edge=True)


def user_agent_blocked() -> httpx.Response:
    """Return the 403 of the edge for a client that it does not like."""
    return answer_text(403, "error code: 1010", edge=True)


def typical(status: int) -> httpx.Response:
    """Return the usual answer with a status other than 2xx: a 502 is a page and a 504 is empty, others are JSON."""
    if status == HTTPStatus.BAD_GATEWAY:
        return answer_text(status, _PAGE.format("502 Bad Gateway"))
    if status == HTTPStatus.GATEWAY_TIMEOUT:
        return answer_text(status, "")
    code, message = _KNOWN.get(status, (0, f"{status}: {_PHRASES.get(status, 'Unknown')}"))
    return error(status, code, message)


def leaf(code: str, message: str) -> Errors:
    """Return a node of a tree of form errors."""
    return {"_errors": [{"code": code, "message": message}]}


def fault_lines(errors: Errors, path: str = "") -> Iterator[str]:
    """Flatten a tree of form errors to lines, such as ``embeds.0.title: Must be 256 or fewer in length.``."""
    for fault in errors.get("_errors", ()):
        yield f"{path or 'the body'}: {fault['message']}"
    for key, node in errors.items():
        if key != "_errors":
            yield from fault_lines(node, f"{path}.{key}" if path else key)


def _answer(
    status: int, text: str, kind: str | None, headers: Mapping[str, str] | None, *, edge: bool
) -> httpx.Response:
    typed = {} if kind is None else {"Content-Type": kind}
    return httpx.Response(
        status,
        headers={**(_EDGE if edge else _REACHED), **typed, **(headers or {})},
        content=text.encode("utf-8", "replace") if text else None,
    )


def _flat(errors: Errors) -> Iterator[tuple[str, list[str]]]:
    for key, node in errors.items():
        if key == "_errors":
            yield "_misc", [fault["message"] for fault in node]
        elif "_errors" in node:
            yield key, [fault["message"] for fault in node["_errors"]]
        elif all(child.isdecimal() for child in node):
            yield key, list(node)
        else:
            yield key, [line.partition(": ")[2] for line in fault_lines(node)]
