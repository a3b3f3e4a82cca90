"""Deviations of the schedule: which of several threads goes on, and where one is pre-empted.

In virtual time one thread runs at a time, in an order that depends on the program alone. A real machine may choose
another one wherever a thread blocks, and may stop a thread before any line of the program, and in the middle of a line
that reads and writes again, such as ``stock.left -= 1``. Each is a decision, asked where another thread could run.
"""

from __future__ import annotations

import contextlib
import re
import sys
import threading
from collections import Counter
from collections.abc import Sequence
from types import FrameType
from typing import Any, Final, Self, final

from pytest_resilience._explore.decisions import Decisions
from pytest_resilience._explore.halves import halves_of
from pytest_resilience._explore.oracle.suspicion import is_users, short
from pytest_resilience.clock._bubble.waiting import Member, current
from resilience.redact import clean

_COUNTED: Final = re.compile(r"(Thread|ThreadPoolExecutor|asyncio|Dummy|Timer)[-_]")  # another number in each run
_MOST_ASKED: Final = 5_000  # of one run: a loop of many lines asks at each of them


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
        self._asked: Counter[str] = Counter()
        self._users: dict[str, bool] = {}
        self._open = contextlib.ExitStack()
        self._scheduler: Any = None
        self._root: Member | None = None
        self._earlier: Any = None

    def __enter__(self) -> Self:
        member = current()
        if member is None:
            return self
        self._scheduler = member.scheduler
        self._number_all()
        self._scheduler.chooser = self._who
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
        self._scheduler.chooser = None
        self._numbers.clear()

    def _number_all(self) -> None:
        for member in self._scheduler.everyone:
            self._numbers.setdefault(member, len(self._numbers) + 1)

    def _label(self, member: Member) -> str:
        named = "" if _COUNTED.match(member.name) else f" {clean(member.name)!r}"
        return f"thread {self._numbers.get(member, 0)}{named}"

    def _who(self, ready: Sequence[Member]) -> int:
        """Say which of those that are ready goes on."""
        self._number_all()
        self.switched = self.switched or any(member is not self._root for member in ready)
        if len(ready) < 2:
            return 0
        first = self._label(ready[0])
        options = [f"{self._label(other)} goes on before it" for other in ready[1:]]
        return self._ask(f"{first}, turn", options)

    def _ask(self, about: str, options: Sequence[str]) -> int:
        self._asked[about] += 1
        if self._asked.total() > _MOST_ASKED:
            return 0
        return self._decisions.choose(f"{about} {self._asked[about]}", options)

    def _trace(self, frame: FrameType, event: str, argument: Any) -> Any:
        """Trace the functions of the program; whoever traces besides, such as coverage, goes on doing so."""
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
        self._number_all()
        place = f"{short(frame.f_code.co_filename)}:{frame.f_lineno}"
        option = f"{self._label(scheduler.others[0])} goes on before it, at {place}{inside}"
        if self._ask(f"{self._label(member)}, step", [option]):
            scheduler.yield_now(member)
