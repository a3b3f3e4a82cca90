"""Applies all rules to a text."""

from __future__ import annotations

from typing import Final

from resilience._secrets.assignments import hide_assignments
from resilience._secrets.commands import COMMANDS
from resilience._secrets.formats import FORMATS
from resilience._secrets.patterns import MARKER
from resilience._secrets.quotations import QUOTATIONS
from resilience._secrets.urls import hide_userinfo

# A hidden secret may uncover the context of another one, so the rules run until nothing changes, which makes redaction
# idempotent. Text that is written to never settle is hidden as a whole.
_MOST_PASSES: Final = 6

_SHAPES: Final = (*FORMATS, *QUOTATIONS, *COMMANDS)


def hide_secrets(text: str) -> str:
    """Replace every secret that the rules find by the marker, in time linear in the length of ``text``."""
    for _ in range(_MOST_PASSES):
        hidden = _one_pass(text)
        if hidden == text:
            return text
        text = hidden
    return MARKER


def _one_pass(text: str) -> str:
    lowered = text.lower()
    text = hide_userinfo(text)
    for shape in _SHAPES:
        for anchor in shape.anchors:
            if anchor in lowered:
                text = shape.hide(text)
                break
    return hide_assignments(text)
