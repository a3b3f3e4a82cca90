"""The one thing that makes a run differ from another: decisions, of which 0 is what would happen without the kit.

A decision is asked by what it is about, such as ``Payments.charge, call 1``, and not by its position: one that goes
another way moves those that follow. A plan is the few that are not 0.
"""

from __future__ import annotations

import base64
import binascii
import zlib
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, Final, NamedTuple, TypeAlias, final

SEPARATOR: Final = ", call "
"""Between a point and the number of the call, in what a decision about a fault is about."""

_HEAD: Final = "r1-"
_LONGEST_TOKEN: Final = 10_000  # of characters; one of dozens of decisions has some hundred
_LONGEST_PLAN: Final = 100_000  # of bytes: what is pasted must not fill the memory as it is unpacked
_END_OF_NAME: Final = "\x1f"  # no name of a point or thread has it
_END_OF_DECISION: Final = "\x1e"


class Taken(NamedTuple):
    """One decision of a plan that is not 0.

    Attributes:
        about: What it is about.
        choice: Which of the options, from 1.
    """

    about: str
    choice: int


Plan: TypeAlias = tuple[Taken, ...]
Draw: TypeAlias = Callable[[Sequence[Any]], int]


class TokenError(ValueError):
    """A text that is no replay token; the message says what one looks like."""


@final
@dataclass(frozen=True, slots=True)
class Asked:
    """One decision of a run.

    Attributes:
        about: What it is about; different for each decision of a run.
        options: What could have happened instead of nothing.
        choice: What was taken: 0 for nothing, else the option, from 1.
    """

    about: str
    options: Sequence[Any]
    choice: int


@final
class Decisions:
    """Takes the decisions of one run as its plan says, and keeps what was asked.

    Args:
        plan: The decisions that are not 0.
        draw: Says what happens at a decision that the plan does not name, out of its options; None: 0.

    Attributes:
        asked: Every decision, in the order in which they came.

    Example:
        >>> decisions = Decisions((Taken("b, call 1", 2),))
        >>> decisions.choose("a, call 1", ["late", "never"]), decisions.choose("b, call 1", ["late", "never"])
        (0, 2)
    """

    def __init__(self, plan: Plan = (), draw: Draw | None = None) -> None:
        self.asked: list[Asked] = []
        self._plan = dict(plan)
        self._met: set[str] = set()
        self._draw = draw

    def choose(self, about: str, options: Sequence[Any]) -> int:
        """Say what happens: 0 for what would happen anyway, else which of the options, from 1."""
        choice = self._plan.get(about, 0)
        if choice > len(options):
            choice = 0
        elif choice:
            self._met.add(about)
        elif self._draw is not None:
            choice = self._draw(options)
        self.asked.append(Asked(about, options, choice))
        return choice

    @property
    def taken(self) -> Plan:
        """The plan that the run has followed: those of the decisions asked that are not 0."""
        return tuple(Taken(each.about, each.choice) for each in self.asked if each.choice)

    @property
    def unmet(self) -> list[Taken]:
        """The decisions of the plan that were never asked, or have fewer options now."""
        return [Taken(about, choice) for about, choice in self._plan.items() if about not in self._met]


class Replay(NamedTuple):
    """What a token stands for: a plan, and the seed under which it was run."""

    seed: int
    plan: Plan


def token_of(plan: Plan, seed: int) -> str:
    """Return the text that stands for a run on the command line.

    >>> replay_of(token_of((Taken("Payments.charge, call 1", 2),), seed=7))
    Replay(seed=7, plan=(Taken(about='Payments.charge, call 1', choice=2),))
    """
    text = _END_OF_DECISION.join([str(seed), *(f"{about}{_END_OF_NAME}{choice}" for about, choice in plan)])
    packed = zlib.compress(text.encode(), 9)
    return _HEAD + base64.urlsafe_b64encode(packed).decode().rstrip("=")


def replay_of(token: str) -> Replay:
    """Return the run that a token stands for.

    Raises:
        TokenError: It stands for none.
    """
    try:
        if not token.startswith(_HEAD) or len(token) > _LONGEST_TOKEN:
            raise ValueError(token)
        text = token.removeprefix(_HEAD)
        packed = base64.b64decode(text + "=" * (-len(text) % 4), altchars="-_", validate=True)
        unpacking = zlib.decompressobj()
        text = unpacking.decompress(packed, _LONGEST_PLAN).decode()
        if not unpacking.eof or not text:
            raise ValueError(token)
        seed, *decisions = text.split(_END_OF_DECISION)
        taken = [each.split(_END_OF_NAME) for each in decisions]
        return Replay(int(seed), tuple(Taken(about, _choice(choice)) for about, choice in taken))
    except (ValueError, binascii.Error, zlib.error):
        raise TokenError(
            f"{token[:80]!r} is no replay token: it begins with {_HEAD!r} and is copied whole from the line `again:` "
            "of a finding"
        ) from None


def _choice(text: str) -> int:
    choice = int(text)
    if choice < 1:
        raise ValueError(text)
    return choice
