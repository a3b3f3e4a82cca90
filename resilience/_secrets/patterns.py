"""What the rules are made of: patterns that are compiled late, and shapes that are tried only where they may match."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Final, final

MARKER: Final = "[redacted]"


@final
class Lazy:
    """A pattern that is compiled when it is first used: most never are, and all together would slow every import."""

    def __init__(self, source: str, flags: re.RegexFlag | int = 0) -> None:
        self._source, self._flags = source, flags
        self._compiled: re.Pattern[str] | None = None

    @property
    def compiled(self) -> re.Pattern[str]:
        """The compiled pattern."""
        if self._compiled is None:
            self._compiled = re.compile(self._source, self._flags)
        return self._compiled

    def length(self, text: str, start: int) -> int:
        """How many characters match at ``start``; 0 if none do."""
        found = self.compiled.match(text, start)
        return found.end() - start if found else 0

    def fits(self, text: str) -> bool:
        """Whether the whole of ``text`` matches."""
        return self.compiled.fullmatch(text) is not None


@final
class Shape:
    """A pattern whose group ``secret`` is replaced by the marker, unless ``judge`` finds the match harmless.

    It is tried only on text that holds one of the ``anchors``, which are given in lower case: nearly no text does, and
    looking for them costs a fraction of a microsecond. Quotes around the secret stay.
    """

    def __init__(
        self,
        anchors: tuple[str, ...],
        source: str,
        flags: re.RegexFlag | int = 0,
        judge: Callable[[re.Match[str]], bool] | None = None,
    ) -> None:
        self.anchors = anchors
        self._pattern, self._judge = Lazy(source, flags), judge

    def hide(self, text: str) -> str:
        """Replace every secret of this shape by the marker."""
        return self._pattern.compiled.sub(self._replace, text)

    def _replace(self, found: re.Match[str]) -> str:
        whole, secret = found[0], found["secret"]
        start = found.start("secret") - found.start()
        if len(secret) > 1 and secret[0] == secret[-1] and secret[0] in "\"'":
            start, secret = start + 1, secret[1:-1]
        if secret.startswith(MARKER) or (self._judge is not None and not self._judge(found)):
            return whole
        return f"{whole[:start]}{MARKER}{whole[start + len(secret) :]}"
