"""What can be done to an HTTP request."""

from __future__ import annotations

from resilience._failpoints.script.actions.action import HTTP, TCP, Action, Parameter, action
from resilience._failpoints.script.quantities import (
    DURATION,
    HEADERS,
    LITERAL,
    SIZE_OR_SHARE,
    TEXT,
    Share,
    whole,
)


@action
class Status(Action):
    """Answer with a status of the script's own, and a body if it says one.

    Attributes:
        status: From 200 to 599.
        body: A text as body.
        retry_after: Nanoseconds for the header ``Retry-After``.
        json: What JSON can say, as body.
        headers: More headers.
    """

    word = "status"
    places = HTTP
    example = "2*status(503)->1*status(429, retry_after=2)"
    parameters = (
        Parameter("status", whole("an HTTP status", 200, 599)),
        Parameter("body", TEXT, is_required=False),
        Parameter("retry_after", DURATION, is_required=False, is_named=True),
        Parameter("json", LITERAL, is_required=False, is_named=True, excludes="body"),
        Parameter("headers", HEADERS, is_required=False, is_named=True),
    )

    status: int
    body: str | None = None
    retry_after: int | None = None
    json: object = None
    headers: dict[str, str] | None = None


@action
class Truncate(Action):
    """End the body early; the promised length is unchanged.

    Attributes:
        size: After so many bytes, or so much of the body.
    """

    word = "truncate"
    places = HTTP
    example = "1*truncate(50%)->off"
    parameters = (Parameter("size", SIZE_OR_SHARE),)

    size: int | Share


@action
class Garbage(Action):
    """Answer bytes that are no protocol, drawn from the seed, then close."""

    word = "garbage"
    places = HTTP | TCP
    example = "1*garbage->off"


@action
class Reset(Action):
    """End the connection with RST, a new one and an existing one."""

    word = "reset"
    places = HTTP | TCP
    example = "1*reset->off"
