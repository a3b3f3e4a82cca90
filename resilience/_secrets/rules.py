"""All rules, and their application to a text."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from typing import Final

from resilience._secrets import MARKER
from resilience._secrets.assignments import ASSIGNMENTS
from resilience._secrets.places import Rule, places
from resilience._secrets.urls import URLS

# A hidden secret may uncover the context of another one, so the rules run until nothing changes, which makes redaction
# idempotent. Text that is written to never settle is hidden as a whole.
_MOST_PASSES: Final = 6
_COLOUR: Final = re.compile(r"\x1b\[[\d;]{0,20}m")

RULES: Final[Mapping[str, Rule]] = {"urls": URLS, **places(), "assignments": ASSIGNMENTS}


def hide_secrets(text: str, rules: Iterable[Rule] = tuple(RULES.values())) -> str:
    """Replace every secret that the rules find by the marker, in time linear in the length of ``text``.

    Colours may stand between a name and its value, so a text that holds a secret loses them.
    """
    if "\x1b[" in text:
        colourless = _COLOUR.sub("", text)
        hidden = _hide_all(colourless, rules)
        if hidden != colourless:
            return hidden
    return _hide_all(text, rules)


def _hide_all(text: str, rules: Iterable[Rule]) -> str:
    for _ in range(_MOST_PASSES):
        hidden, lowered = text, text.lower()
        for near, hide in rules:
            for word in near:
                if word in lowered:
                    hidden = hide(hidden)
                    break
        if hidden == text:
            return text
        text = hidden
    return MARKER
