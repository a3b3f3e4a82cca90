"""Tracebacks that are safe to show: as lines that nothing in them can forge, and as objects that hold no variable."""

from __future__ import annotations

import functools
import linecache
from collections import deque
from collections.abc import Callable, Iterator
from traceback import walk_tb
from types import FrameType, FunctionType, TracebackType
from typing import Any, Final, TypeVar, final

_T = TypeVar("_T")
_Line = str | Callable[[], str]
"""A line, or what writes it: foreign text is cleaned for those lines alone that are kept."""

_FRAMES_AT_EACH_END: Final = 15  # more are a recursion, as a rule
_ERRORS_AT_EACH_END: Final = 5  # of a chain, and of the notes of an error
_LINES_AT_EACH_END: Final = 120  # of the whole, on some screens
# Cleaning them takes some 30 ms, for which an event loop may stand still; a usual traceback has a tenth of that.
_MOST_CHARACTERS: Final = 30_000
_LONGEST_CHAIN: Final = 1000  # that is walked; a few of it are shown
_GROUP_WIDTH: Final = 10  # members of a group that are shown
_MOST_ERRORS: Final = 50  # of a group of groups, too, of which each level has so many

_CAUSE: Final = "The above exception was the direct cause of the following exception:"
_CONTEXT: Final = "During handling of the above exception, another exception occurred:"


@final
class TracebackText:
    """The traceback of one exception with its causes, contexts, groups and notes.

    It reads like Python's own, without the carets. Long stacks, chains and groups keep their first and last members,
    and the whole its first and last lines, so the work and the text are bounded.

    Args:
        clean: Makes one safe line of foreign text.
        describe: Makes one safe line of an exception's type and message.
    """

    def __init__(self, clean: Callable[[str], str], describe: Callable[[BaseException], str]) -> None:
        self._clean, self._describe = clean, describe
        self._seen: set[int] = set()

    def of(self, error: BaseException) -> str:
        """Return the text, without a newline at its end."""
        first, last = deque[str](), deque[str]()
        waiting = deque(self._chain(error))
        room = _MOST_CHARACTERS
        while waiting and room > 0 and len(last) < _LINES_AT_EACH_END:
            first.append(_written(waiting.popleft()))
            if waiting:
                last.appendleft(_written(waiting.pop()))
                room -= len(last[0])
            room -= len(first[-1])
        left_out = [f"... {len(waiting)} lines left out ..."] if waiting else []
        return "\n".join([*first, *left_out, *last])

    def _chain(self, error: BaseException) -> list[_Line]:
        lines: list[_Line] = []
        # Python prints the oldest first; the text of a link stands below the exception that it leads away from.
        for link in _middle_left_out(_links(error)[::-1], _ERRORS_AT_EACH_END, "exceptions"):
            if isinstance(link, str):
                lines += [link, ""]
                continue
            text, member = link
            lines += self._one(member)
            lines += ["", text, ""] if text else []
        return lines

    def _one(self, error: BaseException) -> list[_Line]:
        if id(error) in self._seen or len(self._seen) >= _MOST_ERRORS:
            return [lambda: f"... {self._describe(error)} left out ..."]
        self._seen.add(id(error))
        lines: list[_Line] = []
        if error.__traceback__:
            lines += ["Traceback (most recent call last):", *self._stack(error.__traceback__)]
        lines.append(functools.partial(self._describe, error))
        notes = getattr(error, "__notes__", ())
        if isinstance(notes, list | tuple):
            kept = _middle_left_out([note for note in notes if isinstance(note, str)], _ERRORS_AT_EACH_END, "notes")
            lines += (functools.partial(self._clean, note) for note in kept)
        if isinstance(error, BaseExceptionGroup):
            lines += self._members(error)
        return lines

    def _members(self, group: BaseExceptionGroup[BaseException]) -> list[_Line]:
        lines: list[_Line] = []
        for number, member in enumerate(group.exceptions[:_GROUP_WIDTH], start=1):
            lines.append(f"  +---------------- {number} ----------------")
            lines += (functools.partial(_indented, line) for line in self._chain(member))
        if (left_out := len(group.exceptions) - _GROUP_WIDTH) > 0:
            lines.append(f"  ... {left_out} more exceptions left out ...")
        return lines

    def _stack(self, trace: TracebackType) -> list[_Line]:
        lines: list[_Line] = []
        for entry in _middle_left_out([*walk_tb(trace)], _FRAMES_AT_EACH_END, "frames"):
            if isinstance(entry, str):
                lines.append(f"  {entry}")
                continue
            lines.append(functools.partial(self._place, *entry))
            if source := source_line(*entry):
                lines.append(functools.partial(self._source, source))
        return lines

    def _place(self, frame: FrameType, number: int) -> str:
        code = frame.f_code
        return f'  File "{self._clean(code.co_filename)}", line {number}, in {self._clean(code.co_name)}'

    def _source(self, line: str) -> str:
        return f"    {self._clean(line)}"


def _written(line: _Line) -> str:
    return line if isinstance(line, str) else line()


def _indented(line: _Line) -> str:
    return f"  | {_written(line)}"


def _links(error: BaseException) -> list[tuple[str, BaseException]]:
    """The exception and all that led to it, newest first, each with the text between it and the one it led to."""
    links: list[tuple[str, BaseException]] = []
    seen: set[int] = set()
    current: BaseException | None = error
    text = ""
    while current is not None and id(current) not in seen and len(links) < _LONGEST_CHAIN:
        seen.add(id(current))
        links.append((text, current))
        if current.__cause__ is not None or current.__suppress_context__:
            current, text = current.__cause__, _CAUSE
        else:
            current, text = current.__context__, _CONTEXT
    return links


def source_line(frame: FrameType, number: int) -> str | None:
    """Return a line of a frame's source; empty where there is none, and None where it can't be had."""
    try:
        return linecache.getline(frame.f_code.co_filename, number, frame.f_globals).strip()
    except Exception:  # noqa: BLE001  # a loader of the user's may do anything, and would do it to a formatter, too
        return None


def _middle_left_out(items: list[_T], at_each_end: int, what: str) -> list[_T | str]:
    left_out = len(items) - 2 * at_each_end
    if left_out <= 0:
        return [*items]
    return [*items[:at_each_end], f"... {left_out} {what} left out ...", *items[-at_each_end:]]


_NO_INSTRUCTION: Final = -1  # so that no carets are drawn below source lines that are not those of the instruction


def bare_traceback(trace: TracebackType | None, clean: Callable[[str], str]) -> TracebackType | None:
    """Return a traceback of the same files, lines and names, and no variable, for handlers that format one themselves.

    A line whose source ``clean`` would change, as it shows what has to be hidden, has no number, and so is not shown.
    """
    entries = [*walk_tb(trace)]
    if len(entries) > 2 * _FRAMES_AT_EACH_END:
        entries = entries[:_FRAMES_AT_EACH_END] + entries[-_FRAMES_AT_EACH_END:]
    bare = None
    for frame, number in reversed(entries):
        source = source_line(frame, number)
        is_safe = source is not None and clean(source) == source
        bare = TracebackType(bare, _bare_frame(frame, clean), _NO_INSTRUCTION, number if is_safe else 0)
    return bare


def _nothing() -> Iterator[Any]:
    yield


def _bare_frame(frame: FrameType, clean: Callable[[str], str]) -> FrameType:
    """Return a frame that never ran: that of a generator, as the frame of a function would know who called it."""
    code = frame.f_code
    named = _nothing.__code__.replace(
        co_filename=clean(code.co_filename), co_name=clean(code.co_name), co_qualname=clean(code.co_qualname)
    )
    known = {name: frame.f_globals.get(name) for name in ("__name__", "__loader__")}  # to find the source line by
    generator: Any = FunctionType(named, known)()
    return generator.gi_frame  # type: ignore[no-any-return]  # of a generator that has not begun
