"""The error for a program in which nothing can ever happen again."""

from __future__ import annotations

import sys
import traceback
from _thread import get_ident
from collections.abc import Iterable, Sequence
from types import FrameType
from typing import Any

from pytest_resilience.clock._bubble.frames import frames_of_others, is_ours, module_of
from pytest_resilience.clock._bubble.waiting import Waiter
from resilience.redact import redact

_BLOCKED = (
    "every thread is blocked and no timer is pending, so nothing can ever happen again.",
    "If something outside the clock will wake one of them, say so: `with virtual_clock.hold(): ...` around the wait.",
)
_HELD = (
    "the thread that holds time where it is sleeps, which would never end.",
    "Inside `with virtual_clock.hold(): ...` wait only for what comes from outside; sleep before or after the block.",
)

_RUNNER = ("_pytest.", "pluggy.")
"""Modules of pytest: some thirty frames of these lie below each test, the same ones each time."""


class OverdueError(BaseException):
    """Raised in a thread that waits, when time would move beyond the latest instant."""


class DeadlockError(BaseException):
    """Every thread of the virtual clock is blocked and no timer is pending.

    Raised at once in the thread that opened the clock, where it is blocked. A `BaseException`, so that the code under
    test neither swallows nor retries it. The text shows each blocked thread and asyncio task with its stack.

    Attributes:
        threads: the names of the blocked threads, the one that opened the clock first.
        tasks: the names of the unfinished asyncio tasks of their event loops.
    """

    def __init__(self, now: int, waiters: Sequence[Waiter], *, held: bool = False) -> None:
        self.threads = [waiter.member.name for waiter in waiters]
        tasks = [task for waiter in waiters for task in _tasks(waiter.loop)]
        self.tasks = [name for name, _ in tasks]
        frames = frames_of_others()
        fate, advice = _HELD if held else _BLOCKED
        lines = [f"deadlock after {now / 1e9:g} s of virtual time: {fate}"]
        for waiter in waiters:
            lines.append(f"\nThread {waiter.member.name!r} waits for {waiter.what}:")
            lines.extend(
                _stack(sys._getframe() if waiter.member.ident == get_ident() else frames.get(waiter.member.ident))
            )
        for name, stack in tasks:
            lines.append(f"\nTask {name!r} is suspended:")
            lines.extend(stack)
        lines.append(f"\n{advice}")
        super().__init__()
        self._text = "\n".join(lines)

    def __str__(self) -> str:
        """The text without secrets, hidden as late as here: where the error is made, every thread stands still."""
        return redact(self._text)


def silence(thread: Any) -> None:
    """Let a deadlocked thread end by `SystemExit` without a report: the error that names it is raised in the root.

    `threading.excepthook` ignores that exception, but the hook that pytest puts in its place reports it. What a thread
    calls to find either is an attribute of its own.
    """
    if thread is not None:
        thread._invoke_excepthook = lambda _: None


def _stack(frame: FrameType | None) -> list[str]:
    """The source lines that led to ``frame``, without the clock's own and without what called the test."""
    if frame is None:
        return ["  (not started yet)"]
    frames: list[tuple[FrameType, int]] = []
    for caller, line in traceback.walk_stack(frame):
        if frames and module_of(caller).startswith(_RUNNER):
            break
        if not is_ours(caller):
            frames.append((caller, line))
    return _format(traceback.StackSummary.extract(reversed(frames)))


def _tasks(loop: Any) -> list[tuple[str, list[str]]]:
    """The unfinished tasks of whatever runs the loop: an asyncio event loop, a trio runner or neither."""
    if loop is None:
        return []
    if hasattr(loop, "main_task"):
        return _trio_tasks(loop)
    asyncio = sys.modules["asyncio"]
    tasks = sorted(asyncio.all_tasks(loop), key=lambda task: str(task.get_name()))
    return [(str(task.get_name()), _coroutine_stack(task.get_coro())) for task in tasks]


def _trio_tasks(runner: Any) -> list[tuple[str, list[str]]]:
    """The unfinished tasks of a trio run, parents first, with their stacks."""
    found = []
    pending = [runner.main_task] if runner.main_task is not None else []
    while pending:
        task = pending.pop(0)
        frames = [(frame, line) for frame, line in task.iter_await_frames() if not module_of(frame).startswith("trio.")]
        found.append((str(task.name), _format(traceback.StackSummary.extract(iter(frames)))))
        pending += [child for nursery in task.child_nurseries for child in nursery.child_tasks]
    return found


def _coroutine_stack(coroutine: Any) -> list[str]:
    """The source lines at which a suspended coroutine, and what it awaits, stand."""
    lines: list[traceback.FrameSummary] = []
    while coroutine is not None:
        frame = getattr(coroutine, "cr_frame", None) or getattr(coroutine, "gi_frame", None)
        if frame is None:
            break
        lines.extend(traceback.extract_stack(frame, limit=1))
        coroutine = getattr(coroutine, "cr_await", None) or getattr(coroutine, "gi_yieldfrom", None)
    return _format(lines)


def _format(lines: Iterable[traceback.FrameSummary]) -> list[str]:
    return [f"  {line.filename}:{line.lineno} in {line.name}\n    {line.line}" for line in lines]
