"""What went wrong and nobody saw: coroutines that were never awaited, and errors of threads and tasks."""

from __future__ import annotations

import logging
import re
import threading
import warnings
from typing import Any, Final, Self, final

from pytest_resilience._explore.oracle.suspicion import Suspicion, of_error, without_chance, without_numbers
from pytest_resilience._explore.oracle.watcher import Watcher
from pytest_resilience.clock import LeftoverThreadWarning
from resilience.errors import Crash
from resilience.redact import clean
from resilience.testing import ReleasedError

_NEVER_AWAITED: Final = re.compile(r"coroutine '(.*)' was never awaited")
_CLOSED: Final = "socket [closed]"  # by its owner; an error that came out, such as urllib's, has its last bytes
_NOBODY_ASKED: Final = "exception was never retrieved"
_OURS: Final = (Crash, ReleasedError)  # what faults end a thread or task by


@final
class Unseen(logging.Handler, Watcher):
    """Listens to the warnings of the interpreter, the log of asyncio, and the hook for errors of threads."""

    def __init__(self) -> None:
        logging.Handler.__init__(self)
        Watcher.__init__(self)
        self._show: Any = None

    def __enter__(self) -> Self:
        self.callback(setattr, threading, "excepthook", threading.excepthook)
        threading.excepthook = self._note_thread
        logging.getLogger("asyncio").addHandler(self)
        self.callback(logging.getLogger("asyncio").removeHandler, self)
        self.enter_context(warnings.catch_warnings())  # which also brings back what shows warnings
        warnings.filterwarnings("always", category=ResourceWarning)
        warnings.filterwarnings("always", message=_NEVER_AWAITED.pattern, category=RuntimeWarning)
        self._show, warnings.showwarning = warnings.showwarning, self._note_warning
        return self

    def emit(self, record: logging.LogRecord) -> None:
        """Note what asyncio says of an error that nobody has asked a task for."""
        error = record.exc_info[1] if record.exc_info else None
        if _NOBODY_ASKED in record.getMessage() and error is not None and not isinstance(error, _OURS):
            self.seen.append(_unhandled(error, f"the task {_coroutine_of(record)}"))

    def _note_thread(self, given: Any) -> None:
        error = given.exc_value
        if error is not None and not isinstance(error, (*_OURS, SystemExit)):
            name = given.thread and repr(without_numbers(clean(given.thread.name)))
            self.seen.append(_unhandled(error, f"the thread {name or 'that has ended'}"))

    def _note_warning(self, message: Any, category: type[Warning], *rest: Any, **named: Any) -> None:
        coroutine = _NEVER_AWAITED.match(str(message))
        if coroutine is not None and issubclass(category, RuntimeWarning):
            self.seen.append(Suspicion("never awaited", f"the coroutine {clean(coroutine[1])} was never awaited"))
        elif issubclass(category, LeftoverThreadWarning) or (
            issubclass(category, ResourceWarning) and _CLOSED in str(message)
        ):
            pass  # such a thread is a leak, which is told as one
        elif issubclass(category, ResourceWarning):
            what = without_numbers(without_chance(clean(str(message), limit=100))).removeprefix("unclosed ")
            what = "a socket" if what.startswith("<socket.socket") else what  # its numbers say nothing here
            self.seen.append(Suspicion("leak", f"the run closes {what} only by chance"))
        else:
            self._show(message, category, *rest, **named)


def _coroutine_of(record: logging.LogRecord) -> str:
    """Return the coroutine that asyncio names, in the only form in which it hands it over."""
    named = re.search(r"coro=<(.*?)(?:\(\))? done", record.getMessage())
    return clean(named[1]) if named else "of a library"


def _unhandled(error: BaseException, whose: str) -> Suspicion:
    seen = of_error("unhandled", error)
    return Suspicion("unhandled", f"nobody saw the error of {whose}: {seen.text}", seen.where)
