"""How long what is in a message may be.

Source: Discord developer documentation, "Execute Webhook", "Embed Limits" and, for the name, "Create Webhook". Lengths
count code points after white space at the ends is taken off, and limits are inclusive. The codes of single faults are
not documented as a whole; these are what clients have met, and real ones must accept any.
"""

from __future__ import annotations

from typing import Any, Final

from pytest_resilience.discord._answers import Fault

_NO_LIMIT: Final = 10**9  # more than any message has
_LIMITS: Final[dict[str, tuple[type[dict[str, Any] | list[Any] | str], int]]] = {
    "": (dict, _NO_LIMIT),
    "content": (str, 2000),
    "username": (str, 80),
    "embeds": (list, 10),
    "embeds.*": (dict, _NO_LIMIT),
    "embeds.*.title": (str, 256),
    "embeds.*.description": (str, 4096),
    "embeds.*.fields": (list, 25),
    "embeds.*.fields.*": (dict, _NO_LIMIT),
    "embeds.*.fields.*.name": (str, 256),
    "embeds.*.fields.*.value": (str, 1024),
    "embeds.*.footer": (dict, _NO_LIMIT),
    "embeds.*.footer.text": (str, 2048),
    "embeds.*.author": (dict, _NO_LIMIT),
    "embeds.*.author.name": (str, 256),
}
_ALL_EMBEDS: Final = 6000  # all texts above of all embeds together; URLs, for one, do not count
_OTHER_KIND: Final[dict[object, tuple[str, str]]] = {
    dict: ("MODEL_TYPE_CONVERT", "Only dictionaries may be used in a ModelType"),
    list: ("LIST_TYPE_CONVERT", "Only iterables may be used in a ListType"),
    str: ("STRING_TYPE_CONVERT", "Could not interpret it as string."),
}


def faults_of(body: object) -> list[Fault]:
    """Return what is too long in the body of a message, or has no length as it is something else."""
    faults, in_embeds = [], 0
    for pattern, (kind, most) in _LIMITS.items():
        for path, value in values_at(body, pattern):
            if not isinstance(value, kind):
                faults.append(Fault(path, *_OTHER_KIND[kind]))
                continue
            length = len(value.strip() if isinstance(value, str) else value)
            if length > most:
                faults.append(Fault(path, "BASE_TYPE_MAX_LENGTH", f"Must be {most} or fewer in length."))
            if kind is str and pattern.startswith("embeds"):
                in_embeds += length
    if in_embeds > _ALL_EMBEDS:
        faults.append(Fault("embeds", "MAX_EMBED_SIZE_EXCEEDED", f"Embed size exceeds maximum size of {_ALL_EMBEDS}"))
    return faults


def values_at(body: object, pattern: str) -> list[tuple[str, Any]]:
    """Find what stands at a path in a JSON value, where ``*`` is any index. What is null is not there.

    >>> values_at({"embeds": [{"title": "a"}, {"title": None}, {"title": "b"}]}, "embeds.*.title")
    [('embeds.0.title', 'a'), ('embeds.2.title', 'b')]
    """
    found: list[tuple[str, Any]] = [("", body)]
    for name in filter(None, pattern.split(".")):
        inside: list[tuple[str, Any]] = []
        for path, holder in found:
            if name == "*" and isinstance(holder, list):
                inside += [(f"{path}.{index}", each) for index, each in enumerate(holder)]
            elif isinstance(holder, dict) and holder.get(name) is not None:
                inside.append((f"{path}.{name}".lstrip("."), holder[name]))
        found = inside
    return found
