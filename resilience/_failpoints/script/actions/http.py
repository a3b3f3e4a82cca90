"""What can be done to an HTTP request."""

from __future__ import annotations

from resilience._failpoints.script.actions.action import DISCORD, HTTP, TCP, Action, action, parameter
from resilience._failpoints.script.quantities import DURATION, HEADERS, LITERAL, SIZE_OR_SHARE, TEXT, Share, whole


@action
class Status(Action):
    """Answer with a status of the script's own, and a body if it says one."""

    word = "status"
    places = HTTP | DISCORD
    example = "2*status(503)->1*status(429, retry_after=2)"

    status: int = parameter(whole("an HTTP status", 200, 599))
    body: str | None = parameter(TEXT, default=None)
    retry_after: int | None = parameter(DURATION, default=None, is_named=True)
    json: object = parameter(LITERAL, default=None, is_named=True, excludes="body")
    headers: dict[str, str] | None = parameter(HEADERS, default=None, is_named=True)


@action
class Truncate(Action):
    """End the body early; the promised length is unchanged."""

    word = "truncate"
    places = HTTP
    example = "1*truncate(50%)->off"

    size: int | Share = parameter(SIZE_OR_SHARE)


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
