"""A traceback that shows where an error was raised and holds nothing of the program: no variable of any frame."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from traceback import walk_tb
from types import FrameType, FunctionType, TracebackType
from typing import Any, Final

from resilience._support.traceback_text import source_line

_FRAMES_AT_EACH_END: Final = 15
_NO_INSTRUCTION: Final = -1  # so that no carets are drawn below source lines that are not those of the instruction


def bare_traceback(trace: TracebackType | None, clean: Callable[[str], str]) -> TracebackType | None:
    """Return a traceback of the same files, lines and names, for handlers that format one themselves.

    A line whose source would show what has to be hidden has no number, and so is not shown.

    Args:
        trace: The traceback of the error.
        clean: Makes one safe line of foreign text.
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
