"""What an error says, as it is. Callers that show it clean it first, and cut it after that."""

from __future__ import annotations

import contextlib
import re
from typing import Final

from resilience._support.leaves import leaves

ADDRESS: Final = re.compile(r" at 0x[0-9a-fA-F]+")
"""Where in memory something is, as its text says it: that differs in each run."""

_MOST_LEAVES: Final = 5  # a log line shows 2000 characters
_LEAF_CHARACTERS: Final = 500  # of each, so that none hides the others


def name_of(error: BaseException) -> str:
    """Return the name of the exception's class, whatever its metaclass says."""
    name: str = type.__dict__["__name__"].__get__(type(error))
    return name


def own_text(error: BaseException) -> str:
    """Return ``str(error)``; an exception whose text can't be read is described instead."""
    try:
        return str(error)
    except Exception as failure:  # noqa: BLE001 - whatever a user's __str__ raises, the report goes on
        return f"<{name_of(error)} whose text could not be read: {name_of(failure)}>"


def text_of(error: BaseException) -> str:
    """Return what an error says: its own text, else the name of its type.

    A group's text is followed by those of its leaves. tenacity's `RetryError` says what the last attempt failed with.
    """
    text = own_text(error)
    if isinstance(error, BaseExceptionGroup):
        return f"{text}: {'; '.join(texts_of_leaves(error))}"
    if text.startswith("RetryError[<Future "):
        last = _error_of_last_attempt(error)
        return ADDRESS.sub("", text, count=1) if last is None else _named(last, own_text(last))
    return text if text.strip() else name_of(error)


def _error_of_last_attempt(error: BaseException) -> BaseException | None:
    if error.__cause__ is not None:
        return error.__cause__
    with contextlib.suppress(Exception):  # one that is raised by hand may hold anything
        last = error.args[0].exception(timeout=0)
        return last if isinstance(last, BaseException) else None
    return None


def texts_of_leaves(group: BaseException) -> list[str]:
    """Return the type and the text of the first few leaves of a group, and how many more there are."""
    texts: list[str] = []
    more = 0
    for leaf in leaves(group):
        if len(texts) < _MOST_LEAVES:
            texts.append(_cut(_named(leaf, text_of(leaf))))
        else:
            more += 1
    return [*texts, f"and {more} more"] if more else texts


def _named(error: BaseException, text: str) -> str:
    name = name_of(error)
    return name if text in {"", name} else f"{name}: {text}"


def _cut(text: str) -> str:
    """Cut a long text at a blank: no rule of redaction would know half of a secret."""
    return text if len(text) <= _LEAF_CHARACTERS else f"{text[:_LEAF_CHARACTERS].rpartition(' ')[0]} …"
