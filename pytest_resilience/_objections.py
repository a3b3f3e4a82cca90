"""What the kit itself objects to: raised past the handlers of the code under test, and kept for its end."""

from __future__ import annotations

from typing import NoReturn, final

import pytest


@final
class Objections:
    """The misuse that was found in one test.

    An objection is raised as what `pytest.fail` raises, which is no `Exception`: code under test can neither retry nor
    swallow it by accident. A thread may lose it all the same, so it is also kept.
    """

    def __init__(self) -> None:
        self.texts: list[str] = []

    def object(self, text: str) -> NoReturn:
        self.texts.append(text)
        raise pytest.fail.Exception(text)

    def settle(self, *complaints: str | None) -> None:
        """Raise what was objected to, and what else is complained of, at the end of a block that nobody else judges."""
        texts = list(dict.fromkeys([*self.texts, *filter(None, complaints)]))
        if texts:
            raise pytest.fail.Exception("\n".join(texts))
