"""The checks that Discord makes on the body of a message.

Source: Discord developer documentation, "Execute Webhook", "Embed Limits", "Allowed Mentions" and "Usernames and
Nicknames". Lengths count code points after white space at the ends is taken off, and limits are inclusive. The codes of
single faults are not documented as a whole; these are what clients have met, and real ones must accept any.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from datetime import datetime
from typing import Any, Final, TypeAlias
from urllib.parse import urlsplit

from pytest_resilience.discord._answers import Errors, leaf

Check: TypeAlias = Callable[[object], Errors]
"""Returns the faults of a value: empty where it has none. An absent value is None."""

_ALL_EMBEDS: Final = 6000
_LARGEST_SNOWFLAKE: Final = 2**64 - 1
_SNOWFLAKE_DIGITS: Final = 20
_INVISIBLE: Final = "\u200b\u200c\u200d\u2060\ufeff"
_LONGEST_USERNAME: Final = 80
_V2_COMPONENTS: Final = 1 << 15
_DEEPEST: Final = 100
_MENTIONABLE: Final = ("everyone", "roles", "users")


def read_json(content: bytes) -> object:
    """Return the value of a JSON text.

    Raises:
        ValueError: It is none, or one that no server takes: not in UTF-8, with NaN, or without an end to its nesting.
    """
    try:
        value = json.loads(content.decode("utf-8"), parse_constant=_refuse_constant)
    except RecursionError:
        raise ValueError("too deeply nested") from None
    _check_depth(value)
    return value


def body_errors(body: object) -> Errors:
    """Return the form errors of the body of a message."""
    errors = _MESSAGE(body)
    if not isinstance(body, dict):
        return errors
    _merge(errors, _all_embeds_errors(body.get("embeds")))
    flags = body.get("flags")
    if isinstance(flags, int) and flags & _V2_COMPONENTS:
        for name in ("content", "embeds", "poll"):
            if body.get(name):
                message = f"The '{name}' field cannot be used when using MessageFlags.IS_COMPONENTS_V2"
                _merge(errors, {name: leaf("MESSAGE_CANNOT_USE_LEGACY_FIELDS_WITH_COMPONENTS_V2", message)})
    return errors


def query_errors(query: Mapping[str, str]) -> Errors:
    """Return the form errors of the query string of a request."""
    errors: Errors = {}
    for name in ("wait", "with_components"):
        if name in query and as_boolean(query[name]) is None:
            errors[name] = leaf("BOOLEAN_TYPE_CONVERT", "Must be either true or false.")
    if "thread_id" in query:
        _merge(errors, _under("thread_id", snowflake(query["thread_id"])))
    return errors


def says_something(body: Mapping[str, Any]) -> bool:
    """Tell whether a body without form errors has anything to show."""
    content = body.get("content")
    return bool(content and content.strip()) or any(body.get(name) for name in ("embeds", "components", "poll"))


def as_boolean(text: str) -> bool | None:
    """Return what a boolean in a query string says; None where it is none."""
    return {"true": True, "True": True, "1": True, "false": False, "False": False, "0": False}.get(text)


def snowflake(value: object) -> Errors:
    """Check an id: an integer of 64 bits, as a number or a text."""
    digits = str(value) if isinstance(value, int) and not isinstance(value, bool) else value
    if value is None or (
        isinstance(digits, str)
        and digits.isascii()
        and digits.isdecimal()
        and len(digits) <= _SNOWFLAKE_DIGITS
        and int(digits) <= _LARGEST_SNOWFLAKE
    ):
        return {}
    return leaf("NUMBER_TYPE_COERCE", f'Value "{_shown(value)}" is not snowflake.')


def username(value: object) -> Errors:
    """Check the name that a message is shown under. One that nobody could see is taken, and the webhook's own shown."""
    errors = _text(_LONGEST_USERNAME)(value)
    if errors or not isinstance(value, str):
        return errors
    if not value:
        return leaf("BASE_TYPE_BAD_LENGTH", f"Must be between 1 and {_LONGEST_USERNAME} in length.")
    for word in ("clyde", "discord"):
        if word in value.lower():
            return leaf("USERNAME_INVALID_CONTAINS", f'Username cannot contain "{word}"')
    if value.strip().lower() in {"everyone", "here"}:
        return leaf("USERNAME_INVALID", f'Username cannot be "{value.strip().lower()}"')
    return {}


def shown_username(value: object, default: str) -> str:
    """Return the name that a message without form errors is shown under."""
    return value.strip() if isinstance(value, str) and value.strip().strip(_INVISIBLE) else default


def _text(most: int, *, least: int = 0, required: bool = False) -> Check:
    def check(value: object) -> Errors:
        if required and (value is None or (isinstance(value, str) and not value.strip())):
            return leaf("BASE_TYPE_REQUIRED", "This field is required")
        if value is None:
            return {}
        if not isinstance(value, str):
            return leaf("STRING_TYPE_CONVERT", f'Could not interpret "{_shown(value)}" as string.')
        length = len(value.strip())
        if least and not least <= length <= most:
            return leaf("BASE_TYPE_BAD_LENGTH", f"Must be between {least} and {most} in length.")
        return leaf("BASE_TYPE_MAX_LENGTH", f"Must be {most} or fewer in length.") if length > most else {}

    return check


def _list(of: Check, most: int | None = None) -> Check:
    def check(value: object) -> Errors:
        if value is None:
            return {}
        if not isinstance(value, list):
            return leaf("LIST_TYPE_CONVERT", "Only iterables may be used in a ListType")
        if most is not None and len(value) > most:
            return leaf("BASE_TYPE_MAX_LENGTH", f"Must be {most} or fewer in length.")
        return {str(index): errors for index, each in enumerate(value) if (errors := of(each))}

    return check


def _model(**fields: Check) -> Check:
    def check(value: object) -> Errors:
        if not isinstance(value, dict):
            return leaf("MODEL_TYPE_CONVERT", "Only dictionaries may be used in a ModelType")
        return {name: errors for name, each in fields.items() if (errors := each(value.get(name)))}

    return check


def _optional(check: Check) -> Check:
    return lambda value: {} if value is None else check(value)


def _boolean(value: object) -> Errors:
    if value is None or isinstance(value, bool):
        return {}
    return leaf("BOOLEAN_TYPE_CONVERT", "Must be either true or false.")


def _integer(most: int) -> Check:
    def check(value: object) -> Errors:
        if value is None:
            return {}
        if not isinstance(value, int) or isinstance(value, bool):
            return leaf("NUMBER_TYPE_COERCE", f'Value "{_shown(value)}" is not int.')
        if value < 0:
            return leaf("NUMBER_TYPE_MIN", "int value should be greater than or equal to 0.")
        return leaf("NUMBER_TYPE_MAX", f"int value should be less than or equal to {most}.") if value > most else {}

    return check


def _url(*schemes: str) -> Check:
    def check(value: object) -> Errors:
        if value is None or value == "":
            return {}
        if not isinstance(value, str):
            return leaf("STRING_TYPE_CONVERT", f'Could not interpret "{_shown(value)}" as string.')
        try:
            parts = urlsplit(value)
        except ValueError:
            return leaf("URL_TYPE_INVALID_URL", "Not a well formed URL.")
        if parts.scheme not in schemes:
            return leaf("URL_TYPE_INVALID_SCHEME", f'Scheme "{_shown(parts.scheme)}" must be one of {schemes}.')
        return {} if parts.netloc else leaf("URL_TYPE_INVALID_URL", "Not a well formed URL.")

    return check


def _timestamp(value: object) -> Errors:
    if value is None:
        return {}
    try:
        datetime.fromisoformat(value)  # type: ignore[arg-type]  # anything else than a text is a TypeError here
    except (TypeError, ValueError):
        return leaf("DATE_TIME_TYPE_PARSE", f'Could not parse "{_shown(value)}". Should be ISO8601.')
    return {}


def _allowed_mentions(value: object) -> Errors:
    errors = _MENTIONS(value)
    if errors or not isinstance(value, dict):
        return errors
    for kind in ("users", "roles"):
        if kind in (value.get("parse") or ()) and value.get(kind):
            message = f'parse:["{kind}"] and {kind}: [ids...] are mutually exclusive.'
            return leaf("MESSAGE_ALLOWED_MENTIONS_PARSE_EXCLUSIVE", message)
    return {}


def _mentionable(value: object) -> Errors:
    if value in _MENTIONABLE:
        return {}
    return leaf("BASE_TYPE_CHOICES", f"Value must be one of {_MENTIONABLE}.")


def _all_embeds_errors(embeds: object) -> Errors:
    if not isinstance(embeds, list) or sum(map(_characters, embeds)) <= _ALL_EMBEDS:
        return {}
    return {"embeds": leaf("MAX_EMBED_SIZE_EXCEEDED", f"Embed size exceeds maximum size of {_ALL_EMBEDS}")}


def _characters(embed: object) -> int:
    """Count what counts for the sum over all embeds."""
    if not isinstance(embed, dict):
        return 0
    fields = embed["fields"] if isinstance(embed.get("fields"), list) else []
    places = [(embed, "title"), (embed, "description"), (embed.get("footer"), "text"), (embed.get("author"), "name")]
    places += [(field, name) for field in fields for name in ("name", "value")]
    texts = [holder.get(name) for holder, name in places if isinstance(holder, dict)]
    return sum(len(text.strip()) for text in texts if isinstance(text, str))


def _under(name: str, errors: Errors) -> Errors:
    return {name: errors} if errors else {}


def _merge(errors: Errors, more: Errors) -> None:
    for name, node in more.items():
        if name == "_errors":
            errors.setdefault("_errors", []).extend(node)
        else:
            _merge(errors.setdefault(name, {}), node)


def _check_depth(value: object) -> None:
    level: list[object] = [value]
    for _ in range(_DEEPEST):
        holders = [each for each in level if isinstance(each, (dict, list))]
        if not holders:
            return
        level = [each for holder in holders for each in (holder.values() if isinstance(holder, dict) else holder)]
    raise ValueError("too deeply nested")


def _refuse_constant(name: str) -> object:
    raise ValueError(f"{name} is no JSON")


def _shown(value: object) -> str:
    text = value if isinstance(value, str) else type(value).__name__
    return text[:50]


_LINK: Final = _url("http", "https")
_PICTURE: Final = _url("http", "https", "attachment")
_EMBED: Final = _model(
    title=_text(256),
    description=_text(4096),
    url=_LINK,
    timestamp=_timestamp,
    color=_integer(0xFFFFFF),
    footer=_optional(_model(text=_text(2048), icon_url=_PICTURE)),
    image=_optional(_model(url=_PICTURE)),
    thumbnail=_optional(_model(url=_PICTURE)),
    author=_optional(_model(name=_text(256), url=_LINK, icon_url=_PICTURE)),
    fields=_list(_model(name=_text(256, required=True), value=_text(1024, required=True), inline=_boolean), most=25),
)
_MENTIONS: Final = _optional(
    _model(parse=_list(_mentionable), users=_list(snowflake, most=100), roles=_list(snowflake, most=100))
)
_MESSAGE: Final = _model(
    content=_text(2000),
    username=username,
    avatar_url=_LINK,
    tts=_boolean,
    embeds=_list(_EMBED, most=10),
    allowed_mentions=_allowed_mentions,
    flags=_integer(2**63 - 1),
    thread_name=_text(100, least=1),
    applied_tags=_list(snowflake),
)
