"""What a run leaves behind: threads, tasks, sockets, open files, held locks, temporary files."""

from __future__ import annotations

import contextlib
import os
import re
import sys
import threading
import weakref
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any, Final, Self, final

from pytest_resilience._explore.oracle.suspicion import Suspicion, short, without_chance, without_numbers
from pytest_resilience._explore.oracle.watcher import Watcher
from pytest_resilience._explore.subject import Ending
from resilience.redact import clean

_DESCRIPTORS: Final = Path("/proc/self/fd")
_DELETED: Final = " (deleted)"  # what the kernel says of a file whose folder the end of the test has removed
_made: Final[list[str]] = []
_hooked: Final[list[bool]] = []


@final
class Leaks(Watcher):
    """Compares what there is after a run with what was there before it."""

    def __init__(self) -> None:
        super().__init__()
        self._threads: set[threading.Thread] = set()
        self._descriptors: dict[int, tuple[int, int]] = {}
        self._locks: Sequence[weakref.ref[Any]] = ()

    def __enter__(self) -> Self:
        if not _hooked:  # an audit hook can't be taken away; this one does next to nothing
            _hooked.append(True)
            sys.addaudithook(_note_temporary)
        _made.clear()
        self._threads = set(threading.enumerate())
        self._descriptors = _open_descriptors()
        return self

    def read(self, ending: Ending) -> None:
        """Keep which locks were held at the end of the test."""
        self._locks = ending.held_locks

    def suspicions(self) -> Iterator[Suspicion]:
        """Yield what the run has left behind."""
        for thread in set(threading.enumerate()) - self._threads:
            thread.join(_ENDS_WITHIN_S)
            if thread.is_alive() and not _is_kept_by_trio(thread):
                yield _left(f"the thread {without_numbers(clean(thread.name))!r}")
        yield from (_left(f"the task {name}") for name in _pending_tasks())
        for lock in filter(None, (each() for each in self._locks)):
            if repr(lock).startswith("<locked"):  # what a reentrant lock has no method for before 3.14
                yield HELD_LOCK
        for number, file in _open_descriptors().items():
            if self._descriptors.get(number) != file:
                yield from map(_left, _descriptors_at(number))
        for path in dict.fromkeys(_made):
            if os.path.lexists(path):  # a text, as the hook has it
                yield _left(f"the temporary file {_shape(path)}")
        _made.clear()


_ENDS_WITHIN_S: Final = 0.2
"""The real seconds for a thread that is about to end, as those of a deadlock are; one that is left takes them all."""


def _is_kept_by_trio(thread: threading.Thread) -> bool:
    """Tell whether it is a worker without work, which trio ends by itself after ten seconds."""
    return getattr(getattr(thread, "_target", None), "__module__", None) == "trio._core._thread_cache"


def _left(what: str) -> Suspicion:
    return Suspicion("leak", f"the run leaves {what} behind")


HELD_LOCK: Final = _left("a held lock")


def _note_temporary(event: str, arguments: tuple[Any, ...]) -> None:
    if event in {"tempfile.mkstemp", "tempfile.mkdtemp"}:
        _made.append(str(arguments[0]))


def _open_descriptors() -> dict[int, tuple[int, int]]:
    """Return which file each descriptor is of. Their names take twice as long, and this is asked twice in each run."""
    found = {}
    for number in map(int, os.listdir(_DESCRIPTORS)):  # noqa: PTH208  # twice as fast
        with contextlib.suppress(OSError):  # the one by which the folder is read
            file = os.fstat(number)
            found[number] = file.st_dev, file.st_ino
    return found


def _descriptors_at(number: int) -> Iterator[str]:
    with contextlib.suppress(OSError):
        what = str((_DESCRIPTORS / str(number)).readlink())
        kind, _, rest = what.partition(":")
        if rest.startswith("["):
            yield f"an open {kind}"
        elif kind == "anon_inode":
            yield f"an open {rest.strip('[]')}"
        elif not what.startswith("/proc/"):
            yield f"the open file {_shape(what)}"


def _shape(path: str) -> str:
    return re.sub(r"\d+(?=/)", "*", without_chance(short(path.removesuffix(_DELETED))))  # pytest numbers its folders


def _pending_tasks() -> list[str]:
    """Return the tasks of asyncio that are pending on a loop that has not been closed."""
    tasks = sys.modules.get("asyncio.tasks")
    known: Any = getattr(tasks, "_scheduled_tasks", None)  # from 3.12 on
    if known is None:
        known = getattr(tasks, "_all_tasks", ())
    return sorted(
        clean(str(getattr(task.get_coro(), "__qualname__", "of a library")))
        for task in list(known)
        if not task.done() and not task.get_loop().is_closed()
    )
