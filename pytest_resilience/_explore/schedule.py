"""Deviations of the schedule: which of several threads goes on, where one is pre-empted, and what comes late.

In virtual time one thread runs at a time, in an order that depends on the program alone. A real machine may choose
another one wherever a thread blocks, and may stop a thread before any line of the program, and in the middle of a line
that reads and writes again, such as ``stock.left -= 1``. A timer, or an answer that a thread waits for, may come some
milliseconds late, so that others go first. Each is a decision, asked where that would make a difference.
"""

from __future__ import annotations

import re
import sys
import threading
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from types import FrameType
from typing import Any, Final, Self, final

from pytest_resilience._explore.decisions import Decisions
from pytest_resilience._explore.halves import halves_of
from pytest_resilience._explore.oracle.suspicion import is_users, short
from pytest_resilience.clock._plugin import Later, Member, Outcome, Waiter, current
from resilience.redact import clean

_COUNTED: Final = re.compile(r"(Thread|ThreadPoolExecutor|asyncio|Dummy|Timer)[-_]")  # another number in each run
_MOST_ASKED: Final = 5_000  # of one run: a loop of many lines asks at each of them
_LATENESS: Final = 10_000_000  # nanoseconds; a busy machine wakes a thread by so much late
_PATIENCE: Final = 20
"""How many turns a pre-empted thread stays behind others that only look whether something has come.

A pool looks for an idle worker at each job that it gets; a thread that spins until this one goes on does so for longer.
"""


@final
@dataclass(frozen=True, slots=True)
class Deviation:
    """Another course of the schedule at one decision.

    Attributes:
        text: What happens, in words.
        first: The thread that goes on otherwise, by its number.
        instead: The one that goes on under the deviation.
        is_late: Whether it takes time.
    """

    text: str
    first: int
    instead: int
    is_late: bool = False

    def __str__(self) -> str:
        return self.text


@final
class Schedule:
    """Takes the decisions of one run about its threads, for the length of a ``with`` block inside of its clock.

    Args:
        decisions: Says what happens.
        traced: Whether to look at the lines of the program, which a run with one thread does not need.

    Attributes:
        switched: Whether several threads have taken turns.
    """

    def __init__(self, decisions: Decisions, *, traced: bool) -> None:
        self.switched = False
        self._decisions = decisions
        self._traced = traced
        self._numbers: dict[Member, int] = {}
        self._labels: dict[Member, str] = {}
        self._shown: dict[str, str] = {}
        self._asked: Counter[str] = Counter()
        self._users: dict[str, bool] = {}
        self._scheduler: Any = None
        self._root: Member | None = None
        self._earlier: Any = None

    def __enter__(self) -> Self:
        member = current()
        if member is None:
            return self
        self._scheduler = member.scheduler
        self._number_all()
        self._scheduler.chooser, self._scheduler.slack = self, _LATENESS
        self._root = member
        if self._traced:
            self._earlier = threading.get_ident(), sys.gettrace(), threading.gettrace()
            sys.settrace(self._trace)
            threading.settrace(self._trace)
        return self

    def __exit__(self, *_: object) -> None:
        if self._scheduler is None:
            return
        if self._traced:
            sys.settrace(self._earlier[1])
            threading.settrace(self._earlier[2])
        self._scheduler.chooser, self._scheduler.slack = None, 0
        self._numbers.clear()
        self._labels.clear()

    def _number_all(self) -> None:
        for member in self._scheduler.everyone:
            self._numbers.setdefault(member, len(self._numbers) + 1)

    def _label(self, member: Member) -> str:
        label = self._labels.get(member)
        if label is None:
            self._number_all()
            named = "" if _COUNTED.match(member.name) else f" {clean(member.name)!r}"
            label = self._labels[member] = f"thread {self._numbers.get(member, 0)}{named}"
        return label

    def pick(self, ready: Sequence[Member]) -> int:
        """Say which of those that are ready goes on."""
        self._number_all()
        self.switched = self.switched or any(member is not self._root for member in ready)
        if len(ready) < 2:
            return 0
        first = self._label(ready[0])
        options = [self._instead(ready[0], other) for other in ready[1:]]
        return self._ask(f"{first}, turn", options)

    def delay(self, waiter: Waiter, later: Sequence[Later]) -> Later | None:
        """Say what goes before a timer, or an answer, that has come for a thread."""
        self._number_all()
        number = self._numbers[waiter.member]
        now = self._scheduler.now
        is_timer = waiter.outcome is Outcome.TIMED_OUT
        what = _waited_for(waiter, is_timer=is_timer, seconds=(now - waiter.since) / 1e9)
        options = []
        for each in later:
            late = f"{(each.instant - now) / 1e6:.3g} ms late" if each.instant > now else "last of the same instant"
            others = "its next timer" if each.member is None else self._label(each.member)
            first = number if each.member is None else self._numbers[each.member]
            options.append(Deviation(f"{what} comes {late}, after {others}", number, first, is_late=True))
        choice = self._ask(f"{self._label(waiter.member)}, {'timer' if is_timer else 'answer'}", options)
        return later[choice - 1] if choice else None

    def _instead(self, member: Member, other: Member, where: str = "") -> Deviation:
        first, instead = self._numbers.get(member, 0), self._numbers.get(other, 0)
        return Deviation(f"{self._label(other)} goes on before it{where}", first, instead)

    def _ask(self, about: str, options: Sequence[Deviation]) -> int:
        self._asked[about] += 1
        if self._asked.total() > _MOST_ASKED:
            return 0
        return self._decisions.choose(f"{about} {self._asked[about]}", options)

    def _trace(self, frame: FrameType, event: str, argument: Any) -> Any:
        """Trace the functions of the program; other tracers, such as coverage, go on."""
        thread, its_own, others = self._earlier
        earlier = its_own if threading.get_ident() == thread else others
        theirs = earlier(frame, event, argument) if earlier is not None else None
        code = frame.f_code
        is_users_own = self._users.get(code.co_filename)
        if is_users_own is None:
            is_users_own = self._users[code.co_filename] = is_users(code.co_filename)
        if not is_users_own:
            return theirs
        halves = halves_of(code)
        frame.f_trace_opcodes = bool(halves)

        def local(frame: FrameType, event: str, argument: Any) -> Any:
            nonlocal theirs
            if theirs is not None and event != "opcode":
                theirs = theirs(frame, event, argument)
            if event == "line":
                self._before(frame)
            elif event == "opcode" and frame.f_lasti in halves:
                self._before(frame, f" ({halves[frame.f_lasti]})")
            return local

        return local

    def _before(self, frame: FrameType, inside: str = "") -> None:
        """Ask whether the thread is pre-empted here."""
        scheduler = self._scheduler
        if not scheduler.others:
            return
        member = current()
        if member is None or member.scheduler is not scheduler:
            return
        file = frame.f_code.co_filename
        shown = self._shown.get(file) or self._shown.setdefault(file, short(file))  # once: each line asks
        place = f"{shown}:{frame.f_lineno}"
        option = self._instead(member, scheduler.others[0], f", at {place}{inside}")
        if self._ask(f"{self._label(member)}, step", [option]):
            scheduler.yield_now(member, _PATIENCE)


def _waited_for(waiter: Waiter, *, is_timer: bool, seconds: float) -> str:
    """Say what has come, without the name of a thread, which may have another number in each run."""
    if waiter.loop is not None:
        return "the timer of its event loop" if is_timer else "what its event loop waits for"
    what = clean(waiter.what.partition(" '")[0])
    return f"{what} of {seconds:g} s" if is_timer else f"what it waits for ({what})"
