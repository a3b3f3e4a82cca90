"""What is in an exception group, and what has led to an error."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

_MOST: Final = 10_000  # a group of groups can be made as deep and wide as one likes


def leaves(error: BaseException) -> Iterator[BaseException]:
    """Yield the exceptions in a group that are no groups themselves, in order; of any other exception, itself."""
    pending, seen = [error], 0
    while pending and seen < _MOST:
        seen += 1
        each = pending.pop()
        if isinstance(each, BaseExceptionGroup):
            pending += reversed(each.exceptions)
        else:
            yield each


def roots(error: BaseException) -> Iterator[BaseException]:
    """Yield an exception, what is in it if it is a group, and the ``__cause__`` of each of these, each of them once."""
    pending: list[BaseException] = [error]
    seen: set[int] = set()
    while pending and len(seen) < _MOST:
        each = pending.pop()
        if id(each) in seen:
            continue
        seen.add(id(each))
        yield each
        if each.__cause__ is not None:
            pending.append(each.__cause__)
        if isinstance(each, BaseExceptionGroup):
            pending += reversed(each.exceptions)
