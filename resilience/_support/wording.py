"""How messages put things into words: numbers, and what to say about a name that is not known."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Final

_MOST: Final = 5  # names in one sentence


def counted(number: int, noun: str) -> str:
    """Return a number with its noun: ``1 call``, ``2 calls``."""
    return f"{number} {noun}" if number == 1 else f"{number} {noun}s"


def closest(name: str, names: Iterable[str], *, most: int = 3, cutoff: float = 0.6) -> list[str]:
    """Return the names most like one that is not among them, in any case, the likest first.

    Args:
        name: What was asked for.
        names: What there is.
        most: How many names at most.
        cutoff: How like they have to be, from 0 to 1.
    """
    import difflib  # only a mistake needs it

    by_lower_case: dict[str, list[str]] = {}
    for each in sorted(names):
        by_lower_case.setdefault(each.lower(), []).append(each)
    matches = difflib.get_close_matches(name.lower(), by_lower_case, n=most, cutoff=cutoff)
    return [each for match in matches for each in by_lower_case[match]][:most]


def did_you_mean(name: str, names: Iterable[str]) -> str:
    """Return `` (did you mean 'this' or 'that'?)`` of the names most like ``name``; empty when none is."""
    found = [f"'{each}'" for each in closest(name, names)]
    if not found:
        return ""
    others = f"{', '.join(found[:-1])} or " if len(found) > 1 else ""
    return f" (did you mean {others}{found[-1]}?)"


def suggestion(name: str, names: Sequence[str]) -> str:
    """Return a sentence with the names that come closest to one that is not among them."""
    if not names:
        return "None is known: import the module that declares it first."
    tail = _tail(name)
    near = closest(name, names, most=_MOST)
    near += [each for each in names if tail and _tail(each) == tail and each not in near]
    near = near or closest(name, names, most=_MOST, cutoff=0.4)
    if near:
        return f"Closest: {', '.join(near[:_MOST])}."
    more = len(names) - _MOST
    return f"Known: {', '.join(names[:_MOST])}{f' and {more} more' if more > 0 else ''}."


def _tail(name: str) -> str:
    return name.rpartition(":")[2].rpartition(".")[2].lower()
