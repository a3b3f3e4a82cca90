"""Reading what Discord, or the edge in front of it, answers to a message that it did not take.

Source: Discord developer documentation, "Rate Limits", "Error Messages", "Opcodes and Status Codes".
"""

from __future__ import annotations

import contextlib
import json
import math
import re
from collections.abc import Iterator, Mapping
from email.utils import parsedate_to_datetime
from http import HTTPStatus
from typing import Any, Final, final

from resilience._engine.retry_after import retry_after_of
from resilience.redact import clean

_MOST_FAULTS: Final = 5  # named in one line of the log
_DEEPEST_FAULT: Final = 10  # Discord's trees have six levels at most: embeds, index, fields, index, name, _errors
_PROBLEM_CHARACTERS: Final = 500  # of such a line
_TEXT_READ: Final = 2000  # of such an answer: a page begins with a head that says nothing
_TEXT_CHARACTERS: Final = 100  # of an answer that has no message: of a page in HTML, for example
_TAG: Final = re.compile(r"<style.*?</style>|<script.*?</script>|<[^>]*>", re.DOTALL | re.IGNORECASE)


@final
class DiscordError(Exception):
    """An answer other than 2xx.

    Attributes:
        status: The HTTP status.
        headers: The headers of the answer.
        body: The JSON object in it; empty where there was none.
        retry_after: What the body asks to wait, as it came.
    """

    def __init__(self, status: int, headers: Mapping[str, str], content: bytes) -> None:
        self.status = status
        self.headers = headers
        self.body = _json_object(content)
        self.retry_after = self.body.get("retry_after")
        self._text = content.decode("utf-8", "replace")
        super().__init__(self._describe())

    @property
    def code(self) -> object:
        """Discord's own number for the error; None where it gave none."""
        return self.body.get("code")

    @property
    def asks_to_wait_s(self) -> float:
        """The larger of what the body and the header ask, in seconds; 0.0 where neither can be understood."""
        return retry_after_of(self)

    @property
    def scope(self) -> str:
        """Whose limit was hit: ``user``, ``shared`` or ``global``."""
        if self.body.get("global") is True or self.headers.get("X-RateLimit-Global", "").lower() == "true":
            return "global"
        return self.headers.get("X-RateLimit-Scope", "user").lower()

    @property
    def is_ban(self) -> bool:
        """A 429 that the edge made: it concerns the whole address and not one webhook."""
        if self.asks_to_wait_s == 0 and _is_moment(self.headers.get("Retry-After")):
            return False  # the header of a ban says when it ends, and this one has no end to wait for
        says_when = self.asks_to_wait_s > 0 or _is_moment(self.retry_after)
        return "Via" not in self.headers or self.code == 0 or not says_when

    @property
    def is_edge_block(self) -> bool:
        """A 403 that the edge made because it does not like the client."""
        return self.code == 40333 or "error code: 1010" in self._text

    @property
    def refuses_username(self) -> bool:
        """A 400 over the name that the message is shown under, whose rules are not all documented."""
        faults = self.body.get("errors")
        return self.status == HTTPStatus.BAD_REQUEST and isinstance(faults, dict) and "username" in faults

    def _describe(self) -> str:
        text = f"HTTP {self.status}"
        if isinstance(self.code, int):
            text += f", code {self.code}"
        message = self.body.get("message")
        if not isinstance(message, str):
            message = " ".join(_TAG.sub(" ", self._text[:_TEXT_READ]).split())[:_TEXT_CHARACTERS]
        if message:
            text += f": {message}"
        faults = list(_faults(self.body.get("errors")))[:_MOST_FAULTS]
        if faults:
            text += f" ({'; '.join(faults)})"
        return clean(text, limit=_PROBLEM_CHARACTERS)


def _is_moment(value: object) -> bool:
    """Whether this is a number of seconds or a date, even a past one."""
    if isinstance(value, bool) or not isinstance(value, (int, float, str)):
        return False
    with contextlib.suppress(ValueError):
        return math.isfinite(float(value))
    with contextlib.suppress(ValueError, IndexError):
        return bool(parsedate_to_datetime(str(value)))
    return False


def _json_object(content: bytes) -> dict[str, Any]:
    try:
        value = json.loads(content)
    except (ValueError, RecursionError):
        return {}
    return value if isinstance(value, dict) else {}


def _faults(tree: object, path: tuple[str, ...] = ()) -> Iterator[str]:
    """Flatten the tree of form errors, to such lines as ``embeds.0.title: Must be 256 or fewer in length``."""
    if not isinstance(tree, dict) or len(path) > _DEEPEST_FAULT:
        return
    for key, value in tree.items():
        if key == "_errors" and isinstance(value, list):
            for fault in value:
                if isinstance(fault, dict):
                    yield f"{'.'.join(path) or 'message'}: {fault.get('message')}"
        else:
            yield from _faults(value, (*path, str(key)))
